"""A prediction that is killed at any byte goes on and ends with the same records."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records import writer as writing
from arc_affinity.evaluation.records.record import holds_records, read_records, write_records
from arc_affinity.evaluation.records.writer import RecordWriter, remove_part

SETTINGS = {"model": "champion", "seed": 7, "protocol": "arc_prize"}
TASKS = ("a1", "a2", "a3")


def rows(record, task_id: str) -> list:
    return [record(task_id, index, attempt, [[1, 0]]) for index in range(2) for attempt in (1, 2)]


def begin(path: Path, record, *task_ids: str, settings: dict = SETTINGS) -> Path:
    """Write some tasks, be interrupted, and return the part file."""
    with contextlib.suppress(KeyboardInterrupt), RecordWriter.opened(path, settings) as writer:
        for task_id in task_ids:
            writer.write(task_id, rows(record, task_id))
        raise KeyboardInterrupt
    return path.with_name(f"{path.name}.part")


def done(path: Path, settings: dict = SETTINGS) -> frozenset[str]:
    """The tasks that a new writer finds done; it makes nothing of them."""
    tasks: frozenset[str] = frozenset()
    with contextlib.suppress(KeyboardInterrupt), RecordWriter.opened(path, settings) as writer:
        tasks = writer.done_tasks
        raise KeyboardInterrupt
    return tasks


def predict(path: Path, record, tasks=TASKS) -> list[str]:
    """Predict what is not done yet; return the tasks that took work."""
    worked = []
    with RecordWriter.opened(path, SETTINGS) as writer:
        for task_id in tasks:
            if task_id not in writer.done_tasks:
                writer.write(task_id, rows(record, task_id))
                worked.append(task_id)
    return worked


@pytest.mark.parametrize("name", ["records.jsonl", "records.jsonl.gz"])
def test_an_unbroken_run_writes_what_write_records_writes(tmp_path, record, name):
    path, straight = tmp_path / "out" / name, tmp_path / f"straight-{name}"
    assert predict(path, record) == list(TASKS)
    write_records(straight, [row for task_id in TASKS for row in rows(record, task_id)])
    assert path.read_bytes() == straight.read_bytes()
    assert list(path.parent.iterdir()) == [path]


def test_a_run_cut_at_any_byte_goes_on_to_the_same_records(tmp_path, record):
    path = tmp_path / "records.jsonl"
    part = begin(path, record, *TASKS[:2])
    whole = part.read_bytes()
    part.unlink()
    predict(path, record)
    finished = path.read_bytes()
    path.unlink()
    header = whole.index(b"\n") + 1
    first = whole.index(b"\n", header) + 1
    for cut in (
        0,
        1,
        header - 1,
        header,
        header + 1,
        first - 1,
        first,
        first + 17,
        len(whole) - 1,
        len(whole),
    ):
        part.write_bytes(whole[:cut])
        kept = 0 if cut < first else 1 if cut < len(whole) else 2
        assert predict(path, record) == list(TASKS[kept:]), cut
        assert path.read_bytes() == finished
        assert not part.exists()


def test_a_task_of_very_many_records_is_whole_or_not_there(tmp_path, record, monkeypatch):
    """Two lines of two records a task: cut anywhere, a task without its last line is predicted again."""
    path, straight = tmp_path / "run" / "records.jsonl", tmp_path / "straight.jsonl"
    path.parent.mkdir()
    write_records(straight, [row for task_id in TASKS for row in rows(record, task_id)])
    monkeypatch.setattr(writing, "MOST_RECORDS", 2)
    part = begin(path, record, *TASKS[:2])
    whole = part.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    assert len(ends) == 5
    for cut, kept in zip((*ends, ends[1] + 17, ends[4] - 1), (0, 0, 1, 1, 2, 0, 1), strict=True):
        part.write_bytes(whole[:cut])
        assert predict(path, record) == list(TASKS[kept:]), cut
        assert path.read_bytes() == straight.read_bytes()
        path.unlink()
    part.write_bytes(whole[: ends[1]])
    assert done(path) == frozenset()


def test_an_exception_keeps_the_tasks_that_are_done(tmp_path, record):
    path = tmp_path / "records.jsonl"
    with pytest.raises(KeyboardInterrupt), RecordWriter.opened(path, SETTINGS) as writer:
        writer.write("a1", rows(record, "a1"))
        raise KeyboardInterrupt
    assert not path.exists()
    assert done(path) == {"a1"}
    assert predict(path, record) == ["a2", "a3"]
    assert len(read_records(path)) == 12


def test_kill_9_keeps_the_tasks_that_are_done(tmp_path, record):
    path = tmp_path / "records.jsonl"
    begin(path, record, "a1")
    program = (
        "import os, sys, pathlib\n"
        "from arc_affinity.evaluation.records.writer import RecordWriter\n"
        "from arc_affinity.evaluation.records.record import read_records\n"
        "records = read_records(pathlib.Path(sys.argv[2]))\n"
        f"with RecordWriter.opened(pathlib.Path(sys.argv[1]), {SETTINGS!r}) as writer:\n"
        "    writer.write('a2', records)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    second = tmp_path / "second.jsonl"
    write_records(second, rows(record, "a2"))
    killed = subprocess.run([sys.executable, "-c", program, str(path), str(second)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert predict(path, record) == ["a3"]
    assert len(read_records(path)) == 12


def test_other_settings_are_refused(tmp_path, record):
    path = tmp_path / "records.jsonl"
    begin(path, record, "a1")
    with pytest.raises(ArcAffinityError, match=r"jsonl\.part was begun with seed 7, not 11"):
        done(path, {**SETTINGS, "seed": 11})
    with pytest.raises(ArcAffinityError, match="was begun with protocol 'arc_prize', not None"):
        done(path, {"model": "champion", "seed": 7})
    assert done(path) == {"a1"}
    # Where no task is done nothing is lost.
    assert done(tmp_path / "other.jsonl") == done(tmp_path / "other.jsonl", {**SETTINGS, "seed": 11}) == set()


def test_damage_inside_is_told_by_line(tmp_path, record):
    path = tmp_path / "records.jsonl"
    part = begin(path, record, "a1")
    begun = part.read_bytes()
    for damage, told in (
        (b"garbage\n", r"part:3: it is not JSON"),
        (b'{"task":3}\n', r"part:3: not a task's records"),
    ):
        part.write_bytes(begun + damage)
        with pytest.raises(ArcAffinityError, match=told):
            done(path)
    part.write_bytes(b'{"schema":1}\n')
    with pytest.raises(ArcAffinityError, match=r"part:1: no settings"):
        done(path)


def test_wrong_records_are_refused_and_nothing_is_written(tmp_path, record):
    part = begin(tmp_path / "records.jsonl", record, "a1")
    before = part.read_bytes()
    for task_id, records, told in (
        ("a1", rows(record, "a1"), "already holds task a1"),
        ("a2", rows(record, "a3"), "record of task a3 among those of task a2"),
        ("a2", rows(record, "a2") * 2, "task a2 has two records"),
        ("a2", [], "task a2 has no records"),
    ):
        with (
            pytest.raises(ArcAffinityError, match=told),
            RecordWriter.opened(tmp_path / "records.jsonl", SETTINGS) as writer,
        ):
            writer.write(task_id, records)
        assert part.read_bytes() == before


def test_finishing_without_any_task_is_an_error(tmp_path):
    with (
        pytest.raises(ArcAffinityError, match="there are no records"),
        RecordWriter.opened(tmp_path / "r.jsonl", {}),
    ):
        pass


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArcAffinityError, match=r"cannot write .*file/r\.jsonl"):
        done(tmp_path / "file" / "r.jsonl")


def test_a_full_disk_tells_and_keeps_what_was_done(tmp_path, record, monkeypatch):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("the system has no /dev/full")
    path, writes = tmp_path / "records.jsonl", os.dup
    begin(path, record, "a1")
    with (
        pytest.raises(ArcAffinityError, match=r"cannot write .*records\.jsonl\.part: No space left"),
        RecordWriter.opened(path, SETTINGS) as writer,
    ):
        monkeypatch.setattr(os, "dup", lambda _: os.open(full, os.O_WRONLY))
        writer.write("a2", rows(record, "a2"))
    monkeypatch.setattr(os, "dup", writes)
    assert done(path) == {"a1"}


def test_an_unfinished_file_is_told_as_such(tmp_path, record):
    part = begin(tmp_path / "records.jsonl", record, "a1")
    assert holds_records(part)
    with pytest.raises(ArcAffinityError, match=r"part:1: the prediction is unfinished; the same command resumes it"):
        read_records(part)


FOREIGN = (b"dear diary\n", b"dear diary", b'{"settings', b'{"schema":1}\nmore', b"\x00\x01", b"[1]\n[2]\n", b"\n\n")


@pytest.mark.parametrize("content", FOREIGN)
def test_a_part_file_of_someone_else_is_refused_and_left_alone(tmp_path, content):
    part = tmp_path / "r.jsonl.part"
    part.write_bytes(content)
    if b'{"settings":{}}\n'.startswith(content):
        done(tmp_path / "r.jsonl", {})
        return
    with pytest.raises(ArcAffinityError, match=r"r\.jsonl\.part:1: no settings of a prediction"):
        done(tmp_path / "r.jsonl")
    assert part.read_bytes() == content


def test_a_part_file_of_other_settings_is_emptied_where_it_may_be_overwritten(tmp_path, record):
    path = tmp_path / "r.jsonl"
    part = begin(path, record, "a1", "a2")
    other = {**SETTINGS, "seed": 8}
    with pytest.raises(ArcAffinityError, match="was begun with seed 7, not 8"):
        done(path, other)
    for settings, kept in ((SETTINGS, {"a1", "a2"}), (other, set())):
        with contextlib.suppress(KeyboardInterrupt), RecordWriter.opened(path, settings, overwrite=True) as writer:
            assert writer.done_tasks == kept
            raise KeyboardInterrupt
    assert done(path, other) == set()
    part.write_bytes(b"dear diary\n")
    with pytest.raises(ArcAffinityError, match="no settings of a prediction"):
        RecordWriter.opened(path, other, overwrite=True).__enter__()
    assert part.read_bytes() == b"dear diary\n"


def test_a_part_file_is_removed_only_if_it_is_ours_and_nobody_writes_it(tmp_path, record):
    path = tmp_path / "r.jsonl"
    remove_part(path, SETTINGS)
    assert not list(tmp_path.iterdir())
    with contextlib.suppress(KeyboardInterrupt), RecordWriter.opened(path, SETTINGS) as writer:
        remove_part(path, SETTINGS)
        assert writer.journal.path.exists()
        raise KeyboardInterrupt
    remove_part(path, SETTINGS)
    assert not list(tmp_path.iterdir())
    begin(path, record, "a1")
    remove_part(path, {**SETTINGS, "seed": 99})
    assert writer.journal.path.exists()
    remove_part(path, SETTINGS)
    assert not list(tmp_path.iterdir())
    writer.journal.path.write_text("dear diary\n")
    remove_part(path, SETTINGS)
    assert writer.journal.path.read_text() == "dear diary\n"


def test_a_part_file_that_is_a_link_or_no_file_is_refused(tmp_path):
    precious, part = tmp_path / "precious", tmp_path / "r.jsonl.part"
    precious.write_text("dear")
    part.symlink_to(precious)
    with pytest.raises(ArcAffinityError, match=r"cannot write .*part: it is a link"):
        done(tmp_path / "r.jsonl")
    assert precious.read_text() == "dear" and part.is_symlink()
    part.unlink()
    os.mkfifo(part)
    with pytest.raises(ArcAffinityError, match=r"cannot write .*part: it is no file"):
        done(tmp_path / "r.jsonl")
    part.unlink()
    with pytest.raises(ArcAffinityError, match="cannot write /dev/null: it is no file"):
        done(Path("/dev/null"))


def test_two_writers_of_one_file_do_not_mix(tmp_path, record):
    path = tmp_path / "r.jsonl"
    with RecordWriter.opened(path, SETTINGS) as first:
        first.write("a1", rows(record, "a1"))
        program = (
            "import sys, pathlib\n"
            "from arc_affinity.evaluation.records.writer import RecordWriter\n"
            f"RecordWriter.opened(pathlib.Path(sys.argv[1]), {SETTINGS!r}).__enter__()\n"
        )
        ended = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
        assert ended.returncode and "is being written by another process" in ended.stderr
        first.write("a2", rows(record, "a2"))
    assert len(read_records(path)) == 8 and [each.name for each in tmp_path.iterdir()] == ["r.jsonl"]


def test_what_a_part_file_repeats_or_mixes_up_is_refused(tmp_path, record):
    path = tmp_path / "r.jsonl"
    part = begin(path, record, "a1")
    header, line = part.read_bytes().splitlines(keepends=True)
    task = json.loads(line)
    for bad, told in (
        ([task, task], r"part:3: task 'a1' again, first on line 2"),
        ([{**task, "records": task["records"] * 2}], "part:2: a record comes twice"),
        ([{**task, "task": "a2"}], "is not of task 'a2'"),
        ([{**task, "records": [{**task["records"][0], "seed": -1}]}], r"part:2: record 1: seed must be"),
        ([{**task, "records": []}], "not a task's records"),
    ):
        part.write_bytes(header + b"".join(json.dumps(each).encode() + b"\n" for each in bad))
        before = part.read_bytes()
        with pytest.raises(ArcAffinityError, match=told):
            done(path)
        assert part.read_bytes() == before
