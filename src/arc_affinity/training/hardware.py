"""What the machine at hand computes fast: no part of a recipe, found out where training runs (decision 20)."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["32-true", "mixed"]

NATIVE_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")
"""What torch calls a CPU's instructions for products in bfloat16 (x86, x86, ARM). Without them each number is taken
apart and put together again: such products were measured to take 50 times as long as in float32."""


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether ``device`` multiplies bfloat16 matrices itself, so that they cost less than float32's."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return any(torch.cpu.get_capabilities().get(name, False) for name in NATIVE_BFLOAT16)
    return False


def mixed_precision(device: torch.device) -> torch.autocast:
    """Return the context that computes in bfloat16 where that pays, and in float32 elsewhere."""
    return torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device))


def precision(wanted: Precision, device: torch.device) -> Literal["32-true", "bf16-mixed"]:
    """Return what Lightning is told for a recipe's precision on ``device``."""
    return "bf16-mixed" if wanted == "mixed" and computes_bfloat16(device) else "32-true"
