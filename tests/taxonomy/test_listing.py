"""A function's source whatever its formatting."""

from __future__ import annotations

import ast

import pytest

from arc_affinity.errors import ArcAffinityError
from arc_affinity.taxonomy.listing import SHOWN, Listing, called, named, shown, targets

SOURCE = """
def generate_x(rng):
    a, b = f(1), 2   # a remark
    c = g(a,
          h(b))
    return c
"""


def test_formatting_does_not_matter():
    spread = SOURCE.replace("f(1), 2", "(\n        f(\n            1\n        ), 2)")
    assert ast.dump(Listing.of(SOURCE).tree) == ast.dump(Listing.of(spread).tree)
    assert Listing.of(SOURCE).length == Listing.of(spread).length == 4
    indented = "\n".join("    " + line for line in SOURCE.splitlines())
    assert Listing.of(indented).length == 4


def test_what_is_found():
    first, second = Listing.of(SOURCE).assignments
    assert targets(first) == ("a", "b")
    assert ast.unparse(called(second, {"h"})) == "h(b)"
    assert called(second, {"f"}) is None
    assert named(second.value, {"a"}).id == "a"


def test_long_expressions_are_cut():
    long = ast.parse("f(" + ", ".join(["aaaa"] * 40) + ")").body[0]
    assert len(shown(long)) == SHOWN
    assert shown(long).endswith("…")


@pytest.mark.parametrize(
    ("source", "told"),
    [("def f(:", "not Python"), ("x = 1", "one function"), ("", "one function"), ("def f(): 1\ndef g(): 1", "one")],
)
def test_other_sources_are_refused(source, told):
    with pytest.raises(ArcAffinityError, match=told):
        Listing.of(source)
