"""Numbers and foreign text as words."""

from __future__ import annotations

from arc_affinity.text import counted, p_value, percent, printable


def test_numbers_as_words() -> None:
    assert [percent(0.6954), percent(0.0034, 2), percent(None)] == ["69.5 %", "0.34 %", "undefined"]
    assert [p_value(p) for p in (None, 0.0004, 0.045)] == ["p undefined", "p < 0.001", "p 0.045"]
    assert [counted(n, "task") for n in (0, 1, 1200)] == ["0 tasks", "1 task", "1,200 tasks"]


def test_every_character_can_be_seen() -> None:
    assert printable("a\x1b[1m\u202eb\ud800\n\t\u2028é→") == "a\\x1b[1m\\u202eb\\ud800\\n\\t\\u2028é→"
    assert printable("a\nb\r", keep="\n") == "a\nb\\r"
