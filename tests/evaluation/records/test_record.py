"""Records survive writing and reading, and whatever is wrong with a file is told by line."""

from __future__ import annotations

import errno
import gzip
import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records import record as module
from arc_affinity.evaluation.records.record import (
    Origin,
    Record,
    holds_records,
    make_record,
    read_records,
    write_records,
)
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.types import Example, Pair

SIDES = st.integers(1, 5)
GRIDS = st.tuples(SIDES, SIDES).flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 9)))
COUNTS = st.none() | st.integers(0, 101)
SECONDS = st.none() | st.floats(0, 1e300)
LIKELIHOODS = st.none() | st.floats(max_value=0, allow_nan=False, allow_infinity=False)
IDS = st.from_regex(r"[a-z0-9_-]([a-zA-Z0-9_.-]{0,5}[a-z0-9_-])?", fullmatch=True)
VOTES = st.none() | st.tuples(COUNTS.filter(bool), COUNTS.filter(bool)).map(sorted)
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1)
ORIGINS = st.builds(
    Origin,
    NAMES,
    st.text("0123456789abcdef", min_size=1),
    st.sampled_from(["arc-agi-1/evaluation", "café"]),
    st.sampled_from(Protocol),
    st.integers(0, 2**63 - 1),
    st.none() | NAMES,
    COUNTS,
    st.sampled_from([None, "inductive", "transductive"]),
    st.none() | st.text("0123456789abcdef", min_size=1),
)


def made(*given: object, votes: list[int] | None, **others: object) -> Record:
    pair = {} if votes is None else {"votes": votes[0], "views": votes[1]}
    return make_record(*given, **pair, **others)


RECORDS = st.builds(
    made,
    ORIGINS,
    st.builds(
        Example,
        IDS,
        st.integers(0, 997),
        st.builds(Pair, GRIDS, st.none() | GRIDS),
        st.just(()),
    ),
    st.integers(1, 3),
    st.none() | GRIDS,
    log_likelihood=LIKELIHOODS,
    votes=VOTES,
    seconds=SECONDS,
    source=st.sampled_from([None, "network", "search"]),
    program=st.none() | NAMES,
)


@settings(deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=5, unique_by=lambda r: r.key), st.sampled_from(["", ".gz"]))
def test_records_read_back_as_they_were_written(written: list[Record], suffix: str):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"records.jsonl{suffix}"
        write_records(path, written)
        assert holds_records(path)
        assert [r.to_json() for r in read_records(path)] == [r.to_json() for r in written]


def test_records_from_before_there_were_sources_are_read(tmp_path, record):
    path = tmp_path / "records.jsonl"
    write_records(path, [record("a3", 1, 2, [[3, 0]])])
    row = json.loads(path.read_text())
    for name in ("exposure", "edition", "source", "program"):
        del row[name]
    path.write_text(json.dumps(row))
    assert read_records(path)[0].exposure is None
    del row["epoch"]
    path.write_text(json.dumps(row))
    with pytest.raises(ArcAffinityError, match="no field epoch"):
        read_records(path)


def test_a_row_says_everything_by_itself(tmp_path, record):
    path = tmp_path / "records.jsonl"
    write_records(path, [record("a3", 1, 2, [[3, 0]], query=[[3, 4]], log_likelihood=-0.25)])
    assert json.loads(path.read_text()) == {
        "schema": 1,
        "model": "champion",
        "model_digest": "0123",
        "dataset": "toy",
        "task_id": "a3",
        "test_index": 1,
        "attempt": 2,
        "protocol": "arc_prize",
        "input": [[3, 4]],
        "target": [[3, 1]],
        "prediction": [[3, 0]],
        "exact": False,
        "cell_accuracy": 0.5,
        "size_match": True,
        "copy_accuracy": 1.0,
        "change_accuracy": 0.0,
        "log_likelihood": -0.25,
        "votes": None,
        "views": None,
        "seed": 7,
        "seconds": None,
        "adapter": None,
        "epoch": None,
        "exposure": None,
        "edition": None,
        "source": None,
        "program": None,
    }


def test_every_field_has_its_check():
    assert list(module.FIELDS) == [field.name for field in fields(Record)]


def test_gzip_bytes_depend_on_the_records_alone(tmp_path, record, monkeypatch):
    one, other = tmp_path / "one.jsonl.gz", tmp_path / "other.jsonl.gz"
    write_records(one, [record(prediction=[[1, 0]])])
    monkeypatch.setattr("time.time", lambda: 17.0)
    write_records(other, [record(prediction=[[1, 0]])])
    assert one.read_bytes() == other.read_bytes()


def test_gzip_is_told_by_content(tmp_path, record):
    packed, named = tmp_path / "records.jsonl.gz", tmp_path / "records.jsonl"
    write_records(packed, [record()])
    packed.rename(named)
    assert len(read_records(named)) == 1


def row_of(record, **changes: object) -> str:
    return json.dumps({**record().to_json(), **changes})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema": 2}, "schema must be 1, not 2"),
        ({"protocol": "teacherforced"}, "protocol: unknown protocol .* did you mean 'teacher_forced'"),
        ({"protocol": 3}, "protocol must be text"),
        ({"attempt": 0}, "attempt must be a whole number of 1 or more, not 0"),
        ({"attempt": True}, "attempt must be a whole number"),
        ({"test_index": -1}, "test_index must be a whole number of 0 or more, not -1"),
        ({"task_id": ""}, "task_id must be text of 1 or more|task_id"),
        ({"seed": 2.5}, "seed must be a whole number"),
        ({"seed": 2**63}, "seed must be a whole number"),
        ({"seconds": "3"}, 'seconds must be a number or null, not "3"'),
        ({"log_likelihood": 10**400}, "log_likelihood: number out of range|not JSON"),
        ({"exact": 0}, "exact must be true or false or null, not 0"),
        ({"exact": True}, "exact is True, but its grids give False"),
        ({"exact": None}, "exact is None, but its grids give False"),
        ({"cell_accuracy": 0.9}, "cell_accuracy is 0.9, but its grids give 0.0"),
        ({"copy_accuracy": 0.0}, "copy_accuracy is 0.0, but its grids give None"),
        ({"votess": 3}, "unknown field 'votess'; did you mean 'votes'"),
        ({"prediction": [[10]]}, "10"),
        ({"target": [[1], [1, 2]]}, "target"),
        ({"input": None}, "input"),
    ],
)
def test_a_bad_value_is_told_by_file_line_and_field(tmp_path, record, changes, told):
    path = tmp_path / "records.jsonl"
    path.write_text(f"{row_of(record)}\n{row_of(record, **{'attempt': 2, **changes})}\n")
    with pytest.raises(ArcAffinityError, match=rf"records\.jsonl:2: .*{told}"):
        read_records(path)


def test_a_missing_field_is_named(tmp_path, record):
    path = tmp_path / "records.jsonl"
    row = record().to_json()
    del row["protocol"], row["seed"]
    path.write_text(json.dumps(row))
    with pytest.raises(ArcAffinityError, match=r"records\.jsonl:1: no field protocol, seed"):
        read_records(path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"schema": 1, "model": "cha', "not JSON"),
        ("", "not JSON"),
        ("[" * 100_000, "within each other"),
        ('{"schema": 1, "seconds": NaN}', "NaN is no number"),
        ("\udcff", "not text in UTF-8"),
        ("[1, 2]", "must be a JSON object, not \\[1, 2\\]"),
    ],
)
def test_a_line_that_is_no_record(tmp_path, record, line, told):
    path = tmp_path / "records.jsonl"
    path.write_text(f"{row_of(record)}\n{line}\n", errors="surrogateescape")
    with pytest.raises(ArcAffinityError, match=rf"records\.jsonl:2: .*{told}"):
        read_records(path)


def test_a_repeated_attempt_is_told_with_both_lines(tmp_path, record):
    path = tmp_path / "records.jsonl"
    lines = [row_of(record), row_of(record, attempt=2), row_of(record)]
    path.write_text("\n".join(lines))
    told = r"records\.jsonl:3: duplicate record of task a1 output 0 attempt 1 .* first on line 1"
    with pytest.raises(ArcAffinityError, match=told):
        read_records(path)


def test_the_same_attempt_of_another_protocol_or_adapter_is_no_repeat(tmp_path, record):
    path = tmp_path / "records.jsonl"
    rows = [record(), record(protocol=Protocol.SIZED), record(adapter="a1-epoch-3"), record(model="rotary")]
    write_records(path, rows)
    assert len(read_records(path)) == 4


def test_no_file_an_empty_file_and_a_folder(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    with pytest.raises(ArcAffinityError, match=r"empty\.jsonl: the file is empty"):
        read_records(empty)
    with pytest.raises(ArcAffinityError, match=r"cannot read .*: No such file"):
        read_records(tmp_path / "none.jsonl")
    with pytest.raises(ArcAffinityError, match=r"cannot read .*: Is a directory"):
        read_records(tmp_path)
    assert not holds_records(empty)


def test_damaged_gzip(tmp_path, record):
    path = tmp_path / "records.jsonl.gz"
    write_records(path, [record(attempt=k) for k in range(1, 30)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-11])
    with pytest.raises(ArcAffinityError, match="the gzip file is cut short"):
        read_records(path)
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0x10]) + whole[middle + 1 :])
    with pytest.raises(ArcAffinityError, match=r"damaged|not JSON|must be|cut short"):
        read_records(path)


def test_writing_refuses_nothing_and_repeats(tmp_path, record):
    path = tmp_path / "records.jsonl"
    path.write_text("before")
    with pytest.raises(ArcAffinityError, match="there are no records"):
        write_records(path, [])
    with pytest.raises(ArcAffinityError, match="duplicate record of task a1"):
        write_records(path, [record(), record()])
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_or_a_kill_while_writing_leaves_the_old_file(tmp_path, record):
    path = tmp_path / "records.jsonl"
    write_records(path, [record()])
    before = path.read_bytes()

    def full() -> Iterator[Record]:
        yield record()
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ArcAffinityError, match=r"cannot write .*: No space left on device"):
        write_records(path, full())

    def interrupted() -> Iterator[Record]:
        yield record()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_records(path, interrupted())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_number_that_json_cannot_hold_is_refused_at_once(record):
    with pytest.raises(ArcAffinityError, match="task a1 output 0 attempt 1: log_likelihood must be a number"):
        record(log_likelihood=float("-inf"))
    with pytest.raises(ArcAffinityError, match="attempt must be a whole number of 1 or more, not 0"):
        record(attempt=0)


def test_records_tell_themselves_from_submissions(tmp_path):
    path = tmp_path / "file"
    path.write_text('{"a1": [{"attempt_1": [[1]], "attempt_2": [[1]]}]}')
    assert not holds_records(path)
    path.write_bytes(gzip.compress(b'{"schema": 1, "mod'))
    assert holds_records(path)
    path.write_text('\n \n{"schema": 1, "mod')
    assert holds_records(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_records_in_another_encoding_are_told(tmp_path, record, encoding):
    path = tmp_path / "r.jsonl"
    path.write_bytes(f"{row_of(record)}\n{row_of(record, attempt=2)}\n".encode(encoding))
    for read in (holds_records, read_records):
        with pytest.raises(ArcAffinityError, match=r"r\.jsonl.*the text is UTF-(16|32); save it as UTF-8"):
            read(path)


def test_standard_input_of_a_file_can_be_read_twice(tmp_path, record, cli_process):
    path = tmp_path / "r.jsonl"
    write_records(path, [record()])
    with path.open() as given:
        done = cli_process("score", "/dev/stdin", "--json", stdin=given)
    assert done.code == 0 and '"outputs": 1' in done.out, done.err
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
        done = cli_process("score", "/dev/stdin", "--json", stdin=cat.stdout)
    assert done.code == 1 and "can be read only once; save it as a file first" in done.err
