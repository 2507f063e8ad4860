"""The example store: layout by hand, round trips, and every kind of damage."""

from __future__ import annotations

import errno
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arc_affinity.data.store import files
from arc_affinity.data.store.examples import OWN, ExampleStore, write_json_tasks, write_npz, write_store
from arc_affinity.data.store.files import ARRAYS, MANIFEST, check_arrays
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Pair


def save_npz(store: ExampleStore, path: Path) -> None:
    extras = {name: value for name, value in store.manifest.items() if name not in OWN}
    write_npz(path, {task: [store.pair(i) for i in store.indices(task)] for task in store.tasks}, extras)


def grid(rows: int, cols: int, start: int = 0) -> np.ndarray:
    """Colours counted up from ``start``, row by row."""
    return ((np.arange(rows * cols) + start) % 10).astype(np.uint8).reshape(rows, cols)


def small() -> dict[str, list[Pair]]:
    """Three pairs of two tasks, not in order; sides are primes."""
    return {
        "00576224": [Pair(grid(2, 3, 1), grid(1, 5, 2)), Pair(grid(3, 2, 4), grid(7, 1, 5))],
        "0051a1b2": [Pair(grid(1, 2, 8), grid(2, 2, 9))],
    }


def same(left: Pair, right: Pair) -> bool:
    return np.array_equal(left.input, right.input) and np.array_equal(left.output, right.output)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_store(tmp_path / "s", small(), {"seed": 3})
    return tmp_path / "s"


def test_layout_by_hand(folder: Path) -> None:
    cells, index = (np.load(folder / name) for name in ARRAYS)
    expected = [8, 9, 9, 0, 1, 2]  # 0051a1b2 comes first
    expected += [1, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6]
    expected += [4, 5, 6, 7, 8, 9, 5, 6, 7, 8, 9, 0, 1]
    assert cells.dtype == np.uint8
    assert cells.tolist() == expected
    assert index.dtype == np.int64
    assert index.tolist() == [[0, 1, 2, 2, 2, 0], [1, 2, 3, 1, 5, 6], [1, 3, 2, 7, 1, 17]]
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["tasks"] == ["0051a1b2", "00576224"]
    assert manifest["counts"] == [1, 2]
    assert manifest["seed"] == 3
    assert set(manifest["sha256"]) == {*ARRAYS, MANIFEST}


def test_reading(folder: Path) -> None:
    store = ExampleStore.open(folder)
    assert len(store) == 3
    assert store.tasks == ("0051a1b2", "00576224")
    assert store.indices("00576224") == range(1, 3)
    assert [store.task_of(i) for i in range(3)] == ["0051a1b2", "00576224", "00576224"]
    assert store.sizes.tolist() == [[1, 2, 2, 2], [2, 3, 1, 5], [3, 2, 7, 1]]
    assert same(store.pair(0), small()["0051a1b2"][0])
    assert same(store.pair(-1), small()["00576224"][1])
    with pytest.raises(IndexError):
        store.pair(3)
    with pytest.raises(ArcAffinityError, match="unknown task '00576225'; did you mean '00576224'"):
        store.indices("00576225")


def test_pairs_are_views_that_cannot_be_written(folder: Path) -> None:
    pair = ExampleStore.open(folder).pair(1)
    assert pair.input.base is not None
    with pytest.raises(ValueError, match="read-only"):
        pair.input[0, 0] = 5


def test_a_pickled_store_opens_its_files_again(folder: Path) -> None:
    store = ExampleStore.open(folder)
    pickled = pickle.dumps(store)
    assert len(pickled) < 500
    assert same(pickle.loads(pickled).pair(2), store.pair(2))


def test_a_subset_is_a_store_of_its_own(folder: Path, tmp_path: Path) -> None:
    store = ExampleStore.open(folder)
    part = store.subset(np.array([False, True, True])).subset(np.array([False, True]))
    assert (len(part), part.tasks, part.indices("00576224")) == (1, ("00576224",), range(1))
    assert part.sizes.tolist() == [[3, 2, 7, 1]]
    save_npz(part, tmp_path / "part.npz")
    for found in (part, pickle.loads(pickle.dumps(part)), ExampleStore.open(tmp_path / "part.npz")):
        assert found.tasks == part.tasks
        assert found.task_of(0) == "00576224"
        assert same(found.pair(0), store.pair(2))
        assert found.manifest["seed"] == 3
    with pytest.raises(ArcAffinityError, match="unknown task"):
        part.indices("0051a1b2")
    assert len(store.subset(np.zeros(3, bool))) == 0


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_MEMBER", 140)
    with pytest.raises(ArcAffinityError, match=r"a.npz: \w+.npy would have \d+ bytes, and 140 are read again"):
        write_npz(tmp_path / "a.npz", small())
    assert not list(tmp_path.iterdir())


def test_same_examples_give_same_bytes(tmp_path: Path) -> None:
    write_store(tmp_path / "a", small())
    write_store(tmp_path / "b", reversed(small().items()))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    for name in ("a", "b"):
        save_npz(ExampleStore.open(tmp_path / name), tmp_path / f"{name}.npz")
    write_npz(tmp_path / "c.npz", small())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "c.npz").read_bytes()


def test_npz_holds_the_same_files(folder: Path, tmp_path: Path) -> None:
    store = ExampleStore.open(folder)
    save_npz(store, tmp_path / "s.npz")
    packed = ExampleStore.open(tmp_path / "s.npz")
    assert packed.manifest == store.manifest
    assert all(same(packed.pair(i), store.pair(i)) for i in range(len(store)))
    # numpy's own loader takes the arrays too.
    assert np.load(tmp_path / "s.npz")["index"].tolist() == [[*row] for row in np.load(folder / "index.npy")]


sides = st.integers(1, 30)
pairs = st.builds(
    lambda a, b, c, d, start: Pair(grid(a, b, start), grid(c, d, start + 1)),
    sides,
    sides,
    sides,
    sides,
    st.integers(0, 9),
)


@settings(max_examples=30, deadline=None)
@given(examples=st.dictionaries(st.text("0123456789abcdef", min_size=8, max_size=8), st.lists(pairs, max_size=5)))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, examples: dict[str, list[Pair]]) -> None:
    base = tmp_path_factory.mktemp("round")
    store = write_store(base / "s", examples)
    save_npz(store, base / "s.npz")
    for opened in (store, ExampleStore.open(base / "s"), ExampleStore.open(base / "s.npz")):
        assert opened.tasks == tuple(sorted(examples))
        for task, wanted in examples.items():
            found = [opened.pair(i) for i in opened.indices(task)]
            assert len(found) == len(wanted)
            assert all(map(same, found, wanted))


@pytest.mark.parametrize("name", [*ARRAYS, MANIFEST])
@pytest.mark.parametrize("verify", [True, False])
def test_truncated_files_are_refused(folder: Path, name: str, verify: bool) -> None:
    whole = (folder / name).read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 2):
        (folder / name).write_bytes(whole[:length])
        with pytest.raises(ArcAffinityError, match="damaged"):
            ExampleStore.open(folder, verify)


@pytest.mark.parametrize("name", [*ARRAYS, MANIFEST])
def test_a_flipped_bit_is_seen(folder: Path, name: str) -> None:
    whole, before = (folder / name).read_bytes(), ExampleStore.open(folder)
    for place in range(len(whole)):
        (folder / name).write_bytes(flipped(whole, place))
        with pytest.raises(ArcAffinityError) as caught:
            assert_unharmed(ExampleStore.open(folder), before)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ARRAYS)
def test_without_hashes_a_flipped_bit_raises_nothing_else(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    seen = 0
    for place in range(len(whole)):
        (folder / name).write_bytes(flipped(whole, place))
        try:
            ExampleStore.open(folder, verify=False)
        except ArcAffinityError:
            seen += 1
    assert seen > 60


def test_a_flipped_bit_of_an_npz_is_seen_or_harmless(folder: Path, tmp_path: Path) -> None:
    before, path = ExampleStore.open(folder), tmp_path / "s.npz"
    save_npz(before, path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(flipped(whole, place))
        with pytest.raises(ArcAffinityError):
            assert_unharmed(ExampleStore.open(path), before)


def flipped(content: bytes, place: int) -> bytes:
    """``content`` with one bit of the byte at ``place`` turned over; another bit at each place."""
    return content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :]


def assert_unharmed(found: ExampleStore, before: ExampleStore) -> None:
    """Raise the error that damage should have raised, once nothing is found to be different."""
    assert found.manifest == before.manifest
    assert all(same(found.pair(i), before.pair(i)) for i in range(len(before)))
    raise ArcAffinityError("harmless")


def test_foreign_things_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArcAffinityError, match=r"empty is not an example store: no manifest\.json"):
        ExampleStore.open(tmp_path / "empty")
    with pytest.raises(ArcAffinityError, match="nowhere is not an example store"):
        ExampleStore.open(tmp_path / "nowhere")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ArcAffinityError, match="text is damaged: it cannot be read"):
        ExampleStore.open(tmp_path / "text")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ArcAffinityError, match=r"other\.npz is not an example store"):
        ExampleStore.open(tmp_path / "other.npz")


@pytest.mark.parametrize(
    "manifest",
    ["[]", "{}", "null", "7", '{"format": 2}', '{"format": 1}', '{"format": 1, "tasks": 5}', "[" * 99999],
)
def test_foreign_manifests_are_refused(folder: Path, manifest: str) -> None:
    (folder / MANIFEST).write_text(manifest)
    with pytest.raises(ArcAffinityError, match="example store"):
        ExampleStore.open(folder)


@pytest.mark.parametrize("column", range(6))
def test_an_index_that_does_not_fit_is_refused(folder: Path, column: int) -> None:
    index = np.load(folder / "index.npy")
    index[1, column] += 31
    np.save(folder / "index.npy", index)
    with pytest.raises(ArcAffinityError, match="damaged"):
        ExampleStore.open(folder, verify=False)


def test_cells_that_are_no_colours_are_told(folder: Path) -> None:
    cells, index = (np.load(folder / name) for name in ARRAYS)
    manifest = ExampleStore.open(folder).manifest
    check_arrays(folder, manifest, cells, index, colours=True)
    cells[[5, 7]] = 10, 11
    check_arrays(folder, manifest, cells, index, colours=False)
    with pytest.raises(ArcAffinityError, match=r"cell 5 of cells.npy is 10, and colours are 0-9"):
        check_arrays(folder, manifest, cells, index, colours=True)


def test_arrays_of_other_kinds_are_refused(folder: Path) -> None:
    cells, index = (np.load(folder / name) for name in ARRAYS)
    for name, array, why in (
        ("cells.npy", cells.astype(np.int64), "no 1-dimensional array of uint8"),
        ("cells.npy", cells[:-1], "29 cells, index.npy another number"),
        ("index.npy", index[:, :5], "index.npy has not 6 columns"),
        ("index.npy", index[:-1], "does not hold the tasks"),
    ):
        np.save(folder / name, array)
        with pytest.raises(ArcAffinityError, match=why):
            ExampleStore.open(folder, verify=False)
        np.save(folder / name, cells if name == "cells.npy" else index)
    assert len(ExampleStore.open(folder)) == 3


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Pair(grid(2, 3), None), "task t, pair 1, output is withheld"),
        (Pair(grid(2, 3), grid(31, 1)), r"no uint8 grid of 1-30 on a side: uint8 \(31, 1\)"),
        (Pair(grid(2, 0), grid(2, 1)), "task t, pair 1, input is no uint8 grid"),
        (Pair(grid(2, 3) + np.uint8(1), grid(2, 2)), None),
        (Pair(grid(2, 5) + np.uint8(1), grid(2, 2)), "task t, pair 1, input has a value of 10"),
    ],
)
def test_only_grids_are_written(tmp_path: Path, bad: Pair, why: str | None) -> None:
    examples = {"t": [Pair(grid(1, 2), grid(2, 1)), bad]}
    if why is None:
        assert len(write_store(tmp_path / "s", examples)) == 2
        return
    with pytest.raises(ArcAffinityError, match=why):
        write_store(tmp_path / "s", examples)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(ArcAffinityError, match="it exists"):
        write_store(folder, small())
    assert contents(folder) == before
    (folder.parent / "file").write_text("mine")
    with pytest.raises(ArcAffinityError, match="it exists"):
        write_store(folder.parent / "file", small())


def test_tasks_come_once_and_entries_do_not_clash(tmp_path: Path) -> None:
    with pytest.raises(ArcAffinityError, match="task a comes twice"):
        write_store(tmp_path / "s", [("a", []), ("b", []), ("a", [])])
    with pytest.raises(ArcAffinityError, match="'counts' belongs to the store"):
        write_store(tmp_path / "s", {}, {"counts": 1})


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArcAffinityError, match=r"cannot write .*: No space left on device"):
        write_store(tmp_path / "s", small())
    with pytest.raises(ArcAffinityError, match="No space left on device"):
        write_npz(tmp_path / "s.npz", small())
    assert list(tmp_path.iterdir()) == []


def test_json_task_files(tmp_path: Path) -> None:
    examples = {"00576224": small()["00576224"]}
    write_json_tasks(write_store(tmp_path / "s", examples), tmp_path / "tasks")
    assert json.loads((tmp_path / "tasks" / "00576224.json").read_text()) == {
        "train": [{"input": [[1, 2, 3], [4, 5, 6]], "output": [[2, 3, 4, 5, 6]]}],
        "test": [{"input": [[4, 5], [6, 7], [8, 9]], "output": [[5], [6], [7], [8], [9], [0], [1]]}],
    }


def test_a_task_file_needs_two_pairs(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArcAffinityError, match="task 0051a1b2 has 1 pair; a task file needs at least 2"):
        write_json_tasks(ExampleStore.open(folder), tmp_path / "tasks")


def test_json_task_files_load_as_tasks(tmp_path: Path) -> None:
    arc = pytest.importorskip("arc_affinity.data.datasets.registry")
    examples = {"00576224": small()["00576224"]}
    write_json_tasks(write_store(tmp_path / "s", examples), tmp_path / "tasks")
    (task,) = arc.load_tasks(str(tmp_path / "tasks"))
    assert task.id == "00576224"
    assert same(task.train[0], examples["00576224"][0])
    assert same(task.test[0], examples["00576224"][1])


def test_an_npz_of_another_compression_is_one_line(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.npz", "w", zipfile.ZIP_LZMA) as archive:
        for name, content in contents(folder).items():
            archive.writestr(name, content)
    assert len(ExampleStore.open(tmp_path / "s.npz")) == 3
