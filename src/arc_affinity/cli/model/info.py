"""``arc-affinity model info``: what a model is made of."""

from __future__ import annotations

import json as jsonlib
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.models.storage.names import WEIGHTS, check_name

if TYPE_CHECKING:
    from arc_affinity.models.pair_transformer.storage import LoadedSolver
    from arc_affinity.models.storage.folders import LoadedModel

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
    check_name(model)
    # Imported once the name is known: torch takes seconds, which help and typos need not wait for.
    from arc_affinity.models.pair_transformer.storage import find_either
    from arc_affinity.models.storage.names import ADAPTER_WEIGHTS

    loaded = find_either(model)
    laid = _adapter(loaded)
    name = WEIGHTS if laid is None else ADAPTER_WEIGHTS
    size = (loaded.source / name if loaded.source.is_dir() else loaded.source).stat().st_size
    parts: Counter[str] = Counter()
    for tensor, parameter in loaded.model.named_parameters():
        parts[tensor.partition(".")[0]] += parameter.numel()
    settings, parameters = asdict(loaded.model.config), loaded.model.parameter_count()
    if json:
        document = {
            "name": loaded.name,
            "source": str(loaded.source),
            "digest": loaded.digest,
            "adapter": laid,
            "parameters": parameters,
            "size_bytes": size,
            "parts": parts,
            "config": settings,
        }
        print(jsonlib.dumps(document, indent=2))
        return
    console = Console(highlight=False)
    console.print(f"{loaded.name}, digest {loaded.digest}, {size / 1e6:.1f} MB", markup=False)
    if laid is not None:
        words = f"with the adapter {laid['name']} of rank {laid['rank']}, {laid['parameters']:,} parameters over"
        console.print(f"{words} {laid['base']} ({laid['base_digest'] or 'whose digest it does not tell'})")
    say_path(console, "", loaded.source)
    table = Table("part", show_footer=True)
    table.columns[0].footer = "all"
    table.add_column("parameters", justify="right", footer=f"{parameters:,}")
    for part, count in parts.items():
        table.add_row(part, f"{count:,}")
    console.print(table)
    table = Table("setting", "value")
    for setting, value in settings.items():
        table.add_row(setting, str(value))
    console.print(table)
    for paragraph in _beginning(loaded.card or ""):
        console.print(paragraph, markup=False)


def _adapter(loaded: LoadedModel | LoadedSolver) -> dict[str, Any] | None:
    """The adapter in a model as JSON values; None where there is none."""
    from arc_affinity.models.adapters.files import load_adapter
    from arc_affinity.models.pair_transformer.storage import LoadedSolver

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


def _beginning(card: str) -> list[str]:
    """The first paragraphs of a card, each on one line, past the metadata that model hubs put before them."""
    if card.startswith("---\n"):
        card = card.partition("\n---\n")[2]
    paragraphs = [" ".join(paragraph.split()) for paragraph in card.split("\n\n")]
    return [paragraph for paragraph in paragraphs if paragraph][:CARD_PARAGRAPHS]
