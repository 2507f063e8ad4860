"""The layout of the published checkpoint (`champion_bootstrap.ckpt` of arXiv 2512.07109): into our models and back.

It lists 292 tensors: 144 of the model under ``core_model.``, the same 144 again under ``model.``, and four scalars of
the training module. Queries, keys and values are projected by one fused ``in_proj``; ``output_fc.weight`` is the colour
matrix ``input_embedding.G`` once more; the two ``pe`` are fixed tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

import torch
from torch import Tensor

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.positions import grid_sinusoids
from arc_affinity.models.storage.folders import check_finite, misfits

PUBLISHED = ModelConfig(
    pad_row="zero",
    bridge="replace",
    normalise_context=False,
    read_ends=False,
    flat_positions=True,
)
"""How a published checkpoint is run: the way its weights were trained, faults included, where that is known.

Known: PAD's row is zero, grids were read without ends, cells were numbered 0, 1, 2 … whatever the width, and nothing
normalised the context. Not published, and so chosen: the bridge's result replaces the token, as its listing reads
literally; layers are pre-norm, as in the later port; 4 context heads, as in the checkpoint's record. Padding stays
masked: a grid alone is read alike with and without."""

PARTS = {
    "positions": ("sinusoid",),
    "colours": ("shared",),
    "context": ("vector",),
    "bridge": ("residual", "replace"),
}
"""Parts that the layout has tensors for."""

CORE, COPY = "core_model.", "model."
"""Prefixes of the model's tensors; the second set repeats the first."""

SCALARS = ("cebr_alpha", "cebr_beta", "cebr_gamma", "gauge_alpha")
"""Parameters of the published training module, which no configuration of the champion uses."""

TIED, COLOURS = "output_fc.weight", "input_embedding.G"
FUSED = ".in_proj_"


def import_published(content: Mapping[str, object], where: str, settings: ModelConfig = PUBLISHED) -> EncoderDecoder:
    """Return a model with the weights of a checkpoint in the published layout, in evaluation mode.

    Args:
        content: float32 tensors by name, or a Lightning checkpoint with them as its "state_dict". The model's may have
            either prefix or both; without any prefix the scalars, which are not the model's, may be left out (then 0).
        where: what errors call the checkpoint.
        settings: the parts to build, whose shapes the tensors must have. The position tables are loaded as they are,
            should they differ from ours (`foreign_tables`); `PUBLISHED` tells what else is taken for granted.

    Raises:
        ArcAffinityError: naming each tensor that is missing, unexpected, misshapen, not finite, or no copy of another.
    """
    _refuse_other_parts(settings)
    model = EncoderDecoder(settings)
    state = content.get("state_dict")
    given = {str(name): value for name, value in (state if isinstance(state, Mapping) else content).items()}
    prefixes = [prefix for prefix in (CORE, COPY) if any(name.startswith(prefix) for name in given)] or [""]
    core = _fuse(model)
    wanted = {prefix + name: tensor for prefix in prefixes for name, tensor in core.items()}
    if prefixes != [""] or any(name in given for name in SCALARS):
        wanted |= _scalars(model)
    if faults := misfits(wanted, given):
        raise ArcAffinityError(f"{where} does not fit the published layout: {faults}")
    tensors = {name: tensor for name, tensor in given.items() if isinstance(tensor, Tensor)}
    check_finite(tensors, where)
    if unequal := list(_unequal(tensors, prefixes, core)):
        raise ArcAffinityError(f"{where} contradicts itself: {'; '.join(unequal)}")
    own = {name: tensors[prefixes[0] + name] for name in core}
    model.load_state_dict(_scalars(model) | {n: tensors[n] for n in SCALARS if n in tensors} | _split(own))
    return model.eval()


def export_published(model: EncoderDecoder) -> dict[str, Tensor]:
    """Return the 292 tensors of the published layout, sorted by name; `import_published` undoes it.

    Raises:
        ArcAffinityError: the model has parts of which the layout knows nothing, such as rotary positions.
    """
    _refuse_other_parts(model.config)
    core = _fuse(model)
    tensors = _scalars(model) | {prefix + name: core[name] for prefix in (CORE, COPY) for name in core}
    return {name: tensors[name].detach().cpu().clone() for name in sorted(tensors)}


def foreign_tables(model: EncoderDecoder) -> list[str]:
    """Return the names of the position tables that are not `positions.grid_sinusoids`."""
    tables = {name: tensor for name, tensor in model.state_dict().items() if name.endswith(".pe")}
    return [
        name for name, table in tables.items() if not torch.allclose(table[0].cpu(), grid_sinusoids(table.shape[-1]))
    ]


def _refuse_other_parts(settings: ModelConfig) -> None:
    parts = asdict(settings)
    for part, known in PARTS.items():
        if parts[part] not in known:
            raise ArcAffinityError(f"the published layout has {part} {' or '.join(known)} only, not {parts[part]}")
    if settings.decoder_loops > 1:
        raise ArcAffinityError(f"the published layout has layers applied once, not {settings.decoder_loops} times")


def _scalars(model: EncoderDecoder) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in model.state_dict().items() if name in SCALARS}


def _fuse(model: EncoderDecoder) -> dict[str, Tensor]:
    state, core = model.state_dict(), dict[str, Tensor]()
    for name, tensor in state.items():
        owner, projection, kind = name.partition(".q_proj.")
        if projection:
            core[owner + FUSED + kind] = torch.cat([state[f"{owner}.{part}_proj.{kind}"] for part in "qkv"])
        elif name not in SCALARS and ".k_proj." not in name and ".v_proj." not in name:
            core[name] = tensor
    core[TIED] = core[COLOURS]
    return core


def _split(core: Mapping[str, Tensor]) -> dict[str, Tensor]:
    state = dict[str, Tensor]()
    for name, tensor in core.items():
        owner, fused, kind = name.partition(FUSED)
        if fused:
            state |= {f"{owner}.{part}_proj.{kind}": rows for part, rows in zip("qkv", tensor.chunk(3), strict=True)}
        elif name != TIED:
            state[name] = tensor
    return state


def _unequal(tensors: Mapping[str, Tensor], prefixes: list[str], names: Mapping[str, Tensor]) -> Iterator[str]:
    """Say which tensors are not equal, bit for bit, to those that they repeat."""
    pairs = [(prefix + TIED, prefix + COLOURS) for prefix in prefixes]
    if len(prefixes) > 1:
        pairs += [(COPY + name, CORE + name) for name in names]
    for one, other in pairs:
        if not torch.equal(tensors[one].view(torch.int32), tensors[other].view(torch.int32)):
            yield f"{one} is not equal to {other}"
