"""Where models are kept: model folders, the models that come with the package, and checkpoints of training runs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from arc_affinity.documents import fit, name_of, read_object, shown
from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import replacing
from arc_affinity.models.adapters.files import adapted_digest, check_base, load_adapter
from arc_affinity.models.adapters.lora import merge
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.checkpoints import read_checkpoint as read_checkpoint
from arc_affinity.models.storage.names import (
    ADAPTER_CONFIG,
    CARD,
    CONFIG,
    RUN_MODEL,
    WEIGHTS,
    ZOO,
    bundled_models,
    check_name,
)
from arc_affinity.types import PAD

WEIGHTS_HASH = "weights_sha256"
"""Stands among the settings in ``config.json``: the SHA-256 of the weights' file, which has no checksum of its own."""

SMALL = 20_000_000
"""Weights that are built without asking whether a file has as many."""

NAMED = 8
"""Tensors that a message names."""

LONGEST_NAME = 200
"""Characters of a name from outside in a message."""

PadWeight = Annotated[float, Meta(ge=1e-6, le=1e6)]


@dataclass(frozen=True)
class LoadedModel:
    """A model with what is known of it.

    ``source`` is its folder or checkpoint, ``card`` the text of its model card, ``digest`` what records name its
    weights by (see `digest`), those of an adapter included; ``adapter`` is the name of the adapter merged into it (name
    and card are those of its base then). The model is in evaluation mode, on the CPU.
    """

    name: str
    model: EncoderDecoder = field(repr=False)
    card: str | None = field(repr=False)
    source: Path
    digest: str
    adapter: str | None = None


def find_model(name: str) -> LoadedModel:
    """Return the model that a person means by ``name``.

    Args:
        name: a bundled model, a model folder, the folder of a finished run, a checkpoint of a run, or the folder of an
            adapter, which is merged into the base that it names. A bundled name comes before a folder of that name,
            which ``./NAME`` still reaches.

    Raises:
        ArcAffinityError: there is no such model (the nearest name is suggested), it is damaged, or it is an adapter
            whose base is not to be found or is another one by now.
    """
    try:
        return _found(name)
    except OSError as error:
        # Of a name that is too long, say, or in a folder that is closed; an adapter's base is such a name too.
        raise ArcAffinityError(f"cannot read {(error.filename or name)[:LONGEST_NAME]}: {error.strerror}") from error


def _found(name: str) -> LoadedModel:
    if name in bundled_models():
        return _from_folder(ZOO / name)
    path = Path(name)
    if (path / ADAPTER_CONFIG).is_file():
        return with_adapter(find_model(base_of(path)), path)
    if path.is_dir():
        of_run = path / RUN_MODEL
        return _from_folder(of_run if (of_run / CONFIG).is_file() else path)
    if path.suffix == Path(WEIGHTS).suffix and path.is_file():
        raise ArcAffinityError(f"{path} holds weights alone; give its folder, {path.parent}")
    if path.is_file():
        content = read_checkpoint(path)
        model = model_of_checkpoint(content, str(path))
        named = content["recipe"].get("name")
        name = path.stem if named is None else name_of(named, "name of a recipe", str(path))
        return LoadedModel(name, model, None, path, digest(model))
    check_name(name, solvers=False)
    raise ArcAffinityError(f"{path} is no model folder and no checkpoint")


def base_of(folder: Path) -> str:
    """Return what finds the base of the adapter in ``folder``, whatever the working directory.

    A relative path may be meant from the working directory, or from a folder above the adapter.

    Raises:
        ArcAffinityError: the adapter names no base, or an adapter (itself, say) as its base.
    """
    base = load_adapter(folder).base
    if not base:
        raise ArcAffinityError(f"{folder} names no base; give the base, and the folder as --adapter")
    if base in bundled_models():
        return base
    places = [Path(base), *(above / base for above in folder.resolve().parents)]
    found = next((place for place in places if place.exists()), Path(base))
    if (found / ADAPTER_CONFIG).is_file():
        itself = found.resolve() == folder.resolve()
        raise ArcAffinityError(f"{folder} names {'itself' if itself else f'{base}, an adapter,'} as its base")
    return str(found)


def with_adapter(loaded: LoadedModel, folder: Path) -> LoadedModel:
    """Merge the adapter in ``folder`` into ``loaded``, in place; it is named after the folder.

    Raises:
        ArcAffinityError: it is damaged, does not fit, or was trained on another base; or there is an adapter in the
            model already.
    """
    refuse_adapted(loaded)
    adapter = load_adapter(folder)
    check_base(adapter, loaded.name, loaded.digest)
    merge(loaded.model, adapter)
    check_finite(loaded.model.state_dict(), f"{loaded.name} with {folder}")
    digest = adapted_digest(loaded.digest, adapter)
    return replace(loaded, source=folder, digest=digest, adapter=folder.resolve().name)


def refuse_adapted(loaded: LoadedModel) -> None:
    """Make sure that no adapter is in ``loaded``: none was ever trained on top of another.

    Raises:
        ArcAffinityError: there is one.
    """
    if loaded.adapter is not None:
        raise ArcAffinityError(
            f"{loaded.source} is an adapter, over which no other is laid; name its base, {loaded.name}"
        )


def _from_folder(folder: Path) -> LoadedModel:
    model = load_model(folder)
    name, card = name_and_card(folder)
    return LoadedModel(name, model, card, folder, digest(model))


def name_and_card(folder: Path) -> tuple[str, str | None]:
    """Return what a model folder is called (after the run that it lies in, if it does) and the text of its card."""
    place, card = folder.resolve(), folder / CARD
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else None
    return place.parent.name if place.name == RUN_MODEL else place.name, text


def save_model(model: EncoderDecoder, folder: Path, card: str | None = None, *, half: bool = False) -> None:
    """Write ``model`` as a model folder, its parameters as 16-bit floats if ``half`` (half the bytes, for shipping).

    All is written before anything takes its place, so a full disk leaves an older model as it was. The weights come
    last, so a folder that has them is whole.

    Raises:
        ArcAffinityError: the folder cannot be written or the disk is full.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if half:
        tensors |= {name: tensors[name].half() for name, _ in model.named_parameters(remove_duplicate=False)}
    write_folder(folder, model.config.to_dict(), tensors, card)


def write_folder(
    folder: Path, settings: Mapping[str, object], tensors: Mapping[str, Tensor], card: str | None = None
) -> None:
    """Write a model folder of any kind, the digest of its weights among its settings.

    Raises:
        ArcAffinityError: a number is not finite, or the folder cannot be written; what was there stays.
    """
    check_finite(tensors, f"what is to be written to {folder}")
    weights = save(dict(tensors))
    settings = {**settings, WEIGHTS_HASH: hashlib.sha256(weights).hexdigest()}
    files = {WEIGHTS: weights, CONFIG: (json.dumps(settings, indent=2) + "\n").encode()}
    if card is not None:
        files[CARD] = card.encode()
    with ExitStack() as stack:
        for name, content in files.items():
            stack.enter_context(replacing(folder / name)).write_bytes(content)


def load_model(folder: Path) -> EncoderDecoder:
    """Read a model folder; the model is in evaluation mode.

    Raises:
        ArcAffinityError: a file is missing, damaged, or holds other tensors than the configuration asks for.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise ArcAffinityError(f"{folder} is not a model folder: no {CONFIG}")
    settings = read_object(path)
    wanted = fit(settings.pop(WEIGHTS_HASH, None), str | None, f"{path}: {WEIGHTS_HASH}")
    config = ModelConfig.from_dict(settings, str(path))
    tensors = read_weights(folder, wanted)
    where = str(folder / WEIGHTS)
    model = _build(config, tensors, where)
    fill(model, tensors, where)
    return model.eval()


def read_weights(folder: Path, wanted: str | None) -> dict[str, Tensor]:
    """Return the weights in a model folder, those kept as 16-bit floats as 32-bit ones.

    ``wanted`` is the SHA-256 of the file; None if nobody noted it.

    Raises:
        ArcAffinityError: the file is missing or damaged.
    """
    path = folder / WEIGHTS
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ArcAffinityError(f"{folder} is not a model folder: no {WEIGHTS}") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror}") from error
    if wanted is not None and hashlib.sha256(content).hexdigest() != wanted:
        raise ArcAffinityError(f"{path} is damaged: its SHA-256 is not the {WEIGHTS_HASH} in {CONFIG}")
    try:
        tensors = load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArcAffinityError(f"cannot read {path}: {error}") from error
    return {name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in tensors.items()}


def fill(model: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Load ``tensors`` into ``model``, strictly.

    Raises:
        ArcAffinityError: naming every tensor that is missing, unexpected, or of another shape or kind.
    """
    if faults := misfits(model.state_dict(), tensors):
        raise ArcAffinityError(f"{where} does not fit the model: {faults}")
    check_finite(tensors, where)
    model.load_state_dict(tensors)


def check_finite(tensors: Mapping[str, Tensor], where: str) -> None:
    """Refuse weights that are no numbers: a model with such would answer the same to everything.

    Raises:
        ArcAffinityError: naming the tensors.
    """
    wrong = [name for name, value in tensors.items() if not torch.isfinite(value).all()]
    if wrong:
        raise ArcAffinityError(f"{where} holds numbers that are not finite, in {_some(wrong)}")


def _build(config: ModelConfig, tensors: Mapping[str, object], where: str) -> EncoderDecoder:
    """Build a model to be filled with ``tensors``; one of another size by far is not even built.

    Raises:
        ArcAffinityError: the configuration asks for more than twice what ``tensors`` hold.
    """
    given = sum(value.numel() for value in tensors.values() if isinstance(value, Tensor))
    if config.least_weights > 2 * given + SMALL:
        told = f"{where} does not fit the model: its settings ask for over {config.least_weights:,} weights"
        raise ArcAffinityError(f"{told}, and it has {given:,}")
    return EncoderDecoder(config)


def misfits(wanted: Mapping[str, Tensor], given: Mapping[str, object]) -> str:
    """Say in one line what keeps ``given`` from taking the place of ``wanted``: nothing where they fit."""
    misshapen = [
        f"{name} is {_kind(given[name])}, not {_kind(value)}"
        for name, value in wanted.items()
        if name in given and _kind(given[name]) != _kind(value)
    ]
    groups = {
        "missing": [name for name in wanted if name not in given],
        "unexpected": [name for name in given if name not in wanted],
        "misshapen": misshapen,
    }
    return "; ".join(f"{len(names)} {kind} ({_some(names)})" for kind, names in groups.items() if names)


def _some(names: Sequence[object]) -> str:
    """The first of some names; a file may have thousands."""
    more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
    plain = [name if isinstance(name, str) and name.isprintable() else shown(name) for name in names[:NAMED]]
    return ", ".join(name[:LONGEST_NAME] for name in plain) + more


def _kind(value: object) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    if value.is_meta or value.is_nested or value.layout != torch.strided or value.is_quantized:
        return f"a tensor without plain numbers ({value.device.type}, {str(value.layout).removeprefix('torch.')})"
    return f"{str(value.dtype).removeprefix('torch.')}[{', '.join(map(str, value.shape))}]"


def model_of_checkpoint(content: Mapping[str, Any], where: str) -> EncoderDecoder:
    """Return the model within a checkpoint of a training run, in evaluation mode.

    A run with averaged weights keeps them where others keep their only ones, so what comes out is the average. What the
    recipe's weight of PAD did to its probabilities is undone.

    Raises:
        ArcAffinityError: it is no checkpoint of a run of this package, or its tensors do not fit its recipe's model.
    """
    recipe, state = content.get("recipe"), content.get("state_dict")
    if not isinstance(recipe, dict) or not isinstance(state, dict) or not isinstance(recipe.get("model"), dict):
        raise ArcAffinityError(f"{where} holds no run of this package; `model import` reads the published layout")
    model = _build(ModelConfig.from_dict(recipe["model"], where), state, where)
    weight = fit(recipe.get("pad_weight", 1.0), PadWeight, f"{where}: pad_weight")
    fill(model, {name.removeprefix("model."): value for name, value in state.items()}, where)
    forget_pad_weight(model, weight)
    return model.eval()


def forget_pad_weight(model: EncoderDecoder, weight: float) -> None:
    """Make ``model``'s probabilities those of unweighted outputs.

    A class that weighs w in the loss is given w times its odds; log w less on its logit takes that back (Elkan 2001,
    "The foundations of cost-sensitive learning", theorem 2). A weight below 1 puts the reverse right too.
    """
    with torch.no_grad():
        model.output_bias[PAD] -= math.log(weight)


def digest(model: EncoderDecoder) -> str:
    """Return what a record names a model by, see `digest_of`."""
    return digest_of(model.config.to_dict(), model)


def digest_of(settings: Mapping[str, object], model: nn.Module) -> str:
    """Return the first 12 hex digits of the SHA-256 of a model's configuration and weights."""
    state = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        state.update(name.encode())
        state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()[:12]
