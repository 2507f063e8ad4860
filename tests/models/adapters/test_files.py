"""One identity for what was run, a base that is found from anywhere, and no adapter on top of another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.files import adapted_digest, digest_of_set, load_adapter, save_adapter
from arc_affinity.models.adapters.lora import Adapter, Factors, find_linears
from arc_affinity.models.adapters.merging import average
from arc_affinity.models.adapters.spec import LoraSpec
from arc_affinity.models.storage.folders import digest, find_model, save_model, with_adapter
from arc_affinity.models.storage.names import ADAPTER_CONFIG, ADAPTER_WEIGHTS

SPEC = LoraSpec(rank=2, alpha=3.0)


@pytest.fixture
def base(build: Callable, tmp_path: Path) -> Path:
    save_model(build(), tmp_path / "models" / "base")
    return tmp_path / "models" / "base"


def adapter(base: Path, value: float, *, named: str | None = None, told: bool = True) -> Adapter:
    loaded = find_model(str(base))
    factors = {
        name: Factors(torch.full((2, linear.in_features), value), torch.full((linear.out_features, 2), value))
        for name, linear in find_linears(loaded.model, SPEC).items()
    }
    return Adapter(SPEC, factors, named or str(base.resolve()), loaded.digest if told else "")


@pytest.fixture
def adapters(base: Path, tmp_path: Path) -> list[Path]:
    """Two adapters of one base."""
    for name, value in (("a", 0.1), ("b", 0.2)):
        save_adapter(adapter(base, value), tmp_path / name)
    return [tmp_path / "a", tmp_path / "b"]


def test_two_adaptations_of_one_base_have_two_identities(base: Path, adapters: list[Path]) -> None:
    digests = [find_model(str(place)).digest for place in (base, *adapters)]
    assert len(set(digests)) == 3
    loaded = find_model(str(base))
    assert [adapted_digest(loaded.digest, load_adapter(each)) for each in adapters] == digests[1:]
    assert with_adapter(loaded, adapters[0]).digest == digests[1]


def test_an_identity_is_of_all_that_computes_the_answers(base: Path, adapters: list[Path], tmp_path: Path) -> None:
    mine = load_adapter(adapters[0])
    same = replace(mine, base="elsewhere", base_digest="")
    assert adapted_digest("0123", same) == adapted_digest("0123", mine)
    name, factors = next(iter(mine.factors.items()))
    others = [
        adapted_digest("0124", mine),
        adapted_digest("0123", replace(mine, spec=replace(SPEC, alpha=3.5))),
        adapted_digest("0123", replace(mine, factors=dict(mine.factors) | {name: replace(factors, A=2 * factors.A)})),
        adapted_digest("0123", replace(mine, factors=dict(mine.factors) | {name: replace(factors, B=2 * factors.B)})),
        adapted_digest("0123", replace(mine, factors={n: f for n, f in mine.factors.items() if n != name})),
    ]
    assert len({adapted_digest("0123", mine), *others}) == 6


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_adapter_of_numbers_that_are_none_is_neither_saved_nor_read(
    base: Path, tmp_path: Path, value: float
) -> None:
    with pytest.raises(ArcAffinityError, match="numbers that are not finite: base_model.model.encoder"):
        save_adapter(adapter(base, value), tmp_path / "a")
    assert not (tmp_path / "a").exists()
    save_adapter(adapter(base, 0.1), tmp_path / "a")
    path = tmp_path / "a" / ADAPTER_WEIGHTS
    for wide, kind in ((value, torch.float32), (1e300, torch.float64)):
        tensors = {name: torch.full_like(each, wide, dtype=kind) for name, each in load_file(path).items()}
        save_file(tensors, path)
        with pytest.raises(ArcAffinityError, match="holds numbers that are not finite"):
            find_model(str(tmp_path / "a"))


def test_a_set_of_specialists_is_one_solver() -> None:
    both = digest_of_set({"t1": "aa", "t2": "bb"})
    assert both == digest_of_set({"t2": "bb", "t1": "aa"})
    assert len({both, digest_of_set({"t1": "bb", "t2": "aa"}), digest_of_set({"t1": "aa", "t3": "bb"})}) == 3
    assert digest_of_set({"t1": "aa", "t2": "aa"}) == "aa", "one that answers all is itself"


@pytest.mark.parametrize("told", [True, False])
def test_no_adapter_is_laid_over_another(base: Path, adapters: list[Path], tmp_path: Path, told: bool) -> None:
    save_adapter(adapter(base, 0.3, told=told), tmp_path / "c")
    adapted = find_model(str(adapters[0]))
    before = digest(adapted.model)
    said = "a is an adapter, over which no other is laid; name its base, base"
    with pytest.raises(ArcAffinityError, match=said):
        with_adapter(adapted, tmp_path / "c")
    assert digest(adapted.model) == before
    with pytest.raises(ArcAffinityError, match=said):
        average(adapted, [load_adapter(tmp_path / "c")])


def test_a_base_is_found_from_any_working_directory(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"whole": str(base.resolve()), "from-the-top": "models/base"}
    for name, place in places.items():
        save_adapter(adapter(base, 0.1, named=place), tmp_path / "out" / "tasks" / name)
    wanted = find_model(str(tmp_path / "out" / "tasks" / "whole")).digest
    (tmp_path / "elsewhere").mkdir()
    for here in (tmp_path, tmp_path / "elsewhere", tmp_path / "out" / "tasks"):
        monkeypatch.chdir(here)
        for name in places:
            found = find_model(str(tmp_path / "out" / "tasks" / name))
            assert (found.name, found.adapter, found.digest) == ("base", name, wanted)
    monkeypatch.chdir(tmp_path / "out" / "tasks")
    assert find_model("./from-the-top").digest == wanted


def test_a_bundled_base_needs_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = find_model("rotary")
    name, linear = next(iter(find_linears(loaded.model, SPEC).items()))
    factors = {name: Factors(torch.ones(2, linear.in_features), torch.ones(linear.out_features, 2))}
    save_adapter(Adapter(SPEC, factors, "rotary", loaded.digest), tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    assert find_model(str(tmp_path / "a")).name == "rotary"


def test_an_adapter_is_no_base_least_of_all_its_own(adapters: list[Path], tmp_path: Path) -> None:
    def rebase(folder: Path, place: str | None) -> None:
        settings = json.loads((folder / ADAPTER_CONFIG).read_text())
        (folder / ADAPTER_CONFIG).write_text(json.dumps(settings | {"base_model_name_or_path": place}))

    rebase(adapters[0], str(adapters[0]))
    with pytest.raises(ArcAffinityError, match="a names itself as its base"):
        find_model(str(adapters[0]))
    rebase(adapters[0], str(adapters[1]))
    rebase(adapters[1], str(adapters[0]))
    for each in adapters:
        with pytest.raises(ArcAffinityError, match="an adapter, as its base"):
            find_model(str(each))
    rebase(adapters[0], None)
    with pytest.raises(ArcAffinityError, match="a names no base; give the base, and the folder as --adapter"):
        find_model(str(adapters[0]))
    rebase(adapters[0], "models/gone")
    with pytest.raises(ArcAffinityError, match="no model folder or checkpoint at models/gone"):
        find_model(str(adapters[0]))
