"""Files are replaced whole, links and modes kept, what the killed left removed, and what was given never lost."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from arc_affinity.data.store.examples import write_store
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.journal import Journal
from arc_affinity.evaluation.records.record import Origin, make_record
from arc_affinity.evaluation.records.writer import RecordWriter
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.files import as_name, keep_inputs, new_folder, replacing, write_bytes, write_text
from arc_affinity.locks import LOCK, working_in
from arc_affinity.types import Example, Pair

KILLED = """
import os, sys
from pathlib import Path
from arc_affinity.files import new_folder, replacing
with (new_folder if sys.argv[2] == "folder" else replacing)(Path(sys.argv[1])) as aside:
    (aside / "x" if aside.is_dir() else aside).write_text("half")
    print("here", flush=True)
    if sys.argv[3] == "kill":
        os.kill(os.getpid(), 9)
    sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out.x"
    command = [sys.executable, "-c", KILLED, path, kind, "kill"]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=False).returncode == -9
    assert len(names(tmp_path)) == 1
    write_text(path, "whole")
    assert names(tmp_path) == ["out.x"]


def test_what_a_living_writer_or_someone_else_has_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.x"
    foreign = [".out.x.tmp", ".out.x.notes.tmp", ".out.x.12345678", "out.x.tmp", ".out.y.12345678.tmp"]
    for name in foreign:
        (tmp_path / name).write_text("mine")
    command = [sys.executable, "-c", KILLED, path, "file", "live"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living:
        assert living.stdout is not None and living.stdin is not None
        living.stdout.readline()
        write_text(path, "whole")
        assert len(names(tmp_path)) == len(foreign) + 2
        living.stdin.close()
        assert living.wait() == 0
    assert path.read_text() == "half" and names(tmp_path) == sorted([*foreign, "out.x"])


def test_a_file_that_is_no_lock_stays(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("mine")
    with pytest.raises(ArcAffinityError, match="is no lock"), working_in(tmp_path):
        pass
    assert (tmp_path / ".lock").read_text() == "mine"


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    link, real = tmp_path / "link", tmp_path / "d" / "real"
    link.symlink_to(real)
    for text in ("first", "second"):
        write_text(link, text)
        assert link.is_symlink() and real.read_text() == text
    assert names(tmp_path / "d") == ["real"]
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(ArcAffinityError, match="cannot write .*loop"):
        write_text(loop, "x")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_mode_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "f"
    path.touch()
    path.chmod(mode)
    write_bytes(path, b"x")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_devices_and_pipes_are_written_to(tmp_path: Path) -> None:
    write_text(Path(os.devnull), "x")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_text(pipe, "through")
    reader.join(10)
    assert got == [b"through"] and stat.S_ISFIFO(pipe.stat().st_mode)
    script = "import pathlib, arc_affinity.files as f; f.write_text(pathlib.Path('/dev/stdout'), 'out')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "out"
    script = f"print('before', end=' ', flush=True); {script}; print(' and after', end='')"
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        for mode, before in (("w", ""), ("a", "what was there, ")):
            with (tmp_path / "log").open(mode) as log:
                subprocess.run([sys.executable, "-c", script.replace("/dev/stdout", name)], stdout=log, check=True)
            assert (tmp_path / "log").read_text() == f"{before}before out and after"
            (tmp_path / "log").write_text("what was there, ")


def test_a_long_name_can_be_written_and_a_folder_cannot(tmp_path: Path) -> None:
    # File systems count bytes, of which characters of other scripts have several.
    for name in ("x" * 250, "字" * 83, "é" * 99 + "字" * 17, "x" + "𝄞" * 62, os.fsdecode(b"\xff" * 250)):
        write_text(tmp_path / name, "long")
        assert (tmp_path / name).read_text() == "long"
        with new_folder(tmp_path / f"{name[1:-1]}.") as folder:
            (folder / "file").write_text("within")
        assert len(names(tmp_path)) == 2
        shutil.rmtree(tmp_path / f"{name[1:-1]}.")
        (tmp_path / name).unlink()
    with pytest.raises(ArcAffinityError, match="cannot write .*: Is a directory"):
        write_text(tmp_path, "x")


def failing(number: int) -> Callable[..., None]:
    def call(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


def fill_everything(folder: Path) -> None:
    """Write by each way that a command writes."""
    write_text(folder / "f", "x")
    with new_folder(folder / "n") as aside:
        (aside / "g").write_text("x")
    with working_in(folder / "d"):
        write_text(folder / "d" / "f", "x")
    grid = np.ones((2, 3), np.uint8)
    assert write_store(folder / "s", {"t1": [Pair(grid, grid)]}).tasks == ("t1",)
    with Journal(folder / "j", {"tasks": 1}) as journal:
        journal.append({"task": "t1"})
    with Journal(folder / "j", {"tasks": 1}) as journal:
        assert [line for _, line in journal.rows()] == [{"task": "t1"}]
    with RecordWriter.opened(folder / "r.jsonl", {"seed": 0}) as writer:
        origin = Origin("m", "0123456789ab", "d", Protocol.ARC_PRIZE, 0)
        writer.write("t1", [make_record(origin, Example("t1", 0, Pair(grid, grid), ()), 1, grid)])
    assert names(folder) == ["d", "f", "j", "n", "r.jsonl", "s"]
    assert names(folder / "d") == ["f"] and names(folder / "n") == ["g"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_keeps_no_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    for owner, name in ((Path, "chmod"), (os, "chmod"), (os, "fchmod")):
        monkeypatch.setattr(owner, name, failing(number))
    fill_everything(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr("fcntl.flock", failing(number))
    fill_everything(tmp_path)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_be_told_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "fsync", failing(number))
    fill_everything(tmp_path)


def test_other_faults_of_a_file_system_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(ArcAffinityError, match="cannot write .*f: Input/output error"):
        write_text(tmp_path / "f", "x")
    monkeypatch.undo()
    monkeypatch.setattr("fcntl.flock", failing(errno.EIO))
    with pytest.raises(ArcAffinityError, match="cannot write .*d: Input/output error"), working_in(tmp_path / "d"):
        pass


def test_what_is_given_is_not_written_over_by_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, other = tmp_path / "given.json", tmp_path / "other"
    given.write_text("{}")
    (tmp_path / "link").symlink_to(given)
    os.link(given, tmp_path / "hard")
    (tmp_path / "folder").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "folder", target_is_directory=True)
    (tmp_path / "folder" / "x").write_text("x")
    monkeypatch.chdir(tmp_path)
    for out in (given, Path("given.json"), Path("folder/../given.json"), tmp_path / "link", tmp_path / "hard"):
        with pytest.raises(ArcAffinityError, match="is to be written, but it is .*given.json, which is to be read"):
            keep_inputs([other, out], [given])
    with pytest.raises(ArcAffinityError, match="which is to be read"):
        keep_inputs([Path("alias/x")], [Path("folder/x")])
    keep_inputs([other, None, Path(os.devnull)], [given, None, tmp_path, Path(os.devnull), Path("~nosuchuser")])
    for pair in ((other, Path("other")), (tmp_path / "link", tmp_path / "hard")):
        with pytest.raises(ArcAffinityError, match="are one file"):
            keep_inputs(pair, [])


def test_a_folder_is_worked_in_by_one(tmp_path: Path) -> None:
    with working_in(tmp_path / "run"):
        with (
            pytest.raises(ArcAffinityError, match="another process is at work in .*run; wait for it"),
            working_in(tmp_path / "run"),
        ):
            pass
        assert names(tmp_path / "run") == [LOCK]
    assert names(tmp_path / "run") == []
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(ArcAffinityError, match="cannot write"), working_in(tmp_path / "run"):
        pass
    assert not (tmp_path / "precious").exists()


def test_a_folder_that_another_takes_as_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, real = [], tempfile.mkdtemp

    def taken(**more: object) -> str:
        made.append(real(**more))
        if len(made) == 1:
            # Another process cleans up between this call and the lock.
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", taken)
    with new_folder(tmp_path / "new") as aside:
        (aside / "file").touch()
    assert len(made) == 2 and names(tmp_path) == ["new"]


def test_a_failed_block_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as aside:
        aside.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and names(tmp_path) == ["f"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("rotary", "rotary"),
        ("./rotary", "./rotary"),
        (Path("./rotary"), "./rotary"),
        (Path("arc-agi-1/training"), "./arc-agi-1/training"),
        (Path("/tasks"), "/tasks"),
        (Path("../tasks"), "../tasks"),
        (Path("~/tasks"), "~/tasks"),
    ],
    ids=repr,
)
def test_a_path_has_the_name_of_nothing_else(given: str | Path, name: str) -> None:
    assert as_name(given) == name
