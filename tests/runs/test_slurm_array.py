"""The Slurm script shares all tasks out, each to one job, and starts the real command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "runs" / "slurm_array.sh"
IDS = ("00d62c1b", "d511f180", "0d3d703e", "25ff71a9", "007bbfb7")


def job(
    folder: Path, part: int, program: str, *flags: str, parts: int = 3, **more: object
) -> subprocess.CompletedProcess[str]:
    """Run one job of an array that begins at 1, ``arc-affinity`` being ``program``."""
    (folder / "bin").mkdir(exist_ok=True)
    command = folder / "bin" / "arc-affinity"
    command.write_text(f"#!/bin/sh\n{program}\n")
    command.chmod(0o755)
    (folder / "ids.txt").write_text("\n".join(IDS[:3]) + "\n\n" + "\n".join(IDS[3:]) + "\n")
    array = {"SLURM_ARRAY_TASK_ID": part, "SLURM_ARRAY_TASK_COUNT": parts, "SLURM_ARRAY_TASK_MIN": 1, **more}
    environment = {**os.environ, **{name: str(value) for name, value in array.items()}}
    environment["PATH"] = f"{folder / 'bin'}:{environment['PATH']}"
    words = ["bash", SCRIPT, folder / "ids.txt", folder / "out", *flags]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_every_task_is_in_one_part(tmp_path: Path) -> None:
    said = [job(tmp_path, part, 'echo "$@"').stdout.split() for part in (1, 2, 3)]
    given = [words[words.index("--tasks") + 1 : words.index("--workers")] for words in said]
    assert given == [["00d62c1b", "25ff71a9"], ["d511f180", "007bbfb7"], ["0d3d703e"]]
    assert [words[words.index("--out") + 1] for words in said] == [str(tmp_path / "out" / str(n)) for n in (1, 2, 3)]
    empty = job(tmp_path, 7, "exit 9", parts=9)
    assert empty.returncode == 0 and "no tasks" in empty.stdout


def tasks_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    words = done.stdout.split()
    return words[words.index("--tasks") + 1 : words.index("--workers")]


def test_a_part_alone_is_told_of_its_array(tmp_path: Path) -> None:
    alone = job(tmp_path, 2, 'echo "$@"', parts=1, SLURM_ARRAY_TASK_MIN=2, PARTS=3, FIRST=1)
    assert tasks_of(alone) == ["d511f180", "007bbfb7"]


def test_an_array_with_steps_has_every_task(tmp_path: Path) -> None:
    said = [job(tmp_path, part, 'echo "$@"', SLURM_ARRAY_TASK_STEP=2) for part in (1, 3, 5)]
    assert sorted(task for each in said for task in tasks_of(each)) == sorted(IDS)


def test_what_is_no_part_is_refused(tmp_path: Path) -> None:
    for part, more in ((4, {}), (0, {}), (2, {"SLURM_ARRAY_TASK_STEP": 2})):
        done = job(tmp_path, part, "exit 9", **more)
        assert done.returncode == 2 and "is none of 3 from 1" in done.stderr
    words = ["bash", SCRIPT, tmp_path / "none.txt", tmp_path / "out"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "none.txt cannot be read" in done.stderr


@pytest.mark.slow
def test_a_job_fine_tunes_its_tasks_and_resumes(tmp_path: Path) -> None:
    program = f'exec "{sys.executable}" -m arc_affinity "$@"'
    flags = ("--method", "context-only", "--per-task", "8", "--validation", "2", "--test", "2")
    for _ in range(2):
        done = job(tmp_path, 3, program, *flags)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "out" / "3" / "tasks" / "0d3d703e" / "result.json").is_file()
