"""``data generate`` and ``data split`` as a user calls them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from arc_affinity.cli.data import generate
from arc_affinity.data.generation import rearc
from arc_affinity.data.generation.generate import generate_store
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.taxonomy.categories import CODES

TASKS = ("05269061", "5daaa586", "85c4e7cd")
SMALL = ("--tasks", *TASKS, "--per-task", 5, "--workers", 1)


def test_generate_makes_a_store_and_tells_rejections(cli, tmp_path: Path) -> None:
    done = cli("data", "generate", "--out", tmp_path / "s", *SMALL, "--seed", 2)
    assert (done.code, done.err) == (0, "")
    store = ExampleStore.open(tmp_path / "s")
    assert store.tasks == TASKS
    assert len(store) == 15
    assert store.manifest["seed"] == 2
    rows = {cells[0]: cells[1:] for cells in (re.findall(r"[\w,]+", line) for line in done.out.splitlines()) if cells}
    rejected = store.manifest["rejections"]
    assert rows["5daaa586"][-1] == str(sum(rejected["5daaa586"].values()))
    assert rows["all"][-1] == str(sum(sum(reasons.values()) for reasons in rejected.values()))
    assert f"15 examples of 3 tasks in {tmp_path / 's'}" in done.out


def test_tasks_come_from_a_file_of_ids_too(cli, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("\n".join(TASKS[1:]))
    done = cli(
        "data", "generate", "--tasks", tmp_path / "ids.txt", "--per-task", 2, "--workers", 1, "--out", tmp_path / "s"
    )
    assert done.code == 0 and ExampleStore.open(tmp_path / "s").tasks == TASKS[1:]
    lacking = cli("data", "generate", "--tasks", "ids.tx", "--per-task", 2, "--out", tmp_path / "t")
    assert lacking.code == 1 and "ids.tx is no id of a task, and there is no such file of ids" in lacking.err


def test_the_worst_tasks_are_told_and_the_rest_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "SHOWN", 2)
    first, _, third = generate.REASONS[:3]
    tries = {"a": {first: 2}, "b": {first: 1, third: 1000}, "c": {third: 2}, "d": {}, "e": {first: 3}}
    table = generate._rejection_table(tries)
    assert [column.header for column in table.columns] == ["task", first, third, "all"]
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert rows == [("b", "1", "1,000", "1,001"), ("e", "3", "0", "3"), ("3 others", "2", "2", "4"),
                    ("all", "6", "1,002", "1,008")]  # fmt: skip
    monkeypatch.setattr(generate, "SHOWN", 5)
    assert [*generate._rejection_table(tries).columns[0].cells] == ["b", "e", "a", "c", "d", "all"]


def test_the_same_command_again_does_nothing(cli, tmp_path: Path) -> None:
    command = ("data", "generate", "--out", tmp_path / "s", *SMALL)
    assert cli(*command).code == 0
    before = {path: path.stat() for path in (tmp_path / "s").iterdir()}
    assert cli(*command).code == 0
    assert {path: path.stat() for path in (tmp_path / "s").iterdir()} == before
    other = cli(*command, "--seed", 1)
    assert (other.code, other.out) == (1, "")
    assert re.fullmatch(r"error: .* was made with other settings \(seed there 0, now 1\); .*\n", other.err)


def test_named_sets_and_a_held_out_set(cli, tmp_path: Path) -> None:
    options = ("--set", "foundational", "--per-task", 2, "--workers", 1)
    assert cli("data", "generate", "--out", tmp_path / "a", *options).code == 0
    done = cli("data", "generate", "--out", tmp_path / "b", *options, "--exclude", tmp_path / "a")
    assert done.code == 0
    training, held_out = (ExampleStore.open(tmp_path / name) for name in "ab")
    assert len(training.tasks) == 18
    for task in training.tasks:
        assert not rearc.input_keys(training, task) & rearc.input_keys(held_out, task)


def test_task_files_load_as_a_dataset(cli, tmp_path: Path) -> None:
    assert cli("data", "generate", "--out", tmp_path / "t", *SMALL, "--format", "json").code == 0
    assert {path.name for path in (tmp_path / "t").glob("*.json")} == {f"{task}.json" for task in TASKS}
    from arc_affinity.data.datasets.registry import load_tasks

    tasks = load_tasks(str(tmp_path / "t"))
    assert [task.id for task in tasks] == list(TASKS)
    assert [(len(task.train), len(task.test)) for task in tasks] == [(4, 1)] * 3
    # The same tasks as from a store of the same examples.
    generate_store(tmp_path / "s", TASKS, 5)
    from_store = load_tasks(str(tmp_path / "s"))
    for one, other in zip(tasks, from_store, strict=True):
        for a, b in zip(one.train + one.test, other.train + other.test, strict=True):
            assert a.input.tolist() == b.input.tolist()
            assert a.output.tolist() == b.output.tolist()


def test_a_sealed_benchmark_keeps_its_answers_apart_and_is_scored_by_them(cli, tmp_path: Path) -> None:
    out = tmp_path / "bench"
    done = cli("data", "generate", "--sealed", "--out", out, *SMALL)
    assert done.code == 0, done.err
    assert done.out.endswith(f"for solvers: {out / 'challenges.json'}\nto be kept from them: {out / 'sealed'}\n")
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {"challenges.json", "sealed/challenges.json", "sealed/solutions.json", "sealed/key.json"}
    given = json.loads((out / "challenges.json").read_text())
    assert [(len(task["train"]), [*task["test"][0]]) for task in given.values()] == [(4, ["input"])] * 3
    assert not given.keys() & {*TASKS} and list(given) == sorted(given)
    key = json.loads((out / "sealed" / "key.json").read_text())
    for new, rule in key["rules"].items():
        pairs = rearc.generate_task(rule, 5, key["seed"]).pairs
        assert [pair["input"] for pair in given[new]["train"]] == [pair.input.tolist() for pair in pairs[:4]]
    assert sorted(key["rules"].values()) == sorted(TASKS)
    # A solver that knows all.
    solutions = json.loads((out / "sealed" / "solutions.json").read_text())
    answers = {task: [{"attempt_1": grid, "attempt_2": grid} for grid in grids] for task, grids in solutions.items()}
    (tmp_path / "submission.json").write_text(json.dumps(answers))
    asked = cli("score", tmp_path / "submission.json", "--dataset", out / "sealed" / "challenges.json", "--json")
    assert json.loads(asked.out)["scores"][0]["score"] == 1
    withheld = cli("score", tmp_path / "submission.json", "--dataset", out / "challenges.json")
    assert "test outputs withheld: 3" in withheld.err


def test_a_sealed_benchmark_that_nobody_could_read_is_not_made(cli, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("arc_affinity.data.generation.sealed.LARGEST", 1_000)
    done = cli("data", "generate", "--sealed", "--out", tmp_path / "out", *SMALL)
    assert done.code == 1 and "no more than 1,000 are read of any such file; ask for fewer" in done.err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("there", [True, False])
def test_a_sealed_benchmark_fills_the_folder_that_a_link_leads_to(cli, tmp_path: Path, there: bool) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "folder")
    if there:
        (tmp_path / "folder").mkdir()
    done = cli("data", "generate", "--sealed", "--out", link, "--tasks", TASKS[0], "--per-task", 2, "--workers", 1)
    assert done.code == 0, done.err
    assert link.is_symlink() and (tmp_path / "folder" / "challenges.json").is_file()
    assert f"2 examples of 1 task in {link}" in done.out


def test_a_sealed_benchmark_is_another_each_time_and_never_written_over(cli, tmp_path: Path) -> None:
    texts = []
    for name in "ab":
        assert cli("data", "generate", "--sealed", "--out", tmp_path / name, *SMALL).code == 0
        texts.append((tmp_path / name / "challenges.json").read_text())
    assert texts[0] != texts[1]
    done = cli("data", "generate", "--sealed", "--out", tmp_path / "a", *SMALL)
    assert (done.code, done.err) == (
        1,
        f"error: {tmp_path / 'a'} is there and is not written over; name a new folder\n",
    )
    assert (tmp_path / "a" / "challenges.json").read_text() == texts[0]
    for name in "cd":
        assert cli("data", "generate", "--sealed", "--out", tmp_path / name, *SMALL, "--seed", 3).code == 0
    first, second = ((tmp_path / name / "challenges.json").read_bytes() for name in "cd")
    assert first == second


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--per-task", 3), 2, "Give one of --tasks and --set"),
        (("--per-task", 3, "--set", "all", "--tasks", "05269061"), 2, "Give one of --tasks and --set"),
        (("--per-task", 3, "--set", "fundational"), 2, "foundational"),
        (("--set", "all"), 2, "--per-task"),
        (("--per-task", "many", "--set", "all"), 2, "many"),
        (("--per-task", 1, "--set", "all", "--sealed"), 2, "--per-task must be 2 or more, not 1"),
        (("--per-task", 1, "--set", "all", "--format", "json"), 2, "--per-task must be 2 or more, not 1"),
        (("--per-task", 3, "--set", "all", "--sealed", "--format", "json"), 2, "leave --format out"),
        (("--per-task", 3, "--tasks", "05269062"), 1, "unknown task '05269062'; did you mean '05269061'?"),
        (("--per-task", 0, "--tasks", "05269061"), 2, 'Invalid value "0" for --per-task'),
        (("--per-task", 3, "--tasks", "05269061", "--workers", 0), 2, 'Invalid value "0" for --workers'),
        (
            ("--per-task", 3, "--tasks", "05269061", "--exclude", "nowhere"),
            1,
            "nowhere is not an example store",
        ),
        (("--per-task", 3, "--tasks", "05269061", "--sed", 1), 2, "--seed"),
    ],
)
def test_bad_options_are_one_line(cli, tmp_path: Path, options, code: int, told: str) -> None:
    done = cli("data", "generate", "--out", tmp_path / "s", *options)
    assert done.code == code
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert told in done.err
    assert not (tmp_path / "s").exists()


def test_ctrl_c_says_that_the_same_command_continues(cli, tmp_path: Path, monkeypatch) -> None:
    made, make = [], rearc.generate_task

    def interrupted(task: str, *rest: object) -> object:
        made.append(task)
        if len(made) == 3:
            raise KeyboardInterrupt
        return make(task, *rest)

    monkeypatch.setattr(rearc, "generate_task", interrupted)
    command = ("data", "generate", "--out", tmp_path / "s", *SMALL)
    done = cli(*command)
    assert (done.code, done.out, done.err) == (130, "", "error: interrupted; the same command continues\n")
    assert not (tmp_path / "s" / "manifest.json").exists()
    assert cli(*command).code == 0
    assert made == [*TASKS, TASKS[2]]


def test_split_prints_balance_and_writes_the_split(cli, tmp_path: Path) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps(dict.fromkeys(rearc.task_ids()[::3], "S1")))
    options = ("--dataset", "arc-agi-1/training", "--labels", labels)
    done = cli("data", "split", *options, "--share", 0.25, "--out", tmp_path / "split.json")
    assert (done.code, done.err) == (0, "")
    split = json.loads((tmp_path / "split.json").read_text())
    assert (len(split["train"]), len(split["validation"])) == (300, 100)
    assert "train (300)" in done.out
    assert re.search(r"S1 .* 101 \(33\.7%\) .* 33 \(33\.0%\) .* -0\.7 points", done.out) or re.search(
        r"S1 .* 100 \(33\.3%\) .* 34 \(34\.0%\) .* \+0\.7 points", done.out
    )
    assert done.out.count(" cells ") == 4


def test_the_published_split_of_a_store(cli, tmp_path: Path) -> None:
    generate_store(tmp_path / "s", TASKS, 3)
    done = cli("data", "split", "--store", tmp_path / "s", "--published", "--bins", 2)
    assert (done.code, done.err) == (0, "")
    assert "train (2)" in done.out
    assert "validation (1)" in done.out


def test_no_task_of_the_published_split(cli) -> None:
    done = cli("data", "split", "--dataset", "arc-agi-1/evaluation", "--published")
    told = "error: none of the tasks of arc-agi-1/evaluation are of the published split\n"
    assert (done.code, done.out, done.err) == (1, "", told)


def test_a_split_by_what_classify_wrote(cli, tmp_path: Path) -> None:
    labels, tasks = tmp_path / "labels.json", rearc.task_ids()
    assert cli("classify", *tasks[:9], "--by", "code", "--out", labels).code == 0
    written = json.loads(labels.read_text())
    found = generate.read_categories(labels)
    assert found == {task: entry["category"] for task, entry in written.items()}
    assert cli("data", "split", "--dataset", "arc-agi-1/training", "--labels", labels).code == 0
    labels.write_text(json.dumps({"a": "S3-A", "b": "of my own", "c": "unknown", "d": "ambiguous"}))
    assert generate.read_categories(labels) == {"a": "S3", "b": "of my own", "d": "ambiguous"}


def test_a_split_of_known_tasks_is_by_their_published_categories(cli) -> None:
    done = cli("data", "split", "--dataset", "arc-agi-1/training")
    assert (done.code, done.err) == (0, "")
    found = dict(re.findall(r"([SCKLA]\d) +│ +(\d+ .*)", done.out))
    assert set(found) == set(CODES)
    # Each category is split by the same share, to less than a task.
    for row in found.values():
        trained, held_out = map(int, re.findall(r"(\d+) \(", row))
        assert abs(held_out - 0.23 * (trained + held_out)) < 1


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ((), 2, "Give one of --store and --dataset"),
        (("--dataset", "arc-agi-1/trainin"), 1, "arc-agi-1/training"),
        (("--store", "nowhere"), 1, "nowhere is not an example store"),
        (("--dataset", "arc-agi-1/training", "--share", 1), 2, 'Invalid value "1.0" for --share'),
        (("--dataset", "arc-agi-1/training", "--share", 1e-9), 1, "leaves a side empty"),
        (("--dataset", "arc-agi-1/training", "--bins", 0), 2, 'Invalid value "0" for --bins'),
        (("--dataset", "arc-agi-1/training", "--labels", "nowhere.json"), 1, "cannot read nowhere.json"),
        (("--dataset", "arc-agi-1/training", "--labels", __file__), 1, "is not JSON"),
    ],
)
def test_bad_splits_are_one_line(cli, options, code: int, told: str) -> None:
    done = cli("data", "split", *options)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert told in done.err


@pytest.mark.parametrize("content", ["[]", '{"a": 1}', "null"])
def test_labels_of_another_form_are_refused(cli, tmp_path: Path, content: str) -> None:
    (tmp_path / "labels.json").write_text(content)
    done = cli("data", "split", "--dataset", "arc-agi-1/training", "--labels", tmp_path / "labels.json")
    assert done.code == 1
    assert "must be a JSON object" in done.err or "task a must be text, not 1" in done.err
