"""LoRA against `peft`: the same outputs for the same adapter, in both directions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from arc_affinity.data.batching.batch import Batch, collate
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.files import adapted_digest, check_base, load_adapter, save_adapter
from arc_affinity.models.adapters.lora import Adapter, Factors, find_linears, laid_over, merge
from arc_affinity.models.adapters.spec import LoraSpec
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import digest, find_model, save_model, with_adapter
from arc_affinity.models.storage.names import ADAPTER_CONFIG, ADAPTER_WEIGHTS

SPEC = LoraSpec(rank=3, alpha=7.0)


@pytest.fixture
def batch(examples: Callable) -> Batch:
    return collate(examples())


def shaken(model: EncoderDecoder, spec: LoraSpec = SPEC, seed: int = 11) -> Adapter:
    """An adapter with nothing at zero."""
    generator = torch.Generator().manual_seed(seed)
    factors = {
        name: Factors(
            torch.randn(spec.rank, linear.in_features, generator=generator),
            torch.randn(linear.out_features, spec.rank, generator=generator),
        )
        for name, linear in find_linears(model, spec).items()
    }
    return Adapter(spec, factors, "small", digest(model))


@torch.no_grad()
def outputs(model: nn.Module, batch: Batch) -> torch.Tensor:
    return model(batch)


def test_default_is_102_400_parameters_on_the_champion() -> None:
    model = EncoderDecoder(ModelConfig())
    with laid_over(model, LoraSpec(), 0) as layers:
        assert len(layers) == 8
        assert sum(p.numel() for layer in layers.values() for p in (layer.A, layer.B)) == 102_400
        assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 102_400
    assert shaken(model, LoraSpec()).size == 102_400


def test_starts_as_the_base_and_leaves_no_trace(build: Callable, batch: Batch) -> None:
    model = build()
    names, before, learned = list(model.state_dict()), outputs(model, batch), digest(model)
    model.context_to_logits.weight.requires_grad_(False)
    with laid_over(model, SPEC, 5):
        assert torch.equal(outputs(model, batch), before)
    assert (list(model.state_dict()), digest(model)) == (names, learned)
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    assert frozen == ["context_to_logits.weight"], "what was frozen before stays so"


def test_a_block_that_fails_leaves_no_trace(build: Callable) -> None:
    model = build()
    names = list(model.state_dict())
    with pytest.raises(ZeroDivisionError), laid_over(model, SPEC, 5):
        raise ZeroDivisionError
    assert list(model.state_dict()) == names and all(p.requires_grad for p in model.parameters())


def test_the_seed_decides_the_start(build: Callable) -> None:
    with laid_over(build(), SPEC, 2) as one, laid_over(build(), SPEC, 2) as same, laid_over(build(), SPEC, 3) as other:
        assert all(torch.equal(one[name].A, same[name].A) for name in one)
        assert not any(torch.equal(one[name].A, other[name].A) for name in one)


def test_merged_equals_laid_over_and_taken_off_equals_base(variant: ModelConfig, build: Callable, batch: Batch) -> None:
    model = build(variant)
    before, adapter = outputs(model, batch), shaken(model)
    with laid_over(model, SPEC, 5) as layers:
        for name, layer in layers.items():
            layer.A.data, layer.B.data = adapter.factors[name].A, adapter.factors[name].B
        laid = outputs(model, batch)
    assert not torch.allclose(laid, before, atol=0.1)
    merge(model, adapter)
    torch.testing.assert_close(outputs(model, batch), laid, rtol=1e-4, atol=1e-3)
    merge(model, adapter, -1.0)
    torch.testing.assert_close(outputs(model, batch), before, rtol=1e-3, atol=1e-3)


def test_peft_computes_the_same_from_our_files(build: Callable, batch: Batch, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    model = build()
    adapter = shaken(model)
    save_adapter(adapter, tmp_path)
    theirs = peft.PeftModel.from_pretrained(build(), tmp_path).eval()
    merge(model, adapter)
    torch.testing.assert_close(outputs(theirs, batch), outputs(model, batch), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("target", [SPEC.pattern, ["linear1", "self_attn.q_proj"]], ids=["pattern", "list"])
def test_we_compute_the_same_from_peft_s_files(
    build: Callable, batch: Batch, tmp_path: Path, target: str | list[str]
) -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=3, lora_alpha=7, target_modules=target, init_lora_weights=False)
    theirs = peft.get_peft_model(build(), config).eval()
    theirs.save_pretrained(tmp_path)
    model, adapter = build(), load_adapter(tmp_path)
    assert (adapter.spec.rank, adapter.spec.alpha, adapter.base_digest) == (3, 7.0, "")
    merge(model, adapter)
    torch.testing.assert_close(outputs(model, batch), outputs(theirs, batch), rtol=1e-4, atol=1e-3)
    names = find_linears(model, adapter.spec).keys()
    assert names == adapter.factors.keys()


def test_files_keep_every_value_and_the_base(build: Callable, tmp_path: Path) -> None:
    adapter = shaken(build())
    save_adapter(adapter, tmp_path)
    again = load_adapter(tmp_path)
    assert (again.spec, again.base, again.base_digest) == (adapter.spec, adapter.base, adapter.base_digest)
    for name, factors in adapter.factors.items():
        assert torch.equal(factors.A, again.factors[name].A) and torch.equal(factors.B, again.factors[name].B)
    assert json.loads((tmp_path / ADAPTER_CONFIG).read_text())["revision"] == adapter.base_digest


def test_an_adapter_folder_is_a_model(build: Callable, batch: Batch, tmp_path: Path) -> None:
    base = build()
    save_model(base, tmp_path / "base")
    adapter = Adapter(SPEC, shaken(base).factors, str(tmp_path / "base"), digest(base))
    save_adapter(adapter, tmp_path / "00576224")
    loaded = find_model(str(tmp_path / "00576224"))
    assert (loaded.name, loaded.adapter, loaded.digest) == ("base", "00576224", adapted_digest(digest(base), adapter))
    merge(base, adapter)
    assert torch.equal(outputs(loaded.model, batch), outputs(base, batch))
    save_model(build(seed=23), tmp_path / "base")
    with pytest.raises(ArcAffinityError, match=f"trained on .*base \\({adapter.base_digest}\\), not on base"):
        find_model(str(tmp_path / "00576224"))
    with pytest.raises(ArcAffinityError, match="not on base"):
        with_adapter(find_model(str(tmp_path / "base")), tmp_path / "00576224")


def test_another_base_is_refused_by_both_names(build: Callable) -> None:
    adapter = shaken(build())
    with pytest.raises(ArcAffinityError, match=rf"trained on small \({adapter.base_digest}\), not on other \(0123\)"):
        check_base(adapter, "other", "0123")
    check_base(Adapter(SPEC, adapter.factors, "", ""), "other", "0123")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (LoraSpec(25, 1.0), r"rank 25 is larger than encoder.layers.0.linear1, which is 29x24"),
        (LoraSpec(0, 1.0), "rank must be at least 1"),
        (LoraSpec(2, 0.0), "alpha a number above 0"),
        (LoraSpec(2, float("nan")), "alpha a number above 0"),
        (LoraSpec(2, 1.0, "linear1"), r"'linear1' matches no Linear; there are .* encoder\.layers\.\\d\+\.linear1"),
        (LoraSpec(2, 1.0, "(linear1"), "is no regular expression"),
    ],
)
def test_what_cannot_be_laid_over(build: Callable, spec: LoraSpec, told: str) -> None:
    with pytest.raises(ArcAffinityError, match=told):
        find_linears(build(), spec)


def test_an_adapter_of_another_shape(build: Callable) -> None:
    model = build()
    adapter = shaken(build(width=36))
    before = digest(model)
    with pytest.raises(ArcAffinityError, match=r"change to encoder.layers.0.linear1 is \(29, 36\), not \(29, 24\)"):
        merge(model, adapter)
    assert digest(model) == before
    with pytest.raises(ArcAffinityError, match=r"decoder.layers.2.linear1, which is no Linear"):
        merge(model, shaken(build(decoder_layers=3)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c | {"use_rslora": True}, "use_rslora is True, which this package does not compute"),
        (lambda c: c | {"rank_pattern": {"linear1": 2}}, "rank_pattern"),
        *(
            (lambda c, name=name: c | {"init_lora_weights": name}, f"init_lora_weights is '{name}', which this package")
            for name in ("pissa", "pissa_niter_16", "olora", "loftq", "corda", "lora_ga")
        ),
        (lambda c: c | {"loftq_config": {"loftq_bits": 4}}, "loftq_config is"),
        (lambda c: c | {"layer_replication": [[0, 2], [1, 2]]}, r"layer_replication is \[\[0, 2\]"),
        (lambda c: c | {"use_qalora": True}, "use_qalora is True"),
        (lambda c: c | {"alora_invocation_tokens": [7]}, r"alora_invocation_tokens is \[7\]"),
        (lambda c: c | {"arrow_config": {"top_k": 3}}, "arrow_config is"),
        (lambda c: c | {"use_bdlora": {"nblocks": 2}}, "use_bdlora is"),
        (lambda c: c | {"of_a_release_to_come": 0.5}, "of_a_release_to_come is 0.5"),
        (lambda c: c | {"peft_type": "IA3"}, 'peft_type is "IA3"'),
        (lambda c: {k: v for k, v in c.items() if k != "peft_type"}, "peft_type is null"),
        (lambda c: c | {"r": "3"}, 'r must be a whole number, not "3"'),
        (lambda c: c | {"r": 2}, "has no two matrices of rank 2"),
    ],
)
def test_settings_that_are_not_computed(build: Callable, tmp_path: Path, change: Callable, told: str) -> None:
    save_adapter(shaken(build()), tmp_path)
    path = tmp_path / ADAPTER_CONFIG
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(ArcAffinityError, match=told):
        load_adapter(tmp_path)


@pytest.mark.parametrize("init", [True, "gaussian", "orthogonal", "pissa", "olora"])
def test_starts_that_change_the_base_are_refused_and_others_computed(
    build: Callable, batch: Batch, tmp_path: Path, init: bool | str
) -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=4, lora_alpha=7, target_modules=["linear1"], init_lora_weights=init)
    theirs = peft.get_peft_model(build(), config).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "lora_B" in name:
                parameter += 0.1
    theirs.save_pretrained(tmp_path)
    if init in ("pissa", "olora"):
        with pytest.raises(ArcAffinityError, match=f"init_lora_weights is '{init}'"):
            load_adapter(tmp_path)
        return
    model = build()
    merge(model, load_adapter(tmp_path))
    torch.testing.assert_close(outputs(model, batch), outputs(theirs, batch), rtol=1e-4, atol=1e-3)


def test_files_that_are_missing_or_damaged(build: Callable, tmp_path: Path) -> None:
    with pytest.raises(ArcAffinityError, match="is no adapter: no adapter_config.json"):
        load_adapter(tmp_path)
    save_adapter(shaken(build()), tmp_path)
    path = tmp_path / ADAPTER_WEIGHTS
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ArcAffinityError, match="cannot read"):
        load_adapter(tmp_path)
    path.unlink()
    with pytest.raises(ArcAffinityError, match="cannot read"):
        load_adapter(tmp_path)
