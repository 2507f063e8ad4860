"""``arc-affinity model import``: a model folder from a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from arc_affinity.cli.output.files import check_folder
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.errors import UsageError
from arc_affinity.models.storage.names import refuse_taken

if TYPE_CHECKING:
    from arc_affinity.models.encoder_decoder import EncoderDecoder


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
    refuse_taken(out)
    check_folder(out)
    # Imported here because torch takes seconds, which help and typos need not wait for.
    from arc_affinity.models.storage.folders import model_of_checkpoint, read_checkpoint, save_model
    from arc_affinity.models.storage.published import PUBLISHED, import_published

    content = read_checkpoint(checkpoint)
    chosen: dict[str, Any] = {"bridge": bridge, "pre_norm": norm and norm == "pre", "context_heads": context_heads}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    if "recipe" in content:
        if chosen:
            raise UsageError(f"{checkpoint} is of a training run, whose recipe settles {', '.join(chosen)}")
        model = model_of_checkpoint(content, str(checkpoint))
        card = f"# {out.name}\n\nThe model in `{checkpoint.name}`, a checkpoint of a training run.\n"
    else:
        model = import_published(content, str(checkpoint), replace(PUBLISHED, **chosen))
        card = _card(model, checkpoint, out.name)
    save_model(model, out, card)
    Console(stderr=True).print(f"{model.parameter_count():,} parameters", highlight=False)
    say_path(Console(), "", out)


def _card(model: EncoderDecoder, checkpoint: Path, name: str) -> str:
    from arc_affinity.models.storage.published import foreign_tables

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
