"""What a machine computes fast is asked of the machine, whatever the recipe's age."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from arc_affinity.training import hardware, pretrain
from arc_affinity.training.hardware import computes_bfloat16, mixed_precision, precision
from arc_affinity.training.recipes import Recipe

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("capabilities", "native"),
    [
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_f": True, "avx512_bf16": True}, True),
        ({"amx_tile": True, "amx_bf16": True}, True),
        ({"neon": True, "bf16": True}, True),
        ({"neon": True, "bf16": False}, False),
        ({}, False),
    ],
)
def test_a_cpu_takes_bfloat16_only_where_it_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], native: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert computes_bfloat16(CPU) is native
    assert precision("mixed", CPU) == ("bf16-mixed" if native else "32-true")
    assert precision("32-true", CPU) == "32-true"
    with mixed_precision(CPU):
        product = torch.ones(3, 5) @ torch.ones(5, 2)
    assert product.dtype == (torch.bfloat16 if native else torch.float32)


def test_a_gpu_takes_bfloat16_where_it_does_not_imitate_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def supported(including_emulation: bool = True) -> bool:
        asked.append(including_emulation)
        return including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert not computes_bfloat16(GPU)
    assert asked == [False]


def test_other_devices_compute_in_float32() -> None:
    assert not computes_bfloat16(torch.device("mps"))


@pytest.mark.parametrize("native", [True, False])
def test_training_from_scratch_asks_the_machine(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setattr(hardware, "computes_bfloat16", lambda device: native)
    mixed = pretrain.make_trainer(tiny, tmp_path, [], 0, progress=False)
    assert mixed.precision == ("bf16-mixed" if native else "32-true")
    plain = pretrain.make_trainer(tiny.overridden({"precision": "32-true"}), tmp_path, [], 0, progress=False)
    assert plain.precision == "32-true"


def test_a_recipe_saved_before_asks_the_machine_too(tiny: Recipe) -> None:
    saved = tiny.to_dict() | {"precision": "bf16-mixed"}
    assert Recipe.from_dict(saved, "recipe.json") == tiny
    assert tiny.precision == "mixed"
