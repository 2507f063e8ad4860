"""The commands ``model info``, ``model import`` and ``model merge``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from arc_affinity.data.store.examples import write_store
from arc_affinity.models.adapters.files import save_adapter
from arc_affinity.models.adapters.lora import Adapter, Factors
from arc_affinity.models.adapters.spec import LoraSpec
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.pair_transformer.storage import find_solver
from arc_affinity.models.storage.checkpoints import read_checkpoint
from arc_affinity.models.storage.folders import find_model, save_model
from arc_affinity.models.storage.names import CONFIG
from arc_affinity.models.storage.published import CORE, PUBLISHED, export_published, import_published
from arc_affinity.types import Pair

TINY = ModelConfig(width=8, heads=2, feed_forward=3, context_width=4, context_heads=1, context_layers=1)
CARD = "---\nlicense: mit\n---\n\n# Tiny\n\nLearned nothing.\n\n## More\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    save_model(EncoderDecoder(TINY), tmp_path / "tiny", CARD)
    return tmp_path / "tiny"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the champion's size in the published layout."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("published") / "champion_bootstrap.ckpt"
    torch.save({"state_dict": export_published(EncoderDecoder(PUBLISHED)), "epoch": 35}, path)
    return path


def test_info_as_json_and_nothing_else(cli: Callable, folder: Path) -> None:
    done = cli("model", "info", folder, "--json")
    assert (done.code, done.err) == (0, "")
    said = json.loads(done.out)
    model = find_model(str(folder))
    assert said["config"] == asdict(TINY)
    assert said["parameters"] == model.model.parameter_count() == sum(said["parts"].values())
    assert (said["name"], said["digest"], said["source"]) == ("tiny", model.digest, str(folder))
    assert said["size_bytes"] == (folder / "model.safetensors").stat().st_size


def test_info_for_people(cli: Callable, folder: Path) -> None:
    done = cli("model", "info", folder)
    assert done.code == 0
    model = find_model(str(folder)).model
    for text in (f"{model.parameter_count():,}", "decoder_inter_layer_ln", "read_ends", "# Tiny", "Learned nothing."):
        assert text in done.out
    assert "license" not in done.out


def test_info_of_the_base_of_solve(cli: Callable) -> None:
    said = json.loads(cli("model", "info", "solver-small", "--json").out)
    network = find_solver("solver-small")
    assert said["parameters"] == network.model.parameter_count() == sum(said["parts"].values())
    assert (said["digest"], said["config"]["tasks"]) == (network.digest, len(network.task_ids))
    shown = cli("model", "info", "solver-small").out
    assert "layers" in shown and "# solver-small" in shown


def test_import_and_info(cli: Callable, published: Path, tmp_path: Path) -> None:
    done = cli("model", "import", published, "--out", tmp_path / "champion")
    assert (done.code, done.out) == (0, f"{tmp_path / 'champion'}\n")
    said = json.loads(cli("model", "info", tmp_path / "champion", "--json").out)
    assert said["parameters"] == 1_644_975
    assert said["config"] == asdict(PUBLISHED)
    card = (tmp_path / "champion" / "README.md").read_text()
    assert "bridge replace, pre-norm" in " ".join(card.split())
    assert "position tables are the same as ours" in card


def test_what_the_listing_leaves_open_can_be_said(cli: Callable, published: Path, tmp_path: Path) -> None:
    flags = ("--bridge", "residual", "--norm", "post", "--context-heads", "8")
    assert cli("model", "import", published, "--out", tmp_path / "other", *flags).code == 0
    config = json.loads((tmp_path / "other" / CONFIG).read_text())
    assert (config["bridge"], config["pre_norm"], config["context_heads"]) == ("residual", False, 8)


def test_importing_the_checkpoint_of_a_run(cli: Callable, tmp_path: Path) -> None:
    model = EncoderDecoder(TINY)
    state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save({"recipe": {"name": "mine", "model": TINY.to_dict()}, "state_dict": state}, tmp_path / "best.ckpt")
    done = cli("model", "import", tmp_path / "best.ckpt", "--out", tmp_path / "mine", "--norm", "pre")
    assert done.code == 2
    assert "is of a training run, whose recipe settles pre_norm" in done.err
    assert cli("model", "import", tmp_path / "best.ckpt", "--out", tmp_path / "mine").code == 0
    assert find_model(str(tmp_path / "mine")).digest == find_model(str(tmp_path / "best.ckpt")).digest


@pytest.mark.parametrize(("threshold", "verdict"), [(0.5, "below"), (-0.5, "above")])
def test_merging_tells_every_way_and_its_barrier(
    cli: Callable, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threshold: float, verdict: str
) -> None:
    monkeypatch.setattr("arc_affinity.models.adapters.barrier.THRESHOLD", threshold)
    base = find_model(str(folder))
    name, sign = "decoder.layers.0.linear2", torch.tensor([[1.0], [-1.0]] * 4)
    for task, factor in (("a", 0.001), ("b", 0.003)):
        change = {name: Factors(torch.ones(1, 3), factor * sign)}
        save_adapter(Adapter(LoraSpec(1, 1.0), change, base.name, base.digest), tmp_path / task)
    grids = np.random.default_rng(3).integers(0, 10, (5, 2, 2, 3), dtype=np.uint8)
    write_store(tmp_path / "sample", {"00576224": [Pair(*each) for each in grids]})
    flags = ("--base", folder, "--sample", tmp_path / "sample", "--examples", 5, "--weights", 3, "--weights", 1)
    done = cli("model", "merge", tmp_path / "a", tmp_path / "b", *flags, "--out", tmp_path / "merged")
    assert (done.code, done.out) == (0, f"{tmp_path / 'merged'}\n"), done.err
    before, after = (model.state_dict()[f"{name}.weight"] for model in (
        base.model, find_model(str(tmp_path / "merged")).model
    ))  # fmt: skip
    torch.testing.assert_close(after - before, 0.0015 * sign.expand(8, 3))
    told = [line.split()[1:4:2] for line in done.err.splitlines() if "merged" in line]
    assert told == [["tiny", "merged"], ["a", "merged"], ["b", "merged"]]
    assert f"{verdict} the threshold of {threshold}" in " ".join(done.err.split())


@pytest.mark.parametrize("wrapper", ["_orig_mod.", "module.", "module._orig_mod.", "_orig_mod.module."])
def test_importing_a_model_that_was_compiled_or_shared(published: Path, tmp_path: Path, wrapper: str) -> None:
    plain = torch.load(published, weights_only=True)["state_dict"]
    for content in ({wrapper + name: each for name, each in plain.items()}, {"state_dict": {
        f"{name.partition('.')[0]}._orig_mod.{name.partition('.')[2]}" if "." in name else name: each
        for name, each in plain.items()
    }}):  # fmt: skip
        torch.save(content, tmp_path / "wrapped.ckpt")
        found = import_published(read_checkpoint(tmp_path / "wrapped.ckpt"), "wrapped.ckpt")
        assert torch.equal(found.input_embedding.G, plain[CORE + "input_embedding.G"])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.ckpt", b"", "x.ckpt is empty, no checkpoint"),
        ("x.safetensors", save({"a": torch.ones(1)}), "weights alone (safetensors); name its folder"),
        ("x.ckpt", save({"a": torch.ones(1)}), "weights alone (safetensors); name its folder"),
        ("x.ckpt", b"<!doctype html>", "x.ckpt is refused: no archive of tensors"),
        ("x.ckpt", b"version https://git-lfs.github.com/spec/v1\n", "x.ckpt is refused: no archive of tensors"),
    ],
)
def test_importing_what_is_no_checkpoint(cli: Callable, tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    done = cli("model", "import", tmp_path / name, "--out", tmp_path / "m")
    assert done.code == 1 and told in done.err and done.err.count("\n") == 1 and not (tmp_path / "m").exists()


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float64])
def test_importing_numbers_of_another_kind_is_told_in_a_few_words(
    cli: Callable, published: Path, tmp_path: Path, kind: torch.dtype
) -> None:
    plain = torch.load(published, weights_only=True)["state_dict"]
    torch.save({name: each.to(kind) for name, each in plain.items()}, tmp_path / "x.ckpt")
    done = cli("model", "import", tmp_path / "x.ckpt", "--out", tmp_path / "m")
    assert done.code == 1 and len(done.err) < 1200
    assert f"{len(plain)} misshapen" in done.err and str(kind).removeprefix("torch.") in done.err


def test_nothing_is_overwritten(cli: Callable, published: Path, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = cli("model", "import", published, "--out", folder)
    assert done.code == 1
    assert done.err == f"error: {folder} holds a model already (config.json); choose another folder\n"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        other = folder.parent / name / "adapter"
        other.mkdir(parents=True)
        (other / name).touch()
        for line in (("import", published), ("merge", other, "--base", folder)):
            done = cli("model", *line, "--out", other)
            assert done.code == 1 and f"{other} holds a model already ({name})" in done.err
        assert [path.name for path in other.iterdir()] == [name]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("model", "info", "zebra"), 1, "unknown model 'zebra'"),
        (("model", "info"), 2, "requires an argument"),
        (("model", "import", "none.ckpt", "--out", "x"), 1, "no checkpoint at none.ckpt"),
        (("model", "import", "none.ckpt"), 2, "requires an argument"),
        (("model", "import", "none.ckpt", "--out", "x", "--norm", "middle"), 2, "middle"),
        (("model", "inform"), 2, "did you mean 'info'?"),
        (("model", "merge", "--base", "rotary", "--out", "x"), 2, "name at least one adapter"),
        (("model", "merge", "a", "b", "--weights", "1", "--base", "rotary", "--out", "x"), 2, "has 1 numbers for 2"),
        (("model", "merge", "a", "--weights", "-1", "--base", "rotary", "--out", "x"), 2, "for --weights"),
    ],
)
def test_errors_in_one_line(cli: Callable, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = cli(*arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
