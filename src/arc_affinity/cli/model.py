"""``arc-affinity model``: what a model is made of, bringing checkpoints in, and merging adapters."""

from __future__ import annotations

import json as jsonlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table

from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.files import check_folder
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.store.examples import ExampleStore
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.barrier import THRESHOLD, Barrier, barrier, fixed_sample
from arc_affinity.models.adapters.files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, load_adapter
from arc_affinity.models.adapters.merging import average
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.pair_transformer.storage import LoadedSolver, find_either
from arc_affinity.models.storage.folders import (
    CARD,
    CONFIG,
    WEIGHTS,
    LoadedModel,
    find_model,
    model_of_checkpoint,
    read_checkpoint,
    save_model,
)
from arc_affinity.models.storage.published import PUBLISHED, foreign_tables, import_published

HELD_OUT = Path(str(files("arc_affinity.data") / "foundational-held-out.npz"))
"""Held-out examples that come with the package."""

Shown = LoadedModel | LoadedSolver

CARD_PARAGRAPHS = 2
"""How much of a model card is shown: its heading and what comes under it."""


def info(model: str, /, *, json: bool = False) -> None:
    """Show a model.

    Its parts and their parameters, its settings, and the beginning of its card.

    Args:
        model: A bundled model's name, a model folder, a checkpoint, an adapter's folder, or the folder of a run of
            `solve`.
        json: Print one JSON document and nothing else.
    """
    loaded: Shown = find_either(model)
    if json:
        print(jsonlib.dumps(_plain(loaded), indent=2))
        return
    console = Console(highlight=False)
    console.print(f"{loaded.name}, digest {loaded.digest}, {_size(loaded) / 1e6:.1f} MB", markup=False)
    if (laid := _adapter(loaded)) is not None:
        words = f"with the adapter {laid['name']} of rank {laid['rank']}, {laid['parameters']:,} parameters over"
        console.print(f"{words} {laid['base']} ({laid['base_digest'] or 'whose digest it does not tell'})")
    say_path(console, "", loaded.source)
    console.print(_parts_table(loaded.model))
    console.print(_settings_table(_settings(loaded)))
    for paragraph in _beginning(loaded.card or ""):
        console.print(paragraph, markup=False)


def import_(
    checkpoint: Path,
    /,
    *,
    out: Path,
    bridge: Literal["replace", "residual"] | None = None,
    norm: Literal["pre", "post"] | None = None,
    context_heads: Literal[4, 8] | None = None,
) -> None:
    """Make a model folder from a checkpoint.

    Takes a checkpoint in the layout published for the champion (arXiv 2512.07109), with all 292 tensors or with one set
    of the model's, or a checkpoint of a training run. No code in it is run.

    Args:
        checkpoint: The file.
        out: Folder to make.
        bridge: What the published listing leaves open: whether the bridge's result replaces the token (assumed unless
            given) or is added to it.
        norm: Likewise: where layers normalise; pre unless given.
        context_heads: Likewise: heads of the context encoder; 4 unless given.
    """
    _refuse_taken(out)
    content = read_checkpoint(checkpoint)
    chosen: dict[str, Any] = {"bridge": bridge, "pre_norm": norm and norm == "pre", "context_heads": context_heads}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    if "recipe" in content:
        if chosen:
            raise ArcAffinityError(f"{checkpoint} is of a training run, whose recipe settles {', '.join(chosen)}")
        model = model_of_checkpoint(content, str(checkpoint))
        card = f"# {out.name}\n\nThe model in `{checkpoint.name}`, a checkpoint of a training run.\n"
    else:
        model = import_published(content, str(checkpoint), replace(PUBLISHED, **chosen))
        card = _card(model, checkpoint, out.name)
    save_model(model, out, card)
    Console(stderr=True).print(f"{model.parameter_count():,} parameters", highlight=False)
    say_path(Console(), "", out)


def merge(
    *adapters: Path,
    base: str,
    out: Path,
    weights: tuple[float, ...] = (),
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
    _refuse_taken(out)
    check_folder(out)
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


def _refuse_taken(out: Path) -> None:
    for name in (CONFIG, WEIGHTS, CARD, ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if os.path.lexists(out / name):
            raise ArcAffinityError(f"{out} holds a model already ({name}); choose another folder")


def _barriers(lines: list[Barrier]) -> Table:
    highest = max(line.height for line in lines)
    verdict = "below" if highest < THRESHOLD else "above"
    caption = f"largest barrier {highest:.4f}, {verdict} the threshold of {THRESHOLD}; losses in nats a token"
    table = Table("from", "to", "losses on the line", "barrier", caption=caption, caption_justify="left")
    for line in lines:
        losses = " ".join(f"{loss:.3f}" for loss in line.losses)
        table.add_row(line.start, line.end, losses, f"{line.height:.4f}")
    return table


def _card(model: EncoderDecoder, checkpoint: Path, name: str) -> str:
    """The card of an imported model: where it comes from, and what was assumed."""
    config = model.config
    foreign = foreign_tables(model)
    tables = f"differ from ours and are kept: {', '.join(foreign)}" if foreign else "are the same as ours"
    return f"""\
# {name}

Imported from `{checkpoint.name}`, a checkpoint in the layout published with arXiv 2512.07109;
{model.parameter_count():,} parameters. Its position tables {tables}.

It runs as the published package ran it (cells numbered without regard to a grid's width, PAD's row
zero). What the listing leaves open was taken to be: bridge {config.bridge}, {"pre" if config.pre_norm else "post"}-norm
layers, {config.context_heads} context heads.
"""


def _plain(loaded: Shown) -> dict[str, object]:
    """A model as JSON values."""
    return {
        "name": loaded.name,
        "source": str(loaded.source),
        "digest": loaded.digest,
        "adapter": _adapter(loaded),
        "parameters": loaded.model.parameter_count(),
        "size_bytes": _size(loaded),
        "parts": _parts(loaded.model),
        "config": _settings(loaded),
    }


def _settings(loaded: Shown) -> Mapping[str, object]:
    """The sizes and choices that a network is built from."""
    return asdict(loaded.model.config)


def _size(loaded: Shown) -> int:
    """Bytes of the file that holds the weights, or an adapter's."""
    name = WEIGHTS if _adapter(loaded) is None else ADAPTER_WEIGHTS
    file = loaded.source / name if loaded.source.is_dir() else loaded.source
    return file.stat().st_size


def _adapter(loaded: Shown) -> dict[str, Any] | None:
    """The adapter in a model as JSON values; None where there is none."""
    if isinstance(loaded, LoadedSolver) or loaded.adapter is None:
        return None
    adapter = load_adapter(loaded.source)
    return {
        "name": loaded.adapter,
        "rank": adapter.spec.rank,
        "alpha": adapter.spec.alpha,
        "parameters": adapter.size,
        "base": adapter.base,
        "base_digest": adapter.base_digest or None,
    }


def _parts(model: EncoderDecoder | PairTransformer) -> dict[str, int]:
    """Trained parameters of each part."""
    counts: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        counts[name.partition(".")[0]] += parameter.numel()
    return dict(counts)


def _parts_table(model: EncoderDecoder | PairTransformer) -> Table:
    table = Table("part", show_footer=True)
    table.columns[0].footer = "all"
    table.add_column("parameters", justify="right", footer=f"{model.parameter_count():,}")
    for part, count in _parts(model).items():
        table.add_row(part, f"{count:,}")
    return table


def _settings_table(settings: Mapping[str, object]) -> Table:
    table = Table("setting", "value")
    for name, value in settings.items():
        table.add_row(name, str(value))
    return table


def _beginning(card: str) -> list[str]:
    """The first paragraphs of a card, each on one line, past the metadata that model hubs put before them."""
    if card.startswith("---\n"):
        card = card.partition("\n---\n")[2]
    paragraphs = [" ".join(paragraph.split()) for paragraph in card.split("\n\n")]
    return [paragraph for paragraph in paragraphs if paragraph][:CARD_PARAGRAPHS]
