"""``solve`` by the command line: what a user types, what is left, and what is refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from arc_affinity.cli.solve import parse_duration
from arc_affinity.data.datasets.editions import edition_of
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.writer import RecordWriter
from arc_affinity.models.pair_transformer.storage import find_solver
from arc_affinity.models.storage.names import ZOO, bundled_models, bundled_solvers

pytestmark = pytest.mark.many_steps

TASK = "25ff71a9"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of one small task."""
    made = tmp_path_factory.mktemp("tasks")
    (task,) = (task for task in load_tasks("arc-agi-1/training") if task.id == TASK)
    pairs = {
        part: [{"input": pair.input.tolist(), "output": pair.output.tolist()} for pair in pairs]
        for part, pairs in (("train", task.train), ("test", task.test))
    }
    (made / f"{TASK}.json").write_text(json.dumps(pairs))
    return made


@pytest.fixture(scope="module")
def finished(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from arc_affinity.cli.main import run

    out = tmp_path_factory.mktemp("solve") / "run"
    command = f"solve --dataset {folder} --steps 3 --views 3 --sources network --workers 1 --seed 5 --out {out}"
    assert run(command.split()) == 0
    return out


def test_what_there_was_no_time_to_learn_is_told(folder: Path, tmp_path: Path, cli) -> None:
    both = tmp_path / "two"
    shutil.copytree(folder, both)
    shutil.copy(both / f"{TASK}.json", both / "another.json")
    command = f"solve --dataset {both} --steps 1 --views 1 --sources network --workers 1 --out {tmp_path / 'out'}"
    done = cli(*command.split())
    assert done.code == 0
    assert "time to learn 1 of the 2 tasks, those with least to learn; more --steps teach it more" in done.out
    assert "the base was trained on 1 of these tasks before" in done.out


def test_the_base_comes_with_the_package_and_is_no_model_of_predict() -> None:
    assert "solver-small" in bundled_solvers()
    assert "solver-small" not in bundled_models()
    assert find_solver("solver-small").model.parameter_count() <= 5_000_000


def test_records_are_scored_and_submitted(cli, finished: Path, folder: Path, tmp_path: Path) -> None:
    done = cli("score", finished / "records.jsonl", "--dataset", folder)
    assert done.code == 0, done.err
    done = cli("submit", finished / "records.jsonl", "--dataset", folder, "--out", tmp_path / "s.json")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "s.json").read_text()) == json.loads((finished / "submission.json").read_text())
    row = json.loads((finished / "records.jsonl").read_text().splitlines()[0])
    assert (row["exposure"], row["source"], row["model"]) == ("transductive", "network", "solver-small")
    assert row["seed"] == json.loads((finished / "run.json").read_text())["seed"] == 5


def test_records_of_some_tasks_carry_the_edition_of_the_whole_dataset(cli, folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "tasks"
    shutil.copytree(folder, whole)
    (whole / "other.json").write_text((whole / f"{TASK}.json").read_text())
    command = ("solve", "--dataset", whole, "--tasks", TASK, "--sources", "search", "--steps", "1", "--workers", "1")
    done = cli(*command, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    row = json.loads((tmp_path / "out" / "records.jsonl").read_text().splitlines()[0])
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert row["edition"] == summary["edition"] == edition_of(load_tasks(str(whole)))


@pytest.mark.parametrize("flag", [("--views", "8"), ("--seed", "0"), ("--base", "solver-small"), ("--device", "cpu")])
def test_a_search_alone_refuses_what_is_for_the_network(
    cli, folder: Path, tmp_path: Path, flag: tuple[str, str]
) -> None:
    command = ("solve", "--dataset", folder, "--sources", "search", "--steps", "1", "--out", tmp_path / "out")
    done = cli(*command, *flag)
    assert (done.code, done.err) == (
        2,
        f"error: {flag[0]} would change nothing: --sources search asks no network\n",
    )
    assert not (tmp_path / "out").exists()


def test_predict_takes_what_was_left_for_the_tasks_that_it_learned(cli, finished: Path, folder: Path, tmp_path: Path):
    done = cli("predict", finished, "--dataset", folder, "--views", "2", "--out", tmp_path / "r.jsonl")
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    digest = json.loads((finished / "records.jsonl").read_text().splitlines()[0])["model_digest"]
    assert {row["model_digest"] for row in rows} == {digest}
    other = cli("predict", finished, "--dataset", "arc-agi-1/training", "--tasks", "00576224", "--out", tmp_path / "o")
    assert other.code == 1
    other = cli("predict", finished, "--dataset", "arc-agi-1/training", "--tasks", "3c9b0459", "--out", tmp_path / "o")
    assert "has not learned these: tasks: 1 (3c9b0459)" in other.err
    sized = cli("predict", finished, "--dataset", folder, "--protocol", "sized", "--out", tmp_path / "o")
    assert sized.code == 2 and "finds the size itself" in sized.err
    first = cli("predict", finished, "--dataset", folder, "--context", "first", "--out", tmp_path / "o")
    assert first.code == 2 and "--adapter and --context are not for it" in first.err
    assert not (tmp_path / "o").exists()


def test_predict_does_not_go_on_over_a_corrected_answer(
    cli, finished: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_writer: RecordWriter) -> None:
        raise KeyboardInterrupt

    command = ("predict", finished, "--dataset", tmp_path, "--views", "2", "--out", tmp_path / "r.jsonl")
    content = json.loads((folder / f"{TASK}.json").read_text())
    (tmp_path / f"{TASK}.json").write_text(json.dumps(content))
    monkeypatch.setattr(RecordWriter, "finish", interrupted)
    assert cli(*command).code == 130
    monkeypatch.undo()
    content["test"][0]["output"][0][0] = 9
    (tmp_path / f"{TASK}.json").write_text(json.dumps(content))
    done = cli(*command)
    assert done.code == 1 and "was begun with questions" in done.err, done.err


@pytest.mark.parametrize(
    ("text", "seconds"), [("2h", 7200), ("30m", 1800), ("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("5 min", 300)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["soon", "0", "0s", "", "-1h", "1", "h", "1h?", "1e9h", "٣h", "2h 3", "99999999h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ArcAffinityError, match="budget"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ([], 2, "give --budget"),
        (["--budget", "1m", "--steps", "3"], 2, "give --budget"),
        (["--budget", "soon"], 2, "no duration"),
        (["--budget", "0s"], 2, "between a second and a year"),
        (["--steps", "1", "--base", "solver-smal"], 1, "did you mean 'solver-small'?"),
        (["--steps", "1", "--base", "rotary"], 1, "unknown base 'rotary'"),
        (["--steps", "1", "--base", "no/such"], 1, "no model folder at no/such"),
        (["--steps", "1", "--tasks", "25ff71a8"], 1, "did you mean '25ff71a9'?"),
        (["--steps", "1", "--executor", "slurm"], 2, '"slurm" for --executor. Take processes, dask:local or'),
        (["--steps", "1", "--executor", "dask:"], 2, '"dask:" for --executor'),
    ],
)
def test_bad_input_is_refused_in_a_line(
    cli, folder: Path, tmp_path: Path, given: list[str], code: int, message: str
) -> None:
    done = cli("solve", "--dataset", folder, "--out", tmp_path / "out", *given)
    assert done.code == code
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out" / "records.jsonl").exists()


@pytest.mark.parametrize("fault", ["cut", "config", "kind", "missing"])
def test_a_damaged_base_is_refused(cli, folder: Path, tmp_path: Path, fault: str) -> None:
    base = tmp_path / "base"
    shutil.copytree(ZOO / "solver-small", base)
    weights, config = base / "model.safetensors", base / "config.json"
    if fault == "cut":
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif fault == "missing":
        weights.unlink()
    else:
        settings = json.loads(config.read_text())
        settings |= {"width": 10**9} if fault == "config" else {"kind": "pair-transformer-2"}
        config.write_text(json.dumps(settings))
    done = cli("solve", "--dataset", folder, "--steps", "1", "--base", base, "--out", tmp_path / "out")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert str(base) in done.err
