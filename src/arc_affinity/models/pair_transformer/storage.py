"""Pair transformers as model folders: `config.json`, `model.safetensors`, and a card where there is one."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from arc_affinity.errors import ArcAffinityError, unknown
from arc_affinity.files import replacing
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.storage import CARD, CONFIG, WEIGHTS, WEIGHTS_HASH, ZOO, misfits

KIND = "pair-transformer"
"""Stands under "kind" in the configuration, so that no other network is built from it."""

SOLVERS = ZOO.parent / "solvers"


@dataclass(frozen=True)
class LoadedSolver:
    """A pair transformer with what is known of it: its name, the ids that its task vectors belong to, its folder and
    the digest of its weights."""

    name: str
    model: PairTransformer
    task_ids: tuple[str, ...]
    source: Path
    digest: str


def bundled_solvers() -> tuple[str, ...]:
    """Return the names of the bases that come with the package."""
    return tuple(sorted(path.parent.name for path in SOLVERS.glob(f"*/{CONFIG}")))


def find_solver(name: str) -> LoadedSolver:
    """Return the base that a person means by ``name``: a bundled one's name, or a folder.

    Raises:
        ArcAffinityError: there is none (the nearest name is suggested), or it is damaged.
    """
    if name in bundled_solvers():
        return load_solver(SOLVERS / name)
    path = Path(name)
    if path.is_dir():
        return load_solver(path)
    if path.suffix or len(path.parts) > 1:
        raise ArcAffinityError(f"no model folder at {path}")
    raise unknown("base", name, bundled_solvers())


def save_solver(
    model: PairTransformer, task_ids: tuple[str, ...], folder: Path, card: str | None = None, *, half: bool = False
) -> None:
    """Write a model folder, as 16-bit floats if ``half``; all of it is written before anything takes its place.

    Args:
        model: the network.
        task_ids: whose vectors the network has, in their order.
        folder: where to.
        card: the text of its model card.
        half: half the bytes, for shipping.

    Raises:
        ArcAffinityError: the folder cannot be written or the disk is full.
    """
    if len(task_ids) != model.config.tasks:
        raise ArcAffinityError(f"{len(task_ids)} task ids for {model.config.tasks} task vectors")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    weights = save({name: tensor.half() if half else tensor for name, tensor in tensors.items()})
    settings = {
        "kind": KIND,
        **asdict(model.config),
        "task_ids": list(task_ids),
        WEIGHTS_HASH: hashlib.sha256(weights).hexdigest(),
    }
    files = {WEIGHTS: weights, CONFIG: (json.dumps(settings, indent=1) + "\n").encode()}
    if card is not None:
        files[CARD] = card.encode()
    with ExitStack() as stack:
        for name, content in files.items():
            stack.enter_context(replacing(folder / name)).write_bytes(content)


def load_solver(folder: Path) -> LoadedSolver:
    """Read a model folder; the model is in evaluation mode, on the CPU.

    Raises:
        ArcAffinityError: a file is missing or damaged, is of another kind of model, or holds other tensors than its
            configuration asks for or numbers that are none.
    """
    settings = _read_settings(folder / CONFIG)
    task_ids = settings.pop("task_ids", None)
    wanted = settings.pop(WEIGHTS_HASH, None)
    if not isinstance(task_ids, list) or not all(isinstance(each, str) for each in task_ids):
        raise ArcAffinityError(f"{folder / CONFIG}: task_ids must be a list of ids")
    config = _config(settings, folder / CONFIG)
    if len(task_ids) != config.tasks:
        raise ArcAffinityError(f"{folder / CONFIG}: {len(task_ids)} task_ids for {config.tasks} tasks")
    content = _read(folder / WEIGHTS, folder)
    if hashlib.sha256(content).hexdigest() != wanted:
        raise ArcAffinityError(f"{folder / WEIGHTS} is damaged: its SHA-256 is not the {WEIGHTS_HASH} in {CONFIG}")
    try:
        tensors = load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArcAffinityError(f"cannot read {folder / WEIGHTS}: {error}") from error
    model = PairTransformer(config)
    whole = {name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in tensors.items()}
    if faults := misfits(model.state_dict(), whole):
        raise ArcAffinityError(f"{folder / WEIGHTS} does not fit the model: {faults}")
    for name, tensor in whole.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ArcAffinityError(f"{folder / WEIGHTS}: {name} holds numbers that are not finite")
    model.load_state_dict(whole)
    return LoadedSolver(folder.resolve().name, model.eval(), tuple(task_ids), folder, solver_digest(model))


def solver_digest(model: PairTransformer) -> str:
    """Return the first 12 hex digits of the SHA-256 of configuration and weights: what a record names a model by."""
    state = hashlib.sha256(json.dumps(asdict(model.config), sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        state.update(name.encode())
        state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()[:12]


def _config(settings: dict[str, Any], path: Path) -> PairConfig:
    kind = settings.pop("kind", None)
    if kind != KIND:
        raise ArcAffinityError(f"{path}: kind is {kind!r:.40}, not {KIND!r}; `solve` begins from a base of that kind")
    known = {field.name for field in fields(PairConfig)}
    for name in settings:
        if name not in known:
            raise ArcAffinityError(f"{path}: {unknown('setting', name, known)}")
    try:
        return PairConfig(**settings)
    except ArcAffinityError as error:
        raise ArcAffinityError(f"{path}: {error}") from error


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(_read(path, path.parent))
    except (ValueError, RecursionError) as error:
        raise ArcAffinityError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ArcAffinityError(f"{path} must hold an object, not {type(values).__name__}")
    return values


def _read(path: Path, folder: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArcAffinityError(f"{folder} is not a model folder: no {path.name}") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error
