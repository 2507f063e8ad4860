"""``arc-affinity train``: a recipe in, a run folder and a model folder out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin, get_type_hints

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from arc_affinity.cli.errors import wrong_usage
from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.models.config import ModelConfig
from arc_affinity.training.recipes.files import is_run, load_recipe, recipe_to_go_on, refuse_unread_in_file
from arc_affinity.training.recipes.recipe import Recipe


def _flags(kind: type[Recipe | ModelConfig], group: Group, left_out: Collection[str] = ()) -> list[Any]:
    """Return one flag for each field of ``kind``: None unless given."""
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name not in left_out}
    # A switch needs its opposite here, as a recipe may have turned it on, and a list a way to be empty.
    opposites = {name: None if hint is bool or get_origin(hint) is tuple else () for name, hint in hints.items()}
    return [
        (name, Annotated[hint | None, Parameter(group=group, negative=opposites[name], negative_iterable="no-")], None)
        for name, hint in hints.items()
    ]


def _like(kind: type[Recipe | ModelConfig]) -> dict[str, Any]:
    # The docstring has the help; a class without a module of its own would be taken for a plain value.
    return {"__doc__": kind.__doc__, "__module__": __name__}


if TYPE_CHECKING:
    Changes = Any
else:
    OF_RECIPE, OF_MODEL = (Group.create_ordered(f"Fields of the {thing}") for thing in ("recipe", "model"))
    ModelChanges = make_dataclass("ModelChanges", _flags(ModelConfig, OF_MODEL), namespace=_like(ModelConfig))
    Changes = make_dataclass(
        "Changes",
        [*_flags(Recipe, OF_RECIPE, left_out=("name", "model")), ("model", ModelChanges | None, None)],
        namespace=_like(Recipe),
    )


def train(
    recipe: str,
    /,
    *,
    out: Path | None = None,
    resume: bool = False,
    data_dir: Annotated[Path | None, Parameter(env_var="ARC_AFFINITY_DATA")] = None,
    processes: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    threads: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    loaders: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    changes: Annotated[Changes | None, Parameter(name="*")] = None,
) -> None:
    """Train a model from scratch.

    The run folder keeps the recipe, the examples, the metrics as CSV, the best and the last checkpoint and, at the end,
    the best model as a model folder. An interrupted run resumes with the same command and --resume,
    from the last validation and to the same numbers; changes to the recipe need not be given again.

    Args:
        recipe: A named recipe (champion, champion-foundational, rotary, rotary-foundational, smoke); a TOML file of one
            (docs/training.md); or the folder of a run or its recipe.json.
        out: Folder of the run; out/NAME unless given, or that of the run which resumes.
        resume: Resume an interrupted run; one that is not there begins.
        data_dir: Folder with the datasets that are not installed, of which --examples and --validate-on may be some.
        processes: Processes that share every batch, one a GPU where there are GPUs. As many as the machine has, but no
            more than a batch keeps busy and there are batches for, unless given; a run that resumes takes as many as it
            had, where the machine has them.
        threads: Threads of each process; 0 leaves the number to torch. A share of the cores unless given.
        loaders: Processes that make batches for each of these; some of the cores beside a GPU unless given.
    """
    given = _changed(changes)
    base, told = load_recipe(recipe), ""
    with wrong_usage():
        chosen = base.overridden(given, "flags")
    folder = out or (Path(recipe) if resume and is_run(Path(recipe)) else Path("out") / chosen.name)
    if resume:
        chosen, told = recipe_to_go_on(chosen, given, folder)
    if not (resume and is_run(folder)):
        with wrong_usage():
            chosen.refuse_ignored(given, "flags")
        refuse_unread_in_file(recipe, chosen, given)
    # Imported once the recipe is known: torch and Lightning cost seconds, which help and typos need not wait for.
    from arc_affinity.cli.output.progress import ExampleRate
    from arc_affinity.training.hardware import Machine, find_machine
    from arc_affinity.training.pretraining.pretrain import train as run
    from arc_affinity.training.pretraining.trainer import quiet_lightning

    def spread(over: int | None) -> Machine:
        return find_machine(chosen.batch_cells, processes=over, threads=threads, loaders=loaders)

    machine = spread(processes)
    quiet_lightning()
    console = Console(stderr=True)
    if told:
        console.print(told, highlight=False, soft_wrap=True)
    rate, ready = ExampleRate(console, chosen), Bar("no examples yet", console=console)

    def count(_task: str, _rejections: Counter[str]) -> None:
        ready.at(ready.done + 1, words=f"examples of {ready.done + 1} tasks ready")
        if console.is_terminal:
            console.print(ready.words, end="\r", highlight=False)

    try:
        outcome = run(
            chosen,
            folder,
            resume=resume,
            callbacks=[rate],
            on_task=count,
            progress=False,
            machine=machine,
            spread=None if processes else spread,
            data_dir=data_dir,
        )
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted; the same command with --resume resumes") from error
    if outcome.was_over:
        console.print(f"nothing to resume: the run ended after its {chosen.steps:,} steps", highlight=False)
    if rate.leads or outcome.was_over:
        for name, value in sorted(outcome.metrics.items()):
            console.print(f"{name}: {value:.4f}", highlight=False)
        say_path(Console(), "", outcome.model)


def _changed(changes: Changes | None) -> Mapping[str, Any]:
    """Return the fields that were given, those of the model as ``model.FIELD``."""
    values = {} if changes is None else asdict(changes)
    model = values.pop("model", None) or {}
    flat = values | {f"model.{name}": value for name, value in model.items()}
    return {name: value for name, value in flat.items() if value is not None}
