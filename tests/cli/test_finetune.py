"""``finetune``, ``predict --adapter`` and ``model merge`` as users call them, on a model of a few thousand values."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from arc_affinity.cli import finetune
from arc_affinity.cli.output.terminal import Console
from arc_affinity.data.generation.generate import generate_json, generate_store
from arc_affinity.data.splits import foundational_tasks
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import read_records
from arc_affinity.models.adapters.files import digest_of_set
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import find_model, save_model
from arc_affinity.training.finetuning import many_tasks, seen, work
from arc_affinity.training.finetuning.config import FineTuneConfig, Method, config_for
from arc_affinity.training.finetuning.seen import Seen
from arc_affinity.training.finetuning.source import Source
from arc_affinity.training.recipes.recipe import Recipe
from arc_affinity.types import PAD, Pair

pytestmark = pytest.mark.many_steps

TINY = ModelConfig(width=8, heads=2, feed_forward=4, context_width=4, context_heads=1, context_layers=1)
QUICK = ("--rank", 2, "--steps", 2, "--batch-examples", 5, "--test", 2, "--validation", 2, "--workers", 1)
FULL = QUICK[2:]
"""Without the rank of changes, of which the method full has none."""

EVALUATION = "arc-agi-1/evaluation"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    tiny = EncoderDecoder(TINY)
    with torch.no_grad():
        # Untrained models seldom end a grid of their own accord.
        tiny.context_to_logits.bias[PAD] = 4.0
    save_model(tiny, tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)

    def pairs() -> list[Pair]:
        return [Pair(*rng.integers(0, 10, (2, 2, 3), dtype=np.uint8)) for _ in range(13)]

    write_store(tmp_path / "store", {"00576224": pairs(), "0a0ad42b": pairs()})
    return tmp_path / "store"


def test_an_arc_task_by_its_demonstrations_then_predict(cli: Callable, model: Path, tmp_path: Path) -> None:
    out, task = tmp_path / "out", "00576224"
    quick = ("--rank", 2, "--steps", 2, "--batch-examples", 5, "--workers", 1)
    done = cli("finetune", model, "--dataset", EVALUATION, "--tasks", task, "--out", out, "--method", "lora", *quick)
    assert (done.code, done.out) == (0, f"{out / 'records.jsonl.gz'}\n"), done.err
    assert "Means over tasks" in done.err and "1 tasks" in done.err
    result = json.loads((out / "tasks" / task / "result.json").read_text())
    assert result["parts"] == {"train": 2, "validation": 0, "test": 1}
    records = read_records(out / "records.jsonl.gz")
    assert {(r.task_id, r.dataset) for r in records} == {(task, EVALUATION)}
    assert {r.adapter for r in records} == {None, "lora"}
    assert {r.edition for r in records} == {"278e2f571716a4e3"}
    ways = {
        "adapter.jsonl": (model, "--adapter", out / "tasks" / task),
        "one-each.jsonl": (model, "--adapter", out / "tasks"),
        "model.jsonl": (out / "tasks" / task,),
    }
    for name, (first, *rest) in ways.items():
        command = ("predict", first, *rest, "--dataset", EVALUATION, "--tasks", task, "--out", tmp_path / name)
        said = cli(*command)
        assert said.code == 0, said.err
    found = [[(r.adapter, r.model_digest, str(r.prediction)) for r in read_records(tmp_path / name)] for name in ways]
    assert found[0] == found[1] == found[2]
    assert found[0][0][:2] == (task, find_model(str(out / "tasks" / task)).digest)
    assert found[0][0][1] != find_model(str(model)).digest
    # What finetune and predict leave can be submitted: of the former, the answers after it under the honest protocol.
    submissions = []
    for name in (out / "records.jsonl.gz", tmp_path / "one-each.jsonl"):
        made = tmp_path / "submission.json"
        said = cli("submit", name, "--dataset", EVALUATION, "--allow-missing", "--out", made)
        assert said.code == 0, said.err
        submissions.append(json.loads(made.read_text())[task])
    answers = [r.prediction.tolist() for r in records if r.adapter and r.protocol == "arc_prize" and r.attempt == 1]
    assert submissions[0] == submissions[1] and [a["attempt_1"] for a in submissions[0]] == answers
    finetuned = {(r.adapter, r.model_digest) for r in records}
    assert finetuned == {(None, find_model(str(model)).digest), ("lora", found[0][0][1])}
    mine = [str(r.prediction) for r in records if r.adapter and r.protocol == "arc_prize"]
    assert mine == [prediction for _, _, prediction in found[0]]


@pytest.mark.slow
def test_a_store_full_models_and_merging(cli: Callable, model: Path, store: Path, tmp_path: Path) -> None:
    done = cli("finetune", model, "--dataset", store, "--out", tmp_path / "full", "--method", "full", *FULL)
    assert done.code == 0, done.err
    assert find_model(str(tmp_path / "full" / "tasks" / "0a0ad42b")).model.config == TINY
    both = read_records(tmp_path / "full" / "records.jsonl.gz")
    own = {t: find_model(str(tmp_path / "full" / "tasks" / t)).digest for t in ("00576224", "0a0ad42b")}
    assert {r.model_digest for r in both if r.adapter} == {digest_of_set(own)}
    scored = cli("score", tmp_path / "full" / "records.jsonl.gz", "--dataset", store, "--json")
    assert scored.code == 0, scored.err
    store_size = len(ExampleStore.open(store))
    assert {s["outputs"] for s in json.loads(scored.out)["scores"]} == {store_size}
    # The specialists answer through `predict` as they did when they were made, and are the same solver.
    again = ("predict", model, "--adapter", tmp_path / "full" / "tasks", "--dataset", store)
    assert cli(*again, "--out", tmp_path / "again.jsonl").code == 0
    assert {r.model_digest for r in read_records(tmp_path / "again.jsonl")} == {digest_of_set(own)}
    assert {(r.task_id, r.adapter) for r in read_records(tmp_path / "again.jsonl")} == {(t, t) for t in own}
    done = cli("finetune", model, "--dataset", store, "--out", tmp_path / "lora", *QUICK)
    assert done.code == 0, done.err
    adapters = [tmp_path / "lora" / "tasks" / task for task in ("00576224", "0a0ad42b")]
    merged = tmp_path / "merged"
    command = ("model", "merge", *adapters, "--base", model, "--out", merged, "--sample", store, "--examples", 5)
    done = cli(*command, "--weights", 3, "--weights", 1)
    assert (done.code, done.out) == (0, f"{merged}\n"), done.err
    assert "largest barrier" in done.err and "0a0ad42b" in done.err
    assert find_model(str(merged)).digest != find_model(str(model)).digest
    again = cli(*command)
    assert again.code == 1 and "holds a model already" in again.err
    other = tmp_path / "other"
    save_model(EncoderDecoder(TINY), other)
    foreign = cli("model", "merge", *adapters, "--base", other, "--out", tmp_path / "no")
    assert foreign.code == 1 and "the adapter was trained on" in foreign.err and "not on other" in foreign.err


def test_adaptations_of_one_base_are_told_apart(cli: Callable, model: Path, store: Path, tmp_path: Path) -> None:
    command = ("finetune", model, "--dataset", store, *QUICK)
    for seed in (1, 2):
        done = cli(*command, "--seed", seed, "--out", tmp_path / f"ft{seed}")
        assert done.code == 0, done.err
        adapters = tmp_path / f"ft{seed}" / "tasks"
        for kind, given in (("set", adapters), ("one", adapters / "00576224")):
            out = tmp_path / f"{kind}{seed}.jsonl"
            done = cli("predict", model, "--adapter", given, "--dataset", store, "--protocol", "sized", "--out", out)
            assert done.code == 0, done.err
    digests = {name: {r.model_digest for r in read_records(tmp_path / f"{name}.jsonl")} for name in
               ("set1", "set2", "one1", "one2")}  # fmt: skip
    assert all(len(each) == 1 for each in digests.values())
    assert len(set.union(*digests.values())) == 4
    after = {r.model_digest for r in read_records(tmp_path / "ft1" / "records.jsonl.gz") if r.adapter}
    assert after == digests["set1"]
    both = tmp_path / "both.jsonl"
    both.write_bytes((tmp_path / "set1.jsonl").read_bytes() + (tmp_path / "set2.jsonl").read_bytes())
    said = json.loads(cli("score", both, "--json").out)
    assert [s["model_digest"] for s in said["scores"]] == [*digests["set1"], *digests["set2"]]
    page = tmp_path / "report.html"
    done = cli("diagnose", tmp_path / "set1.jsonl", tmp_path / "set2.jsonl", tmp_path / "one1.jsonl", "--out", page)
    assert done.code == 0, done.err
    assert len(json.loads(page.with_suffix(".json").read_text())["sets"]) == 3
    stacked = cli("predict", tmp_path / "ft1" / "tasks" / "00576224", "--adapter", tmp_path / "ft2" / "tasks",
                  "--dataset", store, "--out", tmp_path / "no.jsonl")  # fmt: skip
    assert stacked.code == 1 and "is an adapter, over which no other is laid" in stacked.err
    folder = tmp_path / "ft1" / "tasks" / "00576224"
    merged = cli("model", "merge", tmp_path / "ft2" / "tasks" / "00576224", "--base", folder, "--out", tmp_path / "m")
    assert merged.code == 1 and "over which no other is laid" in merged.err
    info = json.loads(cli("model", "info", folder, "--json").out)
    assert info["digest"] in digests["one1"]
    assert info["adapter"]["base_digest"] == find_model(str(model)).digest
    assert info["size_bytes"] == (folder / "adapter_model.safetensors").stat().st_size
    words = " ".join(cli("model", "info", folder).out.split())
    assert f"with the adapter 00576224 of rank {info['adapter']['rank']}" in words and "tiny" in words


def test_sets_from_files_keep_ids_as_text(cli: Callable, model: Path, store: Path, tmp_path: Path) -> None:
    lines, listed, bad = (tmp_path / name for name in ("ids.txt", "ids.json", "bad.json"))
    lines.write_text("00576224\n")
    listed.write_text('["00576224"]')
    bad.write_text("[576224]")
    for each in (lines, listed):
        done = cli("finetune", model, "--dataset", store, "--set", each, "--out", tmp_path / each.stem / "o", *QUICK)
        assert done.code == 0, done.err
    done = cli("finetune", model, "--dataset", store, "--set", bad, "--out", tmp_path / "o", *QUICK)
    assert done.code == 1 and "number 1 must be text, not 576224" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "give --tasks ID… or --set"),
        (("--tasks", "25ff71a9", "--set", "foundational"), 2, "give --tasks or --set, not both"),
        (("--dataset", EVALUATION, "--tasks", "00576224", "--set", "all"), 2, "give --tasks or --set, not both"),
        (("--tasks", "0057622"), 1, "unknown task '0057622'"),
        (("--set", "fundamental"), 1, "did you mean 'foundational'?"),
        (("--set", os.devnull, "--dataset", EVALUATION), 1, f"{os.devnull} names no task"),
        (("--tasks", "25ff71a9", "--unlike-seed", 5), 2, "--unlike-seed goes with --unlike"),
        (("--dataset", EVALUATION, "--max-side", 1), 1, "no tasks are left"),
        (("--tasks", "25ff71a9", "--max-side", 12), 2, "generated ones have grids of all sizes"),
        (("--tasks", "25ff71a9", "--rank", 7), 1, "rank 7 is larger than encoder.layers.0.linear1, which is 4x8"),
        (("--tasks", "25ff71a9", "--pattern", "linear1"), 1, "matches no Linear; there are"),
        (("--tasks", "25ff71a9", "--executor", "slurm"), 2, '"slurm" for --executor. Take processes, dask:local or'),
        (("--tasks", "25ff71a9", "--votes", 0), 2, "votes must be a whole number of 1 or more, not 0"),
    ],
)
def test_bad_input_in_one_line(
    cli: Callable, model: Path, tmp_path: Path, arguments: tuple, code: int, told: str
) -> None:
    quick = ("--per-task", 5, "--validation", 1, "--workers", 1)
    done = cli("finetune", model, "--out", tmp_path / "out", *quick, *arguments)
    assert (done.code, done.out) == (code, "")
    assert told in done.err and "Traceback" not in done.err


@pytest.mark.parametrize(
    ("given", "beside"),
    [
        (("--rank", 2, "--method", "full"), "--rank would change nothing beside --method full"),
        (("--rank", 2, "--dataset", EVALUATION), "--rank would change nothing beside --method full"),
        (("--alpha", 2, "--method", "context-only"), "--alpha would change nothing beside --method context-only"),
        (("--pattern", "a", "--method", "full"), "--pattern would change nothing beside --method full"),
        (("--steps", 9, "--method", "context-only"), "--steps would change nothing beside --method context-only"),
        (
            ("--learning-rate", 0.1, "--method", "context-only"),
            "--learning-rate would change nothing beside --method context-only",
        ),
        (("--votes", 4), "--votes would change nothing beside --augment none"),
        (("--votes", 4, "--method", "context-only"), "--votes would change nothing beside --augment none"),
        (("--unlike", 4, "--dataset", EVALUATION), f"--unlike would change nothing beside --dataset {EVALUATION}"),
        (("--unlike-seed", 4, "--dataset", EVALUATION), "--unlike-seed would change nothing beside --dataset"),
        (("--test", 4, "--dataset", EVALUATION), f"--test would change nothing beside --dataset {EVALUATION}"),
        (("--data-seed", 4, "--dataset", EVALUATION), "--data-seed would change nothing beside --dataset"),
        (("--data-seed", 4, "--dataset", "mine.npz"), "--data-seed would change nothing beside --dataset mine.npz"),
    ],
)
def test_what_would_change_nothing_is_refused(cli: Callable, tmp_path: Path, given: tuple, beside: str) -> None:
    done = cli("finetune", "rotary", "--tasks", "25ff71a9", *given, "--out", tmp_path / "out")
    assert (done.code, done.out) == (2, "") and done.err.startswith(f"error: finetune: {beside}"), done.err
    assert done.err.count("\n") == 1


def test_what_changes_something_is_not_refused() -> None:
    def refused(given: dict[str, object], method: Method | None = None, dataset: str = "re-arc") -> None:
        source = Source(dataset)
        config = replace(config_for(method, by_demonstrations=source.by_demonstrations), **given)
        finetune._refuse_ignored(given, config, source)

    refused({"rank": 3, "alpha": 2.0, "pattern": "a", "test": 4, "unlike": 5, "unlike_seed": 7, "data_seed": 2})
    refused({"steps": 3, "learning_rate": 0.1, "votes": 3, "augment": "kept"}, "full")
    # Views of a question vote, whatever became of the model.
    refused({"votes": 3, "augment": "all"}, "context-only")
    refused({"votes": 3, "steps": 5, "validation": 3, "per_task": 4}, dataset=EVALUATION)
    refused({"test": 3, "unlike": 4, "unlike_seed": 3}, dataset="mine.npz")


@pytest.mark.parametrize(("gpus", "given", "used"), [(0, (), 2), (1, (), 1), (1, ("--workers", 5), 5)])
def test_a_gpu_has_one_worker(
    cli: Callable, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: int, given: tuple, used: int
) -> None:
    asked: list[int] = []

    def choose(executor: str, number: int) -> None:
        asked.append(number)
        raise ArcAffinityError("none today")

    monkeypatch.setattr(work, "cores", lambda: 7)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(finetune, "choose_workers", choose)
    done = cli("finetune", "rotary", "--dataset", store, *given, "--out", tmp_path / "out")
    assert done.code == 1 and "none today" in done.err and asked == [used]


def test_someone_must_work(cli: Callable, model: Path, tmp_path: Path) -> None:
    done = cli("finetune", model, "--tasks", "25ff71a9", "--workers", 0, "--out", tmp_path / "out")
    assert (done.code, done.out) == (2, "") and 'Invalid value "0" for --workers' in done.err


def test_only_the_protocols_asked_for_score(cli: Callable, model: Path, store: Path, tmp_path: Path) -> None:
    command = ("finetune", model, "--dataset", store, "--tasks", "00576224", "--out", tmp_path / "out", *QUICK)
    done = cli(*command, "--protocols", "sized", "teacher_forced", "sized")
    assert done.code == 0, done.err
    assert {str(r.protocol) for r in read_records(Path(done.out.strip()))} == {"sized", "teacher_forced"}
    finished = (tmp_path / "out" / "tasks" / "00576224" / "result.json").stat().st_mtime_ns
    # In another order they are the same settings.
    assert cli(*command, "--protocols", "teacher_forced", "sized").code == 0
    assert (tmp_path / "out" / "tasks" / "00576224" / "result.json").stat().st_mtime_ns == finished
    other = cli(*command)
    assert other.code == 1 and "protocols" in other.err
    typo = cli(*command, "--protocols", "size")
    assert typo.code == 2 and "did you mean 'sized'" in typo.err


def test_adapters_are_not_fine_tuned_and_must_be_there(cli: Callable, model: Path, store: Path, tmp_path: Path) -> None:
    assert cli("finetune", model, "--dataset", store, "--out", tmp_path / "out", *QUICK).code == 0
    done = cli("finetune", tmp_path / "out" / "tasks" / "00576224", "--dataset", store, "--out", tmp_path / "no")
    assert done.code == 1 and "is an adapter; fine-tune its base, tiny" in done.err
    command = ("predict", model, "--dataset", store, "--out", tmp_path / "r.jsonl")
    done = cli(*command, "--adapter", tmp_path)
    assert done.code == 1 and "holds no adapter" in done.err


def test_tests_are_kept_apart_from_what_the_model_was_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    config, loaded, console = FineTuneConfig(), SimpleNamespace(name="mine"), Console(stderr=True)
    trained = [
        Seen(frozenset("ab"), 7, 3, (2, 13)),
        Seen(frozenset("bc"), 5, 3, (2, 11)),
        Seen(frozenset("bx"), 5, 3),
        Seen(frozenset("d"), 11, 2),
    ]
    monkeypatch.setattr(seen, "examples_seen", lambda model: trained)
    monkeypatch.setattr(seen, "without_recipe", lambda model: None)
    found = finetune.unlike_what_was_seen(config, loaded, ("b", "y"), console)
    assert (found.unlike, found.unlike_seed, found.unlike_also) == (7, 3, ((2, 11), (2, 13)))
    assert finetune.unlike_what_was_seen(config, loaded, ("y",), console) == config
    with pytest.raises(ArcAffinityError, match="mine was trained on examples of seeds 2, 3; give --unlike"):
        finetune.unlike_what_was_seen(config, loaded, ("b", "d"), console)

    def gone(model: object) -> list[Seen]:
        raise ArcAffinityError("mine was trained on out/store, where nothing is any more")

    monkeypatch.setattr(seen, "examples_seen", gone)
    with pytest.raises(ArcAffinityError, match="where nothing is any more; --unlike and --unlike-seed say which"):
        finetune.unlike_what_was_seen(config, loaded, ("b",), console)


def test_a_store_is_tested_on_what_the_base_was_not_trained_on(cli: Callable, model: Path, tmp_path: Path) -> None:
    task = "25ff71a9"
    generate_json(tmp_path / "trained", (task,), 11, 3)
    generate_store(tmp_path / "asked", (task,), 23, 3)
    model.rename(tmp_path / "model")
    recipe = Recipe("run", model=TINY, examples=str(tmp_path / "trained"))
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    command = ("finetune", tmp_path / "model", "--dataset", tmp_path / "asked", "--protocols", "sized", *QUICK)
    done = cli(*command, "--out", tmp_path / "out")
    assert done.code == 0 and "nothing is known" not in done.err, done.err
    places = {record.test_index for record in read_records(tmp_path / "out" / "records.jsonl.gz")}
    assert len(places) == 2 and min(places) >= 11
    # A copy has no recipe, and the same examples are tests of it, which is said.
    shutil.copytree(tmp_path / "model", tmp_path / "copy")
    done = cli("finetune", tmp_path / "copy", *command[2:], "--out", tmp_path / "other")
    assert "note: nothing is known of what copy was trained on, so it may have seen the tests; --unlike" in done.err
    assert min(record.test_index for record in read_records(tmp_path / "other" / "records.jsonl.gz")) < 11
    done = cli("finetune", tmp_path / "copy", *command[2:], "--unlike", 0, "--out", tmp_path / "other")
    assert done.code == 0 and "note" not in done.err, "what is told is known"


def test_a_task_that_fails_is_told_and_is_the_exit_code(
    cli: Callable, model: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(many: object, out: Path, workers: object, tell: Callable, found: Callable) -> SimpleNamespace:
        tell("00576224", None)
        tell("0a0ad42b", "too large")
        result = {"base": {}, "final": {}, "examples_seen": 7, "seconds": 1.0, "scoring_seconds": 0.25}
        return SimpleNamespace(results={"00576224": result}, failed=["0a0ad42b"], records=out / "records")

    monkeypatch.setattr(many_tasks, "fine_tune_tasks", run)
    done = cli("finetune", model, "--dataset", store, "--out", tmp_path / "out", *QUICK)
    assert (done.code, done.out) == (1, f"{tmp_path / 'out' / 'records'}\n")
    assert "0a0ad42b failed: too large" in done.err and "00576224 failed" not in done.err
    assert "1 tasks, 1.2 s each, 1 failed" in done.err
    again = "says why, and the same command tries them again"
    assert done.err.endswith(f"error: 1 of 2 tasks failed; {tmp_path / 'out' / 'failed'} {again}\n")


def test_what_failed_is_tried_again_by_the_same_command(
    cli: Callable, model: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = work.work

    def fails(many: work.ManyTasks, task: str, place: int) -> work.TaskFiles:
        if task == "0a0ad42b":
            raise ArcAffinityError("no luck")
        return whole(many, task, place)

    command = ("finetune", model, "--dataset", store, "--protocols", "sized", "--out", tmp_path / "out", *QUICK)
    monkeypatch.setattr(many_tasks, "work", fails)
    done = cli(*command)
    records = tmp_path / "out" / "records.jsonl.gz"
    assert (done.code, done.out) == (1, f"{records}\n") and "1 of 2 tasks failed" in done.err
    assert json.loads((tmp_path / "out" / "failed" / "0a0ad42b.json").read_text())["error"] == "no luck"
    assert {record.task_id for record in read_records(records)} == {"00576224"}
    monkeypatch.setattr(many_tasks, "work", whole)
    assert cli(*command).code == 0
    assert {record.task_id for record in read_records(records)} == {"00576224", "0a0ad42b"}


def test_named_sets() -> None:
    known = ("x", "y")
    assert finetune._set("foundational", known) == foundational_tasks() and finetune._set("all", known) == known


def test_tables_of_tasks_and_means(capsys: pytest.CaptureFixture[str]) -> None:
    def means(solved: float, exact: float, cells: float) -> dict[str, dict[str, float]]:
        return {"sized": {"solved": solved, "exact": exact, "cells": cells}}

    both = {"examples_seen": 1234, "seconds": 2.25, "scoring_seconds": 0.5}
    results = {
        "t1": {"base": means(0, 0, 0.81), "final": means(0.5, 0.25, 0.9), **both},
        "t2": {"base": means(0.25, 0.0625, 0.875), "final": means(1, 1, 1), **both},
        "t3": {"base": {}, "final": {}, **both},
    }
    console = finetune.Console(width=100)
    for count in (2, 3, finetune.SHOWN + 1):
        rows = (list(results.items()) * 20)[:count]
        ended = SimpleNamespace(results=results if count == 3 else {f"{k}/{i}": v for i, (k, v) in enumerate(rows)},
                                failed=["t4"])  # fmt: skip
        finetune._report(ended, console)
        told = [line.replace("│", " ").split() for line in capsys.readouterr().out.splitlines()]
        assert [f"{count}", "tasks,", "2.8", "s", "each,", "1", "failed"] in told
        assert (["t1", "0.0,", "50.0", "1,234", "2.2"] in told) == (count == 3)
        assert any(line[:1] in (["t1/0"], ["t1"]) for line in told) == (count <= finetune.SHOWN)
        if count == 3:
            assert ["t3", "withheld,", "withheld", "1,234", "2.2"] in told
            assert ["sized", "before", "12.50", "3.12", "84.25", "2", "of", "2"] in told
            assert ["sized", "after", "75.00", "62.50", "95.00", "0", "of", "2"] in told
    finetune._report(SimpleNamespace(results={"t3": results["t3"]}, failed=[]), console)
    assert "Means over tasks" not in capsys.readouterr().out
