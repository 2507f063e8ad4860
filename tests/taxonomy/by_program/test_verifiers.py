"""Profiles of programs whose numbers are counted by hand."""

from __future__ import annotations

import pytest

from arc_affinity.data.generation import rearc
from arc_affinity.errors import ArcAffinityError
from arc_affinity.taxonomy.by_program.verifiers import KIND_OF, KINDS, profile, profile_source, rarity, telling
from arc_affinity.taxonomy.categories import CODES


def program(*lines: str) -> str:
    return "def verify_made(I):\n" + "".join(f"    {line}\n" for line in lines)


STRAIGHT = program("x0 = objects(I, T, F, T)", "x1 = argmax(x0, size)", "x2 = subgrid(x1, I)", "return x2")


def test_a_straight_program():
    found = profile_source(STRAIGHT)
    assert (found.length, found.level, found.keeps_size) == (3, "object", None)
    # objects, then argmax over size (2), then subgrid.
    assert (found.depth, found.nesting, found.loops, found.folds) == (4, 1, 1, 2)
    assert dict(found.primitives) == {"objects": 1, "argmax": 1, "size": 1, "subgrid": 1}


def test_functions_made_on_the_way_count_where_they_are_used():
    composed = program("f = compose(hmirror, vmirror)", "x1 = f(I)", "return x1")
    assert profile_source(composed).depth == 2
    nested = program("f = lbind(apply, hmirror)", "x1 = apply(f, I)", "return x1")
    assert profile_source(nested).nesting >= 1


def test_what_is_returned_together_is_as_deep_as_its_deepest_part():
    assert profile_source(program("x0 = (I, upscale(hmirror(I), TWO))", "return x0")).depth == 2


def test_the_size_is_kept_where_the_input_is_drawn_over():
    assert profile_source(program("x0 = fill(I, ONE, x)", "x1 = hmirror(x0)", "return x1")).keeps_size is True
    assert profile_source(program("x0 = rot90(I)", "return x0")).keeps_size is None
    assert profile_source(program("return I")).keeps_size is True


def test_shares_are_weighted_by_rarity():
    found = profile_source(program("x0 = hmirror(I)", "x1 = upscale(x0, TWO)", "return x1"))
    total = rarity("hmirror") + rarity("upscale")
    assert found.kinds["S1"] == pytest.approx(rarity("hmirror") / total)
    assert found.kinds["K1"] == pytest.approx(rarity("upscale") / total)
    assert found.primary == max(("S1", "K1"), key=lambda code: found.kinds[code])
    assert telling(found, "S1") == ("hmirror",)


def test_a_program_that_says_nothing():
    found = profile_source(program("return I"))
    assert (found.primary, sum(found.kinds.values()), found.depth) == (None, 0.0, 0)


def test_kinds_do_not_overlap_and_are_used():
    assert len(KIND_OF) == sum(map(len, KINDS.values()))
    assert set(KINDS) == set(CODES)
    assert rarity("no_such_primitive") == 0.0


def test_a_real_verifier():
    found = profile("007bbfb7")
    assert sum(found.kinds.values()) == pytest.approx(1)
    assert found.length > 0


def test_bad_sources(monkeypatch):
    with pytest.raises(ArcAffinityError, match="not Python"):
        profile_source("def f(:")
    with pytest.raises(ArcAffinityError, match="did you mean '00d62c1b'"):
        profile("00d62c1c")

    def lost(function):
        raise OSError("could not get source code")

    monkeypatch.setattr(rearc.inspect, "getsource", lost)
    with pytest.raises(ArcAffinityError, match="source of the verifier of 00d62c1b cannot be found"):
        profile("00d62c1b")
