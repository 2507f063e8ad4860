"""``arc-affinity model merge``: adapters merged into a model, and the barriers of the loss between them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table

from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.files import check_folder
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.errors import UsageError
from arc_affinity.models.storage.names import check_name, refuse_taken

if TYPE_CHECKING:
    from arc_affinity.models.adapters.barrier import Barrier

HELD_OUT = Path(str(files("arc_affinity.data") / "foundational-held-out.npz"))
"""Held-out examples that come with the package."""


def merge(
    *adapters: Path,
    base: str,
    out: Path,
    weights: Annotated[tuple[float, ...], Parameter(validator=Number(gte=0))] = (),
    sample: Path | None = None,
    examples: Annotated[int, Parameter(validator=Number(gte=1))] = 72,
) -> None:
    """Merge adapters into a model.

    The model is the base plus the weighted average of the adapters' changes. The loss is measured on a fixed sample
    along the straight lines from the base to the merged model, and from each adapter's model to it; its greatest rise
    above the line between the ends is the barrier (published: at most 0.0605, threshold 0.5).

    Args:
        adapters: Folders of adapters.
        base: The model that they were trained on.
        out: Model folder to make.
        weights: One for each adapter, in order; equal unless given.
        sample: Example store to measure on; held-out examples of the 18 foundational tasks unless given.
        examples: How many of them.
    """
    if not adapters:
        raise UsageError("name at least one adapter")
    if weights and len(weights) != len(adapters):
        raise UsageError(f"--weights has {len(weights)} numbers for {len(adapters)} adapters; give one for each")
    refuse_taken(out)
    check_folder(out)
    check_name(base, solvers=False)
    # Imported once the base is known: torch takes seconds, which help and typos need not wait for.
    from arc_affinity.models.adapters.barrier import barrier, fixed_sample
    from arc_affinity.models.adapters.files import load_adapter
    from arc_affinity.models.adapters.merging import average
    from arc_affinity.models.storage.folders import find_model, save_model

    loaded, changes = find_model(base), [load_adapter(path) for path in adapters]
    merged = average(loaded, changes, weights)
    batches = fixed_sample(ExampleStore.open(sample or HELD_OUT), loaded.model.config.context_pairs, examples)
    goal = ("merged", merged)
    with Bar("Measuring barriers", len(adapters) + 1, "lines") as bar:
        lines = [barrier((loaded.name, loaded.model), goal, batches)]
        for path, change in zip(adapters, changes, strict=True):
            bar.advance()
            lines.append(barrier((path.name, average(loaded, [change])), goal, batches))
    names = ", ".join(path.name for path in adapters)
    save_model(merged, out, f"# {out.name}\n\n{loaded.name} ({loaded.digest}) with the adapters {names} averaged in.\n")
    Console(stderr=True).print(_barriers(lines))
    say_path(Console(), "", out)


def _barriers(lines: list[Barrier]) -> Table:
    from arc_affinity.models.adapters.barrier import THRESHOLD

    highest = max(line.height for line in lines)
    verdict = "below" if highest < THRESHOLD else "above"
    caption = f"largest barrier {highest:.4f}, {verdict} the threshold of {THRESHOLD}; losses in nats a token"
    table = Table("from", "to", "losses on the line", "barrier", caption=caption, caption_justify="left")
    for line in lines:
        losses = " ".join(f"{loss:.3f}" for loss in line.losses)
        table.add_row(line.start, line.end, losses, f"{line.height:.4f}")
    return table
