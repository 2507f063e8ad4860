"""What a model may be called and where its files lie; nothing here needs torch, so that a typo is told at once."""

from __future__ import annotations

import os
from pathlib import Path

from arc_affinity.errors import ArcAffinityError, unknown

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"

ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""Files of an adapter's folder, as PEFT names them."""

TASKS, RESULT = "tasks", "result.json"
"""Folder of the specialists of a fine-tuning, and what it says of each beside its files."""

RUN_MODEL = "model"
"""Name of the model folder within the folder of a training run."""

ZOO = Path(__file__).parents[1] / "zoo"
"""Folder of the models that come with the package."""

BUNDLED_MODELS = ("champion", "champion-foundational", "rotary", "rotary-foundational")
"""The encoder-decoders that come with the package: named here, so that one which is missing is missed."""

BUNDLED_SOLVERS = ("solver-small",)
"""The bases of `solve` that come with the package."""

PAIR_TRANSFORMER = "pair-transformer"
"""Stands under "kind" in the configuration of a network of `solve`, so that no other network is built from it."""


def bundled_models() -> tuple[str, ...]:
    """Return the names of the encoder-decoders that come with the package."""
    return BUNDLED_MODELS


def bundled_solvers() -> tuple[str, ...]:
    """Return the names of the bases of `solve` that come with the package."""
    return BUNDLED_SOLVERS


def holds_solver(folder: Path) -> bool:
    """Whether ``folder`` holds a pair transformer (or says that it does)."""
    try:
        return PAIR_TRANSFORMER in (folder / CONFIG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def is_solver(name: str) -> bool:
    """Whether ``name`` means a network of `solve`: a bundled base, a model folder, or the folder of a run.

    A bundled model of any kind comes before a folder of its name, which ./NAME still reaches.
    """
    path = Path(name)
    if name in bundled_models():
        return False
    return name in bundled_solvers() or holds_solver(path) or holds_solver(path / RUN_MODEL)


def check_name(name: str, *, solvers: bool = True) -> None:
    """Make sure that ``name`` is a bundled model's, or that something lies at the path that it is.

    ``solvers`` says whether a network of `solve` will do.

    Raises:
        ArcAffinityError: there is nothing of this name; the nearest bundled one is suggested.
    """
    known, path = (*bundled_models(), *(bundled_solvers() if solvers else ())), Path(name)
    if name in known or path.exists():
        return
    if name in bundled_solvers():
        raise ArcAffinityError(f"{name} is a base of `solve`, which adapts it to tasks, and no model for this")
    if path.suffix or len(path.parts) > 1:
        raise ArcAffinityError(f"no model folder or checkpoint at {path}")
    raise unknown("model", name, known)


def check_base(name: str) -> None:
    """Make sure that ``name`` is that of a bundled base of `solve`, or that a folder is at the path that it is.

    Raises:
        ArcAffinityError: neither is so; the nearest bundled one is suggested.
    """
    known, path = bundled_solvers(), Path(name)
    if name in known or path.is_dir():
        return
    if path.suffix or len(path.parts) > 1:
        raise ArcAffinityError(f"no model folder at {path}")
    raise unknown("base", name, known)


def refuse_taken(folder: Path) -> None:
    """Make sure that no model or adapter is in ``folder``, which one is to be written to.

    Raises:
        ArcAffinityError: there is one.
    """
    for name in (CONFIG, WEIGHTS, CARD, ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if os.path.lexists(folder / name):
            raise ArcAffinityError(f"{folder} holds a model already ({name}); choose another folder")
