"""Models go to the Hub and come back the same; a local folder stands for the Hub's own server."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.files import save_adapter
from arc_affinity.models.adapters.lora import Adapter, Factors, find_linears
from arc_affinity.models.adapters.spec import LoraSpec
from arc_affinity.models.pair_transformer.storage import find_either
from arc_affinity.models.storage.folders import find_model
from arc_affinity.models.storage.hub import pull, push

hub = pytest.importorskip("huggingface_hub")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Repositories in a folder, by the calls that the library makes over the network."""
    root = tmp_path / "hub"
    root.mkdir()

    def create_repo(repository: str, *, private: bool, exist_ok: bool) -> None:
        (root / "said").write_text(f"private {private}")
        hub.utils.validate_repo_id(repository)
        (root / repository).mkdir(parents=True, exist_ok=exist_ok)

    def upload_folder(*, repo_id: str, folder_path: Path, allow_patterns: list[str]) -> str:
        names = [path.name for path in folder_path.iterdir()]
        for path in hub.utils.filter_repo_objects(names, allow_patterns=allow_patterns):
            shutil.copy(folder_path / path, root / repo_id)
        return f"file://{root / repo_id}"

    def snapshot_download(repository: str, *, revision: str | None, allow_patterns: list[str], local_dir: str) -> None:
        (root / "said").write_text(f"revision {revision}")
        if not (root / repository).is_dir():
            raise hub.errors.RepositoryNotFoundError("404 Client Error.\nmore", response=_response())
        for path in (root / repository).iterdir():
            if path.name in allow_patterns:
                shutil.copy(path, local_dir)

    for call in (create_repo, upload_folder, snapshot_download):
        monkeypatch.setattr(hub, call.__name__, call)
    return root


def _response() -> object:
    """An answer of the Hub, of the kind that its own errors are made with."""
    library = hub.errors.HfHubHTTPError.__mro__[1].__module__.partition(".")[0]
    kind = pytest.importorskip(library).Response
    try:
        return kind(404, request=pytest.importorskip(library).Request("GET", "https://example.org"))
    except TypeError:
        return kind()


@pytest.mark.parametrize("name", ["rotary", "solver-small"])
def test_a_model_comes_back_as_it_went(server: Path, tmp_path: Path, name: str) -> None:
    (server / "someone" / "model").mkdir(parents=True)
    (server / "someone" / "model" / "notes.txt").write_text("of somebody else")
    assert push(name, "someone/model").startswith("file://")
    folder = pull("someone/model", tmp_path / "back")
    assert find_either(str(folder)).digest == find_either(name).digest
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors", "README.md"}


def test_the_commands_say_what_is_private_and_which_revision(server: Path, tmp_path: Path, cli: Callable) -> None:
    for flags, told in (((), "private False"), (("--private",), "private True")):
        assert cli("model", "push", "rotary", "someone/model", *flags).code == 0
        assert (server / "said").read_text() == told
    for number, (flags, told) in enumerate((((), "revision None"), (("--revision", "v1"), "revision v1"))):
        assert cli("model", "pull", "someone/model", "--out", tmp_path / f"back{number}", *flags).code == 0
        assert (server / "said").read_text() == told


def test_an_adapter_is_no_model_to_push(server: Path, tmp_path: Path) -> None:
    base, folder, spec = find_model("rotary"), tmp_path / "adapter", LoraSpec(2, 4.0)
    factors = {
        name: Factors(torch.zeros(2, linear.in_features), torch.zeros(linear.out_features, 2))
        for name, linear in find_linears(base.model, spec).items()
    }
    save_adapter(Adapter(spec, factors, "rotary", base.digest), folder)
    with pytest.raises(ArcAffinityError, match="is an adapter, not a whole model"):
        push(str(folder), "someone/adapter")
    assert not (server / "someone").exists()


def test_what_is_no_model_of_ours_leaves_nothing(server: Path, tmp_path: Path) -> None:
    (server / "someone" / "else").mkdir(parents=True)
    with pytest.raises(ArcAffinityError, match=r"someone/else has no config.json"):
        pull("someone/else", tmp_path / "back")
    push("rotary", "someone/broken")
    weights = server / "someone" / "broken" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    with pytest.raises(ArcAffinityError, match=r"model\.safetensors"):
        pull("someone/broken", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_refusals_are_one_line(server: Path, tmp_path: Path) -> None:
    with pytest.raises(ArcAffinityError, match=r"^the Hub refuses nobody/none: [^\n]*404 Client Error[^\n]*$"):
        pull("nobody/none", tmp_path / "back")
    with pytest.raises(ArcAffinityError, match="the Hub refuses a/b/c: "):
        push("rotary", "a/b/c")
    (tmp_path / "back").mkdir()
    with pytest.raises(ArcAffinityError, match="exists already"):
        pull("someone/model", tmp_path / "back")


def test_a_hub_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip(hub.errors.HfHubHTTPError.__mro__[1].__module__.partition(".")[0])

    def no_network(*arguments: object, **named: object) -> None:
        raise getattr(library, "ConnectError", ConnectionError)("connection refused")

    monkeypatch.setattr(hub, "create_repo", no_network)
    with pytest.raises(ArcAffinityError, match="connection refused"):
        push("rotary", "someone/model")
