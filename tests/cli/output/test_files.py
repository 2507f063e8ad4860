"""Files that cannot be written are told before the work begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from arc_affinity.cli.output.files import check_folder, check_outputs
from arc_affinity.errors import ArcAffinityError


def test_what_can_be_written_is_let_through_and_nothing_is_made(tmp_path: Path) -> None:
    check_outputs([tmp_path / "a" / "b" / "c.json", None, tmp_path / "d.json", Path("/dev/null")])
    check_folder(tmp_path / "new" / "folder")
    check_folder(None)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArcAffinityError, match=r"cannot write .*: Is a directory"):
        check_outputs([tmp_path])
    for path in (tmp_path / "file" / "x.json", Path("/proc/x.json")):
        with pytest.raises(ArcAffinityError, match=f"cannot write {path}: "):
            check_outputs([path])
    with pytest.raises(ArcAffinityError, match="cannot write"):
        check_folder(tmp_path / "file")


def test_what_is_there_is_said_to_be_replaced_before_the_work(tmp_path: Path, capsys) -> None:
    first, second, third, new = (tmp_path / name for name in ("1", "2", "3", "new"))
    for path in (first, second, third):
        path.touch()
    for outputs, settings, told in (
        ([first, new, None], {}, f"note: {first} will be replaced\n"),
        ([first, second], {}, f"note: {first} and {second} will be replaced\n"),
        ([first, second, third], {}, f"note: {first} and 2 more files will be replaced\n"),
        ([first, second], {"replaced": [second]}, f"note: {second} will be replaced\n"),
        ([first, Path("/dev/null")], {"replaced": []}, ""),
        ([Path("/dev/stdout")], {}, ""),
    ):
        check_outputs(outputs, **settings)
        assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    "command",
    [
        ("classify", "--all", "--by", "grids", "--out"),
        ("classify", "--all", "--by", "grids", "--png"),
        ("diagnose", "no-such-records.jsonl", "--out"),
        ("submit", "no-such-records.jsonl", "--dataset", "arc-agi-1/training", "--out"),
        ("predict", "no-such-model", "--dataset", "arc-agi-1/training", "--out"),
        ("finetune", "no-such-model", "--tasks", "00d62c1b", "--out"),
        ("data", "split", "--dataset", "no-such-dataset", "--out"),
        ("data", "show", "00d62c1b", "--png"),
        ("reproduce", "--reference", "no-such-folder", "--out"),
    ],
)
def test_commands_tell_it_before_they_read_anything(cli, command) -> None:
    done = cli(*command, "/proc/no/such.html")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: cannot write /proc/no/such")
