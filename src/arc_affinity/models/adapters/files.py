"""Adapters as files, in the format and with the names of PEFT (github.com/huggingface/peft)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from arc_affinity.documents import fit, read_object, shown
from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import replacing
from arc_affinity.models.adapters.lora import Adapter, Factors
from arc_affinity.models.adapters.spec import LoraSpec
from arc_affinity.models.storage.names import ADAPTER_CONFIG, ADAPTER_WEIGHTS

PREFIX = "base_model.model."
"""Stands before every module's name in PEFT's files."""

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

_KEY = re.compile(rf"{re.escape(PREFIX)}(.+)\.lora_([AB])\.weight")

_INITS = (True, False, "gaussian", "orthogonal", "eva", None)
"""How PEFT may begin an adapter without changing its base, as pissa, olora, corda, loftq and lora_ga do."""

_HARMLESS = frozenset(
    (
        *("peft_type", "peft_version", "task_type", "auto_mapping", "inference_mode", "runtime_config"),
        *("base_model_name_or_path", "revision", "r", "lora_alpha", "lora_dropout"),
        *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "megatron_core"),
        *("eva_config", "qalora_group_size", "ensure_weight_tying"),
    )
)
"""Settings of PEFT that may have any value: the file of weights names the layers, and training is over.

Any other one, of releases to come too, changes what an adapter computes unless it is off or empty.
"""


@dataclass(frozen=True)
class _Settings:
    r: Annotated[int, Meta(ge=1, le=4096)]
    lora_alpha: Annotated[float, Meta(gt=0, le=1e6)]
    target_modules: str | list[str] | None = None
    base_model_name_or_path: Annotated[str, Meta(max_length=4096)] | None = None
    revision: Annotated[str, Meta(max_length=4096)] | None = None


def save_adapter(adapter: Adapter, folder: Path) -> None:
    """Write an adapter as a folder that PEFT can read; the same adapter gives the same bytes.

    ``base_model_name_or_path`` names the base and ``revision`` holds its digest.

    Raises:
        ArcAffinityError: a number is not finite, the folder cannot be written or the disk is full.
    """
    settings = {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": adapter.base,
        "revision": adapter.base_digest or None,
        "r": adapter.spec.rank,
        "lora_alpha": adapter.spec.alpha,
        "target_modules": adapter.spec.pattern,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "inference_mode": True,
    }
    tensors = {
        f"{PREFIX}{name}.lora_{which}.weight": matrix.contiguous()
        for name, factors in adapter.factors.items()
        for which, matrix in (("A", factors.A), ("B", factors.B))
    }
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ArcAffinityError(
                f"the adapter of {adapter.base or 'a model'} holds numbers that are not finite: {name}"
            )
    files = {ADAPTER_WEIGHTS: save(tensors), ADAPTER_CONFIG: (json.dumps(settings, indent=2) + "\n").encode()}
    with ExitStack() as stack:
        for name, content in files.items():
            stack.enter_context(replacing(folder / name)).write_bytes(content)


def load_adapter(folder: Path) -> Adapter:
    """Read an adapter that this package or PEFT wrote.

    Raises:
        ArcAffinityError: a file is missing or damaged, or the adapter is of a kind that this package does not compute.
    """
    settings = _read_settings(folder / ADAPTER_CONFIG)
    path = folder / ADAPTER_WEIGHTS
    try:
        tensors = load(path.read_bytes())
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArcAffinityError(f"cannot read {path}: {error}") from error
    factors = _factors(tensors, settings["r"], str(path))
    target = settings.get("target_modules")
    pattern = target if isinstance(target, str) else "|".join(map(re.escape, factors))
    spec = LoraSpec(settings["r"], float(settings["lora_alpha"]), pattern)
    base, digest = settings.get("base_model_name_or_path"), settings.get("revision")
    return Adapter(spec, factors, base or "", digest or "")


def adapted_digest(base: str, adapter: Adapter) -> str:
    """Return the digest of the weights that answer where ``adapter`` is laid over the base of digest ``base``.

    It is over the base's digest and the change itself, so it is the same on every machine (merging rounds).
    """
    state = hashlib.sha256(f"{base} {adapter.spec.scale!r}".encode())
    for name, factors in sorted(adapter.factors.items()):
        for matrix in (factors.A, factors.B):
            state.update(f" {name} {tuple(matrix.shape)}".encode())
            state.update(matrix.detach().cpu().float().contiguous().numpy().tobytes())
    return state.hexdigest()[:12]


def digest_of_set(by_task: Mapping[str, str]) -> str:
    """Return the one digest of specialists by task: over those of all, or that of the one that answers every task."""
    if len({*by_task.values()}) == 1:
        return next(iter(by_task.values()))
    listed = "\n".join(f"{task} {digest}" for task, digest in sorted(by_task.items()))
    return hashlib.sha256(listed.encode()).hexdigest()[:12]


def check_base(adapter: Adapter, name: str, digest: str) -> None:
    """Refuse to lay an adapter over another model than its own; one that names none is believed.

    Raises:
        ArcAffinityError: naming both.
    """
    if adapter.base_digest and adapter.base_digest != digest:
        raise ArcAffinityError(
            f"the adapter was trained on {adapter.base or 'a model'} ({adapter.base_digest}), not on {name} ({digest})"
        )


def _read_settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ArcAffinityError(f"{path.parent} is no adapter: no {path.name}")
    settings = read_object(path)
    if settings.get("peft_type") != "LORA":
        kind = shown(settings.get("peft_type"))
        raise ArcAffinityError(f'{path}: peft_type is {kind}, and of adapters this package computes "LORA" alone')
    fit(settings, _Settings, str(path))
    for name, value in settings.items():
        if not _is_plain(name, value):
            raise ArcAffinityError(f"{path}: {name} is {value!r:.80}, which this package does not compute")
    return settings


def _is_plain(name: str, value: object) -> bool:
    """Whether a setting leaves an adapter the plain one: its base as it was, plus alpha / rank times B A."""
    if name == "init_lora_weights":
        return value in _INITS
    return name in _HARMLESS or not value or (name, value) == ("bias", "none")


def _factors(tensors: Mapping[str, Tensor], rank: int, where: str) -> dict[str, Factors]:
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        named = _KEY.fullmatch(key)
        if named is None:
            raise ArcAffinityError(f"{where} holds {key}, which is no LoRA matrix")
        found.setdefault(named[1], {})[named[2]] = tensor
    for name, pair in found.items():
        if pair.keys() != {"A", "B"} or pair["A"].shape[:1] != (rank,) or pair["B"].shape[1:] != (rank,):
            raise ArcAffinityError(f"{where}: {name} has no two matrices of rank {rank}")
        if any(matrix.ndim != 2 or matrix.dtype not in FLOATS for matrix in pair.values()):
            kinds = " and ".join(f"{matrix.dtype} {list(matrix.shape)}" for matrix in pair.values())
            raise ArcAffinityError(f"{where}: {name} has {kinds}, not two matrices of floats")
        # Numbers of 64 bits may be too large for 32.
        if not all(torch.isfinite(matrix.float()).all() for matrix in pair.values()):
            raise ArcAffinityError(f"{where}: {name} holds numbers that are not finite")
    if not found:
        raise ArcAffinityError(f"{where} is empty")
    return {name: Factors(pair["A"].float(), pair["B"].float()) for name, pair in sorted(found.items())}
