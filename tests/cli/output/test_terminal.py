"""Text from outside is shown as text, paths letter by letter, on any terminal; what is given stays."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from arc_affinity.cli.main import run
from arc_affinity.cli.output.terminal import Console, open_streams, show_everywhere
from arc_affinity.data.datasets.registry import default_data_dir, find_task
from arc_affinity.drawing.terminal import task_table
from arc_affinity.evaluation.records.record import Origin, make_record, write_records
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.text import printable
from arc_affinity.types import Example, Pair

ODD = ("[v1]", "[/v1]", "[bold]x[/]", ":smile:", "two  spaces", "[link=x]", "\\[x]")


def records(path: Path, model: str = "m", dataset: str = "d", task_id: str = "a1") -> Path:
    grid = np.ones((2, 3), np.uint8)
    origin = Origin(model, "0123456789ab", dataset, Protocol.ARC_PRIZE, 0)
    write_records(path, [make_record(origin, Example(task_id, 0, Pair(grid, grid), ()), 1, grid)])
    return path


@pytest.mark.parametrize("name", ODD)
def test_names_are_shown_letter_by_letter(tmp_path: Path, cli, name: str) -> None:
    path = records(tmp_path / "r.jsonl", model=name, dataset=name)
    done = cli("score", path, "--by-task")
    assert done.code == 0 and name in done.out
    out = tmp_path / f"{name.replace('/', '')}.html"
    done = cli("diagnose", path, "--out", out)
    assert done.code == 0, done.err
    assert f"page: {out}; numbers: {out.with_suffix('.json')}" in done.out
    done = cli("submit", path, "--dataset", tmp_path / f"none{name}.json")
    assert done.code == 1 and f"none{name}.json" in done.err


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\x00b", "\x9b1m", "a\rb", "\x7f", "a\nb"])
def test_control_characters_in_names_are_refused(tmp_path: Path, cli, name: str) -> None:
    path = records(tmp_path / "r.jsonl")
    for field in ("model", "dataset", "adapter", "model_digest"):
        bad = {**json.loads(path.read_text()), field: name}
        (tmp_path / "bad.jsonl").write_text(json.dumps(bad))
        for command in ("score", "diagnose"):
            done = cli(command, tmp_path / "bad.jsonl")
            assert done.code == 1 and f"bad.jsonl:1: {field} must be text" in done.err
            assert "\x1b" not in done.err and "\x9b" not in done.err


def test_work_is_done_where_nothing_can_be_printed(tmp_path: Path) -> None:
    folder, split = tmp_path / "tasks", tmp_path / "split.json"
    folder.mkdir()
    for name in ("t1", "t2"):
        pair = {"input": [[1]], "output": [[2]]}
        (folder / f"{name}.json").write_text(json.dumps({"train": [pair], "test": [pair]}))
    call = f"exec {sys.executable} -m arc_affinity.cli.main"
    script = f"{call} data split --dataset {folder} --share 0.5 --out {split} <&- >&- 2>&-"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert json.loads(split.read_text())["validation"]


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("stream", [Full(), None], ids=["full", "closed"])
def test_an_error_that_cannot_be_said_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO | None
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", stream)
    open_streams()
    assert run(["score", "none.json"]) == 1
    assert out.getvalue() == ""


def test_what_steers_a_terminal_is_shown_by_its_number() -> None:
    assert printable("a\x1b[1m\u202eb\ud800\n\t\u2028é→") == "a\\x1b[1m\\u202eb\\ud800\\n\\t\\u2028é→"
    console = Console(file=io.StringIO())
    console.print("[/x] \x1b[2J :smile:", highlight=False)
    assert console.file.getvalue() == "[/x] \\x1b[2J :smile:\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437"])
def test_any_terminal_can_show_it(encoding: str, monkeypatch: pytest.MonkeyPatch, cli) -> None:
    raw = io.BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    show_everywhere()
    task = find_task("00d62c1b", "arc-agi-1/training")
    Console(file=sys.stdout).print(task_table(task))
    sys.stdout.write("é \u4e00 \udcff → …")
    assert b"->" in raw.getvalue() and b"\\u4e00 \\udcff" in raw.getvalue()


def test_a_terminal_without_letters(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    program = [sys.executable, "-m", "arc_affinity.cli.main", "data", "show", "00d62c1b"]
    done = subprocess.run(program, env=environment, capture_output=True, check=False)
    assert done.returncode == 0 and b"->" in done.stdout, done.stderr.decode(errors="replace")


def test_a_path_that_is_no_text(tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.jsonl")
    records(Path(odd))
    program = [sys.executable, "-m", "arc_affinity.cli.main"]
    done = subprocess.run([*program, "score", odd, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([*program, "score", odd + ".none"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "udcfe.jsonl.none: No such file" in done.stderr


def test_records_name_a_dataset_and_no_place(tmp_path: Path, cli) -> None:
    for name in ("/", "~nosuchuser/x", "x" * 300, str(tmp_path), "..", "."):
        done = cli("diagnose", records(tmp_path / "r.jsonl", dataset=name), "--out", tmp_path / "p.html")
        assert done.code == 0, done.err
        assert "is no dataset's name; --dataset names where they are" in done.out


@pytest.mark.parametrize("command", ["submit", "predict", "diagnose", "classify", "show", "split"])
def test_an_output_is_no_input(tmp_path: Path, cli, command: str) -> None:
    task = {"train": [{"input": [[1]], "output": [[2]]}] * 2, "test": [{"input": [[1]], "output": [[2]]}]}
    given = tmp_path / "a1.json"
    given.write_text(json.dumps(task))
    (tmp_path / "link.html").symlink_to(given)
    os.link(given, tmp_path / "hard.json")
    own = records(tmp_path / "r.jsonl")
    before = given.read_bytes(), own.read_bytes()
    link, figures = tmp_path / "link.html", tmp_path / "figures"
    figures.mkdir()
    (figures / "scores.svg").symlink_to(own)
    for line in {
        "submit": [("submit", own, "--dataset", given, "--out", out) for out in (own, link)],
        "predict": [
            ("predict", "rotary", "--dataset", given, "--out", tmp_path / "hard.json"),
            ("predict", "rotary", "--dataset", "re-arc", "--tasks", own, "--out", own, "--overwrite"),
        ],
        "diagnose": [
            ("diagnose", own, "--dataset", given, "--out", tmp_path / "a1.html"),
            ("diagnose", own, "--out", own),
            ("diagnose", own, "--categories", given, "--out", link),
            ("diagnose", own, "--tasks", given, "--out", tmp_path / "a1.html"),
            ("diagnose", own, "--out", tmp_path / "p.html", "--figures", figures),
        ],
        "classify": [("classify", given, "--out", given), ("classify", given, "--png", link)],
        "show": [("data", "show", given, "--png", given), ("data", "show", "a1", "--dataset", tmp_path, "--png", link)],
        "split": [("data", "split", "--dataset", given, "--out", link)],
    }[command]:
        done = cli(*line)
        assert done.code == 1 and "which is to be read" in done.err, line
    assert (given.read_bytes(), own.read_bytes()) == before


def test_the_page_is_no_figure(tmp_path: Path, cli) -> None:
    own = records(tmp_path / "r.jsonl")
    done = cli("diagnose", own, "--out", tmp_path / "f" / "scores.svg", "--figures", tmp_path / "f")
    assert done.code == 1 and "are one file" in done.err and not (tmp_path / "f").exists()


def test_a_pipe_is_refused_in_words_and_nothing_is_scored_in_part(tmp_path: Path, cli) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for command in ("score", "diagnose"):
        done = cli(command, pipe, "--dataset", "arc-agi-1/training")
        assert done.code == 1 and "can be read only once; save it as a file first" in done.err


def test_other_files_may_come_through_a_pipe(tmp_path: Path, cli) -> None:
    pair = {"input": [[1] * 3] * 2, "output": [[1] * 3] * 2}
    task = json.dumps({"train": [pair, pair], "test": [pair]})
    own = records(tmp_path / "r.jsonl", task_id="pipe")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for line, content, told in (
        (("data", "show", pipe), task, "pipe"),
        (("classify", pipe, "--by", "grids"), task, "pipe"),
        (("score", own, "--dataset", pipe), task, "score"),
        (("score", own, "--tasks", pipe), "pipe", "score"),
        (("diagnose", own, "--out", tmp_path / "p.html", "--categories", pipe), '{"pipe": "S3"}', "page: "),
        (("data", "split", "--dataset", "arc-agi-1/training", "--labels", pipe), '{"007bbfb7": "S3"}', "S3"),
    ):
        writer = threading.Thread(target=pipe.write_text, args=(content,))
        writer.start()
        done = cli(*line)
        assert done.code == 0 and told in done.out, (line, done.err)
        writer.join()
    done = cli("train", pipe, "--out", tmp_path / "run")
    assert done.code == 1 and "the name of a recipe's file ends in .toml" in done.err


def test_nothing_is_written_beside_a_pipe(tmp_path: Path, cli) -> None:
    own = records(tmp_path / "r.jsonl")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        page = pool.submit(pipe.read_text)
        done = cli("diagnose", own, "--out", pipe)
        assert done.code == 0 and page.result().startswith("<!doctype html>") and "numbers:" not in done.out
    assert {path.name for path in tmp_path.iterdir()} == {"r.jsonl", "pipe"}


def test_nothing_after_tasks_is_not_all_tasks(tmp_path: Path, cli) -> None:
    for line in (
        ("predict", "rotary", "--dataset", "arc-agi-1/training", "--out", tmp_path / "r", "--tasks"),
        ("finetune", "rotary", "--dataset", "arc-agi-1/training", "--out", tmp_path / "f", "--tasks"),
        ("data", "generate", "--out", tmp_path / "g", "--per-task", 2, "--tasks"),
        ("data", "generate", "--out", tmp_path / "g", "--per-task", 2, "--tasks", "--seed", 1),
    ):
        done = cli(*line)
        assert done.code == 2 and "--tasks" in done.err, line
    assert not list(tmp_path.iterdir())


def test_home_and_an_empty_variable(tmp_path: Path, cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    path = records(tmp_path / "r.jsonl")
    for number, flags in enumerate((["--out=~/page0.html"], ["--out", "~/page1.html"])):
        done = cli("diagnose", path, *flags)
        assert done.code == 0 and (tmp_path / f"page{number}.html").is_file() and not (tmp_path / "~").exists()
    assert cli("score", "~/r.jsonl").code == 0
    # No user is called so.
    assert cli("diagnose", path, "--out=~nobody-here.html").code == 0 and (tmp_path / "~nobody-here.html").is_file()
    monkeypatch.setenv("ARC_AFFINITY_DATA", "")
    done = cli("data", "list", "--json")
    # Not the working directory, which an empty path would be.
    assert json.loads(done.out)["data_dir"] == str(default_data_dir())
    monkeypatch.setenv("ARC_AFFINITY_DATA", "~/data")
    assert json.loads(cli("data", "list", "--json").out)["data_dir"] == str(tmp_path / "data")


def test_an_empty_word_is_no_path(tmp_path: Path, cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for line in (
        ("data", "generate", "--out", "", "--tasks", "007bbfb7", "--per-task", 2),
        ("data", "generate", "--out=", "--tasks", "007bbfb7", "--per-task", 2),
        ("data", "list", "--data-dir", ""),
        ("train", "smoke", "--out", ""),
        ("score", ""),
        ("classify", "007bbfb7", "--dataset="),
    ):
        done = cli(*line)
        assert done.code == 2 and "where a value should; is a variable not set?" in done.err, line
    assert ("after --out" in cli("train", "smoke", "--out=").err) and not list(tmp_path.iterdir())
