"""Pair transformers as model folders, in the layout of all models here: configuration, weights, a card."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

from arc_affinity.documents import fit, fit_fields, read_object
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.models.storage.folders import (
    LoadedModel,
    digest_of,
    fill,
    find_model,
    name_and_card,
    read_weights,
    write_folder,
)
from arc_affinity.models.storage.names import (
    CONFIG,
    PAIR_TRANSFORMER,
    RUN_MODEL,
    WEIGHTS,
    ZOO,
    bundled_solvers,
    check_base,
    holds_solver,
    is_solver,
)


@dataclass(frozen=True)
class _Beside:
    kind: Literal["pair-transformer"]
    task_ids: list[str]
    weights_sha256: str


@dataclass(frozen=True)
class LoadedSolver:
    """A pair transformer with what is known of it.

    The model is in evaluation mode, on the CPU, with a vector for each of ``task_ids`` in their order. ``source`` is
    its folder, ``card`` the text of its model card; records name it by ``digest``, of configuration and weights.
    """

    name: str
    model: PairTransformer = field(repr=False)
    task_ids: tuple[str, ...] = field(repr=False)
    source: Path
    digest: str
    card: str | None = field(default=None, repr=False)


def find_either(name: str) -> LoadedModel | LoadedSolver:
    """Return the model of either kind that ``name`` means: a network of `solve`, or an encoder-decoder (`find_model`).

    Raises:
        ArcAffinityError: there is none (the nearest name is suggested), or it is damaged.
    """
    return find_solver(name) if is_solver(name) else find_model(name)


def find_solver(name: str) -> LoadedSolver:
    """Return the base that a person means by ``name``: a bundled one's name, a folder, or that of a run of `solve`.

    Raises:
        ArcAffinityError: there is none (the nearest name is suggested), or it is damaged.
    """
    check_base(name)
    if name in bundled_solvers():
        return load_solver(ZOO / name)
    path = Path(name)
    of_run = path / RUN_MODEL
    return load_solver(of_run if (of_run / CONFIG).is_file() else path)


def save_solver(
    model: PairTransformer, task_ids: tuple[str, ...], folder: Path, card: str | None = None, *, half: bool = False
) -> None:
    """Write a model folder, as 16-bit floats if ``half``; all of it is written before anything takes its place.

    ``task_ids`` are those whose vectors the network has, in their order; ``card`` is the text of its model card.

    Raises:
        ArcAffinityError: the folder cannot be written or the disk is full.
    """
    if len(task_ids) != model.config.tasks:
        raise ArcAffinityError(f"{len(task_ids)} task ids for {model.config.tasks} task vectors")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    kept = {name: tensor.half() if half else tensor for name, tensor in tensors.items()}
    write_folder(folder, {"kind": PAIR_TRANSFORMER, **asdict(model.config), "task_ids": list(task_ids)}, kept, card)


def load_solver(folder: Path) -> LoadedSolver:
    """Read a model folder; the model is in evaluation mode, on the CPU.

    Raises:
        ArcAffinityError: a file is missing or damaged, is of another kind of model, or holds other tensors than its
            configuration asks for or numbers that are none.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise ArcAffinityError(f"{folder} is not a model folder: no {CONFIG}")
    if not holds_solver(folder):
        raise ArcAffinityError(f"{path}: not of kind {PAIR_TRANSFORMER!r}; `solve` begins from a base of that kind")
    content = read_object(path)
    names = {field.name for field in fields(_Beside)}
    settings = fit({name: value for name, value in content.items() if name in names}, _Beside, str(path))
    sizes = {name: value for name, value in content.items() if name not in names}
    fitting = fit_fields(sizes, PairConfig, "setting", str(path))
    try:
        config = PairConfig(**fitting)
    except ArcAffinityError as error:
        raise ArcAffinityError(f"{path}: {error}") from error
    if len(settings.task_ids) != config.tasks:
        raise ArcAffinityError(f"{path}: {len(settings.task_ids)} task_ids for {config.tasks} tasks")
    tensors = read_weights(folder, settings.weights_sha256)
    given = sum(tensor.numel() for tensor in tensors.values())
    if config.least_weights > given:
        raise ArcAffinityError(
            f"{folder / WEIGHTS} does not fit the model: its settings ask for over {config.least_weights:,} weights, "
            f"and it has {given:,}"
        )
    model = PairTransformer(config)
    fill(model, tensors, str(folder / WEIGHTS))
    name, card = name_and_card(folder)
    digest = digest_of(asdict(config), model)
    return LoadedSolver(name, model.eval(), tuple(settings.task_ids), folder, digest, card)
