"""What users are told of names that there are not."""

from __future__ import annotations

from arc_affinity.errors import NAMED, unknown


def test_a_name_is_suggested_or_all_are_named_or_how_many_there_are() -> None:
    assert str(unknown("recipe", "rotry", ["champion", "rotary"])) == "unknown recipe 'rotry'; did you mean 'rotary'?"
    names = [f"n{number:02}" for number in range(NAMED + 1)]
    assert str(unknown("task", "xyz", names[:-1])).endswith(f"; known: {', '.join(names[:-1])}")
    assert str(unknown("task", "xyz", names)) == f"unknown task 'xyz'; known: n00, n01, n02 and {NAMED - 2} more"
    assert str(unknown("task", "xyz", [])).endswith("; known: none")
