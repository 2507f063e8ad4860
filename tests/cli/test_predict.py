"""``predict`` as users call it, with a small model in a folder."""

from __future__ import annotations

import gzip
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from arc_affinity.data.datasets.editions import edition_of
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.generation.generate import generate_json, generate_store
from arc_affinity.data.store.examples import write_store
from arc_affinity.evaluation.predicting.asking import Asking
from arc_affinity.evaluation.predicting.writing import ask
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import find_model, save_model
from arc_affinity.training.recipes.recipe import Recipe
from arc_affinity.types import PAD, Pair

pytestmark = pytest.mark.many_steps

IDS = ("aaaa0001", "aaaa0002", "aaaa0003")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights that tends to small grids."""
    torch.manual_seed(13)
    sizes = {"width": 16, "heads": 2, "feed_forward": 20, "decoder_layers": 1, "context_layers": 1}
    made = EncoderDecoder(ModelConfig(**sizes, context_width=8, context_heads=2, context_feed_forward=12))
    with torch.no_grad():
        made.context_to_logits.bias[PAD] = 9.0  # so that its grids stay small
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model(made, folder)
    return folder


def pair(seed: int) -> Pair:
    generator = np.random.default_rng(seed)
    return Pair(*(generator.integers(0, 10, (2, 3)).astype(np.uint8) for _ in range(2)))


def plain(each: Pair) -> dict[str, object]:
    return {"input": each.input.tolist(), "output": each.output.tolist()}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three task files; the second has two tests."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    for number, name in enumerate(IDS):
        tests = [plain(pair(90 + 10 * number + k)) for k in range(1 + number % 2)]
        content = {"train": [plain(pair(10 * number + k)) for k in range(3)], "test": tests}
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_records_of_every_task_in_order(cli, model: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    done = cli("predict", model, "--dataset", dataset, "--out", out)
    assert (done.code, done.out, done.err) == (0, f"{out}\n", "")
    records = read_records(out)
    places = [(r.task_id, r.test_index, r.attempt) for r in records]
    assert places == [(name, i, k) for n, name in enumerate(IDS) for i in range(1 + n % 2) for k in (1, 2)]
    assert {(r.model, r.dataset, r.protocol) for r in records} == {("tiny", str(dataset), "arc_prize")}
    assert not out.with_name("r.jsonl.part").exists()


def test_records_carry_the_edition_of_the_whole_dataset(cli, model: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    assert cli("predict", model, "--dataset", dataset, "--tasks", IDS[0], "--out", out).code == 0
    assert {r.edition for r in read_records(out)} == {edition_of(load_tasks(str(dataset)))}


def test_examples_that_a_model_was_trained_on_are_told(cli, model: Path, tmp_path: Path) -> None:
    known, other = "5daaa586", "00d62c1b"
    shutil.copytree(model, tmp_path / "run" / "model")

    def told(dataset: str | Path, asked: tuple[str, ...] = (known,), **recipe: object) -> str:
        made = Recipe("run", model=find_model(str(model)).model.config, **recipe)
        (tmp_path / "run" / "recipe.json").write_text(json.dumps(made.to_dict()))
        options = ("--protocol", "teacher_forced", "--out", tmp_path / "r.jsonl", "--tasks", *asked)
        (tmp_path / "r.jsonl").unlink(missing_ok=True)
        done = cli("predict", tmp_path / "run", "--dataset", dataset, *options)
        assert done.code == 0, done.err
        return done.err

    def note(seen: int, asked: int) -> str:
        return (
            f"note: run was trained on examples that are asked here, of {seen} of {asked} tasks; how it answers them "
            "says nothing of others\n"
        )

    store, folder, apart = (tmp_path / name for name in ("store", "folder", "apart"))
    first = generate_store(store, (known,), 3, 5)
    generate_json(folder, (known,), 4, 5)
    generate_store(apart, (known,), 3, 5, exclude=first)
    # By the seed: of the set re-arc the fourth example is asked, of a store all, of task files the last.
    assert told("re-arc", (known, other), per_task=4) == note(1, 2) and not told("re-arc", per_task=3)
    assert told(store, per_task=2, data_seed=5) == note(1, 1) and not told(store)
    assert told(folder, per_task=4, data_seed=5) == note(1, 1) and not told(folder, per_task=3, data_seed=5)
    assert not told(apart, data_seed=5), "what was left out is what was trained on"
    # By the inputs, where examples of one's own were trained on.
    assert told(store, examples=str(folder)) == told(folder, examples=str(apart)) == note(1, 1)
    assert not told(apart, examples=str(store))
    assert told("arc-agi-1/training", (other,), examples="arc-agi-1/training") == note(1, 1)
    assert not told("arc-agi-1/training", (other,), examples="arc-agi-1/evaluation")
    gone = f"note: run was trained or validated on {tmp_path / 'gone'}, where nothing is any more, so that it may"
    assert told(store, examples=str(tmp_path / "gone")).startswith(gone)


def test_the_same_command_gives_the_same_bytes_and_gzip_the_same_rows(
    cli, model: Path, dataset: Path, tmp_path: Path
) -> None:
    for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz"):
        assert cli("predict", model, "--dataset", dataset, "--out", tmp_path / name).code == 0
    rows = (tmp_path / "a.jsonl").read_bytes()
    assert (tmp_path / "b.jsonl").read_bytes() == rows
    assert gzip.decompress((tmp_path / "c.jsonl.gz").read_bytes()) == rows


def test_finished_records_of_other_answers_are_not_replaced(cli, model: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    command = ("predict", model, "--dataset", dataset, "--out", out)
    assert cli(*command).code == 0
    before, written = out.read_bytes(), out.stat().st_mtime_ns
    other = tmp_path / "other"
    save_model(EncoderDecoder(find_model(str(model)).model.config), other)
    for changed in (
        ("predict", other, *command[2:]),
        (*command, "--tasks", IDS[0]),
        (*command, "--protocol", "sized"),
        (*command, "--views", 2),
        (*command, "--attempts", 3),
        (*command, "--seed", 5),
    ):
        done = cli(*changed)
        assert (done.code, done.out) == (1, "") and "--overwrite replaces them" in done.err
        assert done.err.startswith(f"error: {out} holds 8 finished records of other answers (tiny ")
    # The same command again has nothing to do.
    assert cli(*command).code == 0
    assert (out.read_bytes(), out.stat().st_mtime_ns) == (before, written)
    assert cli(*command, "--tasks", IDS[0], "--overwrite").code == 0
    assert {r.task_id for r in read_records(out)} == {IDS[0]}
    out.write_text("notes of mine")
    done = cli(*command)
    assert done.code == 1 and "not replaced without --overwrite" in done.err
    assert out.read_text() == "notes of mine"


@pytest.mark.parametrize("part", ["train", "test"])
def test_answers_to_changed_tasks_are_other_answers(cli, model: Path, dataset: Path, tmp_path: Path, part: str) -> None:
    command = ("predict", model, "--dataset", dataset, "--out", tmp_path / "r.jsonl")
    assert cli(*command).code == 0
    task = json.loads((dataset / f"{IDS[0]}.json").read_text())
    task[part][0]["output"] = plain(pair(7))["output"]
    (dataset / f"{IDS[0]}.json").write_text(json.dumps(task))
    assert "--overwrite replaces them" in cli(*command).err


@pytest.mark.parametrize("protocol", ["sized", "teacher_forced"])
def test_the_other_protocols(cli, model: Path, dataset: Path, tmp_path: Path, protocol: str) -> None:
    out = tmp_path / "r.jsonl"
    assert cli("predict", model, "--dataset", dataset, "--protocol", protocol, "--out", out).code == 0
    records = read_records(out)
    assert {r.protocol for r in records} == {protocol}
    assert all(r.size_match for r in records)


def test_one_task_views_and_attempts(cli, model: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    options = ("--tasks", IDS[2], "--views", 3, "--attempts", 1, "--seed", 5, "--device", "cpu")
    assert cli("predict", model, "--dataset", dataset, "--out", out, *options).code == 0
    [record] = read_records(out)
    assert (record.task_id, record.views, record.seed) == (IDS[2], 3, 5)


@pytest.mark.parametrize("views", [1, 3])
def test_as_many_attempts_as_were_asked_for(cli, model: Path, dataset: Path, tmp_path: Path, views: int) -> None:
    out = tmp_path / "r.jsonl"
    options = ("--attempts", 5, "--views", views)
    assert cli("predict", model, "--dataset", dataset, "--out", out, *options).code == 0
    records = read_records(out)
    assert [r.attempt for r in records] == [1, 2, 3, 4, 5] * 4
    assert len({(r.task_id, r.test_index, str(r.prediction)) for r in records}) == 20


def test_an_example_store_is_a_dataset(cli, model: Path, tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", {"t1": [pair(k) for k in range(3)], "t2": [pair(k) for k in range(5, 7)]})
    out = tmp_path / "r.jsonl"
    assert cli("predict", model, "--dataset", tmp_path / "s", "--out", out).code == 0
    assert [(r.task_id, r.test_index) for r in read_records(out)][::2] == [
        ("t1", 0), ("t1", 1), ("t1", 2), ("t2", 3), ("t2", 4)
    ]  # fmt: skip
    assert {r.edition for r in read_records(out)} == {store.edition}
    other = write_store(tmp_path / "other", {"t1": [pair(k) for k in range(3)], "t2": [pair(k) for k in range(6, 8)]})
    assert store.edition != other.edition


def test_the_published_leak_can_be_had_and_its_records_say_so(cli, model: Path, tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", {"t1": [pair(k) for k in range(5)]})
    out = tmp_path / "r.jsonl"
    options = ("--protocol", "teacher_forced", "--out", out)
    assert cli("predict", model, "--dataset", tmp_path / "s", *options, "--context", "first").code == 0
    assert {r.dataset for r in read_records(out)} == {f"{tmp_path / 's'}?context=first"}
    leaked = ask(store, store.tasks, 2, Asking(), "first")
    for (example,) in leaked:
        assert [each.input.tolist() for each in example.demonstrations] == [
            store.pair(k).input.tolist() for k in (0, 1)
        ]


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--protocol", "arc_prise"), 2, "unknown protocol 'arc_prise'; did you mean 'arc_prize'?"),
        (("--tasks", "aaaa0004"), 1, "unknown task 'aaaa0004'; did you mean 'aaaa000"),
        (("--device", "cuda"), 1, "no device 'cuda' here"),
        (("--device", "gpu"), 1, "no device 'gpu' here"),
        (("--device", "meta"), 1, "device 'meta' cannot predict"),
        (("--context", "first"), 2, "--context first is for example stores"),
        (("--attempts", 0), 2, "--attempts"),
        (("--attempts", 11), 2, "--attempts"),
        (
            ("--attempts", 2, "--protocol", "teacher_forced"),
            2,
            "--attempts 2: teacher_forced shows the model the answer",
        ),
        (("--views", 2, "--protocol", "teacher_forced"), 2, "--views 2: teacher_forced shows the model the answer"),
        (("--views", 0), 2, "--views"),
        (("--seed", -1), 2, "--seed"),
        (("--protocoll", "sized"), 2, "Did you mean --protocol?"),
    ],
)
def test_bad_options_are_one_line(cli, model: Path, dataset: Path, tmp_path: Path, options, code, told) -> None:
    done = cli("predict", model, "--dataset", dataset, "--out", tmp_path / "r.jsonl", *options)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    assert told in done.err
    assert not list(tmp_path.glob("r.jsonl*"))


def test_unknown_models_and_datasets(cli, model: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    for arguments, told in (
        ((model, "--dataset", "arc-agi-1/evaluatoin"), "did you mean 'arc-agi-1/evaluation'?"),
        ((model, "--dataset", tmp_path / "nowhere"), "nowhere"),
        ((tmp_path / "nowhere", "--dataset", dataset), "no model folder or checkpoint at"),
        ((dataset, "--dataset", dataset), "is not a model folder"),
    ):
        done = cli("predict", *arguments, "--out", out)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("error: ") and done.err.count("\n") == 1
        assert told in done.err
    assert not list(tmp_path.glob("r.jsonl*"))


def test_withheld_answers_are_refused_before_anything_is_written(
    cli, model: Path, dataset: Path, tmp_path: Path
) -> None:
    path = dataset / f"{IDS[0]}.json"
    content = json.loads(path.read_text())
    del content["test"][0]["output"]
    path.write_text(json.dumps(content))
    out = tmp_path / "r.jsonl"
    done = cli("predict", model, "--dataset", dataset, "--out", out, "--protocol", "sized")
    assert done.code == 1 and "task aaaa0001 output 0 has no true output, which protocol sized needs" in done.err
    assert not list(tmp_path.glob("r.jsonl*"))
    assert cli("predict", model, "--dataset", dataset, "--out", out).code == 0


def test_a_folder_that_cannot_be_written_is_told_at_once(cli, model: Path, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = cli("predict", model, "--dataset", dataset, "--out", tmp_path / "file" / "r.jsonl")
    assert done.code == 1
    assert done.err.startswith("error: cannot write ") and done.err.count("\n") == 1


def test_a_full_disk_is_one_line_and_can_go_on(cli, model: Path, dataset: Path, tmp_path: Path) -> None:
    command = ("predict", model, "--dataset", dataset, "--out")
    assert cli(*command, tmp_path / "straight.jsonl").code == 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        done = cli(*command, tmp_path / "r.jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: cannot write ") and "File too large" in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "r.jsonl").exists()
    assert cli(*command, tmp_path / "r.jsonl").code == 0
    assert (tmp_path / "r.jsonl").read_bytes() == (tmp_path / "straight.jsonl").read_bytes()


def test_a_half_made_file_of_other_questions_is_replaced_only_where_that_is_said(
    cli, model: Path, dataset: Path, tmp_path: Path
) -> None:
    out, part = tmp_path / "r.jsonl", tmp_path / "r.jsonl.part"
    command, other = ("predict", model, "--dataset", dataset, "--out", out), ("--seed", 1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        cli(*command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    begun = part.read_bytes()
    done = cli(*command, *other)
    assert done.code == 1
    assert "r.jsonl.part was begun with" in done.err and "delete it to begin again" in done.err
    assert part.read_bytes() == begun and not out.exists()
    assert cli(*command, *other, "--overwrite").code == 0
    assert {record.seed for record in read_records(out)} == {1} and not part.exists()
    # What another call began stays beside a finished file.
    part.write_bytes(begun)
    assert cli(*command, *other).code == 0
    assert part.read_bytes() == begun


def test_a_file_that_names_no_task_is_refused_before_anything_is_written(
    cli, model: Path, dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "ids.txt").write_text("\n")
    done = cli("predict", model, "--dataset", dataset, "--tasks", tmp_path / "ids.txt", "--out", tmp_path / "r.jsonl")
    assert (done.code, done.out, done.err) == (1, "", f"error: {tmp_path / 'ids.txt'} names no task\n")
    assert not list(tmp_path.glob("r.jsonl*"))


SLOW = """
import sys, time
from arc_affinity.evaluation.predicting import predict
from arc_affinity.cli.main import run
predict.CHUNK = 1
answer, calls = predict.answer, []
def slower_every_time(*arguments):
    time.sleep(60 * len(calls))
    calls.append(arguments)
    return answer(*arguments)
predict.answer = slower_every_time
sys.exit(run(sys.argv[1:]))
"""


def test_killed_it_goes_on_after_the_last_finished_task(
    cli, model: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arc_affinity.evaluation.predicting import predict

    command = ["predict", str(model), "--dataset", str(dataset), "--out"]
    out = tmp_path / "r.jsonl"
    part = tmp_path / "r.jsonl.part"
    script = [sys.executable, "-c", SLOW, *command, str(out)]
    process = subprocess.Popen(script, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    # The second task is under way once the first one's line is whole.
    while not part.exists() or part.read_bytes().count(b"\n") < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (-9, "")
    assert not out.exists()
    begun = part.read_bytes()
    monkeypatch.setattr(predict, "CHUNK", 1)
    asked: list[str] = []
    answer = predict.answer
    monkeypatch.setattr(predict, "answer", lambda m, q, *rest: [asked.append(q[0][0].task_id), answer(m, q, *rest)][1])
    assert cli(*command, out).code == 0
    assert asked == list(IDS[1:])
    assert cli(*command, tmp_path / "straight.jsonl").code == 0
    assert out.read_bytes() == (tmp_path / "straight.jsonl").read_bytes()
    assert begun.splitlines()[1].count(b'"task_id":"aaaa0001"') == 2


def test_interrupted_it_says_that_it_goes_on(
    cli, model: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arc_affinity.evaluation.predicting import predict

    command, out = ("predict", model, "--dataset", dataset, "--out"), tmp_path / "r.jsonl"
    answer, asked = predict.answer, []

    def interrupted(*arguments: object) -> object:
        asked.append(arguments)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return answer(*arguments)

    monkeypatch.setattr(predict, "CHUNK", 1)
    with monkeypatch.context() as patch:
        patch.setattr(predict, "answer", interrupted)
        done = cli(*command, out)
    assert (done.code, done.out, done.err) == (130, "", "error: interrupted; the same command resumes\n")
    assert not out.exists()
    assert cli(*command, out).code == cli(*command, tmp_path / "straight.jsonl").code == 0
    assert out.read_bytes() == (tmp_path / "straight.jsonl").read_bytes()
