"""Bad input through the real command line: one line on stderr, a non-zero exit, and nothing lost or half written.

Kills and full disks are in tests/data/generation/test_generate.py, tests/cli/test_train.py and
tests/cli/predict/test_predict.py; every fault of a submission in tests/cli/test_score.py.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from arc_affinity.data.store.examples import write_store
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import save_model
from arc_affinity.types import PAD, Pair

GOOD = {"train": [{"input": [[1]], "output": [[2]]}] * 3, "test": [{"input": [[3]], "output": [[4]]}]}
SMALL = {"width": 16, "heads": 2, "feed_forward": 20, "decoder_layers": 1, "context_layers": 1}


def with_input(value: object) -> dict[str, object]:
    """A good task but for one grid."""
    return {**GOOD, "train": [{"input": value, "output": [[2]]}, *GOOD["train"]]}


BAD_TASKS = {
    "not JSON": ("{", "not JSON"),
    "empty": ("", "empty"),
    "a list": ("[1, 2]", "task"),
    "no train": ({"test": GOOD["test"]}, "train"),
    "no train pairs": ({**GOOD, "train": []}, "train"),
    "no test pairs": ({**GOOD, "test": []}, "test"),
    "a pair without input": ({**GOOD, "train": [{"output": [[2]]}]}, "input"),
    "a ragged grid": (with_input([[1, 2], [3]]), "row"),
    "a grid without rows": (with_input([]), "train"),
    "a grid without columns": (with_input([[]]), "train"),
    "31 columns": (with_input([[0] * 31]), "31"),
    "31 rows": (with_input([[0]] * 31), "31"),
    "10": (with_input([[10]]), "10"),
    "-1": (with_input([[-1]]), "-1"),
    "2.5": (with_input([[2.5]]), "2.5"),
    "true": (with_input([[True]]), "rue"),
    "text": (with_input([["3"]]), '"3"'),
    "null": (with_input([[None]]), "null"),
    "NaN": ('{"train": [{"input": [[NaN]], "output": [[1]]}], "test": [{"input": [[1]]}]}', "t"),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(17)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    made = EncoderDecoder(ModelConfig(**SMALL, context_width=8, context_heads=2, context_feed_forward=12))
    with torch.no_grad():
        # An untrained model seldom ends a grid of its own accord.
        made.context_to_logits.bias[PAD] = 4.0
    save_model(made, folder)
    return folder


@pytest.fixture
def refused(cli, tmp_path: Path) -> Callable[..., str]:
    """Run a command that must fail, and return its one line; the folder of the test is as it was before."""

    def call(*arguments: object, code: int = 1) -> str:
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        done = cli(*arguments)
        assert (done.code, done.out) == (code, "")
        assert done.err.startswith("error: ") and done.err.count("\n") == 1, done.err
        assert "unexpected;" not in done.err, done.err
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        return done.err

    return call


def task_file(folder: Path, content: object, name: str = "aaaa0001.json") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


@pytest.mark.parametrize(("content", "told"), BAD_TASKS.values(), ids=BAD_TASKS)
def test_bad_tasks(refused, tmp_path: Path, model: Path, content: object, told: str) -> None:
    folder = task_file(tmp_path / "tasks", content)
    line = refused("predict", model, "--dataset", folder, "--out", tmp_path / "r.jsonl")
    assert "aaaa0001" in line and told in line
    assert told in refused("data", "show", "aaaa0001", "--dataset", folder)
    assert told in refused(
        "score", task_file(tmp_path, "{}", "submission.json") / "submission.json", "--dataset", folder
    )


def test_a_test_without_output_is_predicted_but_not_scored(cli, refused, tmp_path: Path, model: Path) -> None:
    folder = task_file(tmp_path / "tasks", {**GOOD, "test": [{"input": [[3]]}]})
    out = tmp_path / "r.jsonl"
    assert cli("predict", model, "--dataset", folder, "--out", out).code == 0
    assert "withheld" in refused("score", out, "--dataset", folder)
    assert "withheld" in refused("score", out)


@pytest.mark.parametrize("name", ["cells.npy", "index.npy", "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_store(refused, tmp_path: Path, model: Path, name: str, damage: str) -> None:
    generator = np.random.default_rng(5)
    pairs = [Pair(*(generator.integers(0, 10, (3, 5)).astype(np.uint8) for _ in range(2))) for _ in range(7)]
    write_store(tmp_path / "store", {"aaaa0001": pairs})
    harm(tmp_path / "store" / name, damage)
    for command in (
        ("predict", model, "--dataset", tmp_path / "store", "--out", tmp_path / "r.jsonl"),
        ("data", "split", "--store", tmp_path / "store"),
    ):
        assert "store" in refused(*command)


def harm(path: Path, how: str) -> None:
    """Cut a file in the middle, or turn a bit over there."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 1
    path.write_bytes(content[:middle] if how == "cut" else content)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_model_folder(refused, tmp_path: Path, model: Path, name: str, damage: str) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    for path in model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    harm(folder / name, damage)
    tasks = task_file(tmp_path / "tasks", GOOD)
    assert str(folder) in refused("predict", folder, "--dataset", tasks, "--out", tmp_path / "r.jsonl")
    assert str(folder) in refused("model", "info", folder)


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_checkpoint(refused, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"recipe": {"name": "x"}, "state_dict": {"w": torch.arange(1009.0)}}, path)
    harm(path, damage)
    tasks = task_file(tmp_path / "tasks", GOOD)
    assert str(path) in refused("predict", path, "--dataset", tasks, "--out", tmp_path / "r.jsonl")
    assert str(path) in refused("model", "import", path, "--out", tmp_path / "imported")


class Harmful:
    """What a pickle may hold: a call of anything."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (open, ("harmed.txt", "w"))


@pytest.mark.parametrize("archive", [False, True], ids=["bare", "in an archive"])
def test_a_pickle_posing_as_a_checkpoint(refused, tmp_path: Path, monkeypatch, archive: bool) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "best.ckpt"
    if archive:
        torch.save({"state_dict": Harmful()}, path)
    else:
        path.write_bytes(pickle.dumps({"state_dict": Harmful()}))
    tasks = task_file(tmp_path / "tasks", GOOD)
    for command in (
        ("predict", path, "--dataset", tasks, "--out", tmp_path / "r.jsonl"),
        ("model", "info", path),
        ("model", "import", path, "--out", tmp_path / "imported"),
    ):
        assert "best.ckpt is refused" in refused(*command)
    assert not (tmp_path / "harmed.txt").exists()


def test_unknown_names_suggest_the_nearest(refused, tmp_path: Path, model: Path) -> None:
    out = tmp_path / "r.jsonl"
    tasks = task_file(tmp_path / "tasks", GOOD)
    for arguments, code, told in (
        (("train", "smok"), 1, "unknown recipe 'smok'; did you mean 'smoke'?"),
        (("train", "smoke", "--stepz", 3), 2, "Did you mean --steps?"),
        (("predict", model, "--dataset", "arc-agi-2/evaluatoin", "--out", out), 1, "'arc-agi-2/evaluation'"),
        (("predict", model, "--dataset", tasks, "--tasks", "aaaa0002", "--out", out), 1, "'aaaa0001'"),
        (("predict", model, "--dataset", tasks, "--protocol", "arc-prize", "--out", out), 2, "'arc_prize'"),
        (("predict", model, "--datset", tasks, "--out", out), 2, "Did you mean --dataset"),
        (("data", "show", "007bbfb8"), 1, "'007bbfb7'"),
        (("data", "generate", "--out", out, "--tasks", "007bbfb8", "--per-task", 2), 1, "'007bbfb7'"),
        (("predikt",), 2, "did you mean 'predict'?"),
        (("data", "fetsh"), 2, "did you mean 'fetch'?"),
    ):
        assert told in refused(*arguments, code=code)


def test_folders_that_cannot_be_written(refused, tmp_path: Path, model: Path) -> None:
    (tmp_path / "file").write_text("mine")
    tasks, below = task_file(tmp_path / "tasks", GOOD), tmp_path / "file" / "below"
    for command in (
        ("predict", model, "--dataset", tasks, "--out", below),
        ("train", "smoke", "--out", below),
        ("data", "generate", "--out", below, "--tasks", "007bbfb7", "--per-task", 2, "--workers", 1),
    ):
        assert "cannot write" in refused(*command)
