"""JSON and TOML, read strictly: no key twice, no number that is none, and within bounds of size and depth."""

from __future__ import annotations

import itertools
import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from arc_affinity.documents.kinds import T, fit, object_of, shown
from arc_affinity.documents.opening import read_bytes
from arc_affinity.documents.text import half_a_character, text_of
from arc_affinity.errors import ArcAffinityError

LARGEST_TOML = 64 << 10
"""Bytes of a TOML file, which people write by hand."""

DEEPEST = 32
"""Levels of lists and objects within each other; a part file of records has 6."""

MOST_LISTS = 4_000_000
"""Lists and objects in a document: each costs 50 times the two bytes that it takes to write one."""

LONGEST_DIGITS = 20
"""Digits of a whole number: those of 64 bits."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DIGITS = bytes(ord("0") if chr(each).isdigit() and each < 128 else each for each in range(256))
_LONG_NUMBER = b"0" * (LONGEST_DIGITS + 1)
_EXPONENT = re.compile(r"[\d.][eE]\+?\d{3,}(?=[\s,\]}]|\Z)")  # of a number: a quote or a letter goes on a task's id
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_DOTTED = re.compile(rf"(?:[\w\"'-]+[ \t]*\.[ \t]*){{{DEEPEST}}}")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def read_json(path: Path, kind: type[T] | Any = Any) -> Any:
    """Return what a JSON file holds, as a value of ``kind``.

    Raises:
        ArcAffinityError: it cannot be read, is too large, no JSON, or of another kind.
    """
    return decode(read_bytes(path), str(path), kind)


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds.

    Raises:
        ArcAffinityError: as `read_json`, or the file holds something else.
    """
    return object_of(read_json(path), str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table that a TOML file holds.

    Raises:
        ArcAffinityError: it cannot be read, is too large, too deep or no TOML, or has a number that is not finite.
    """
    text = text_of(read_bytes(path, LARGEST_TOML), str(path))
    if _DOTTED.search(text):
        raise ArcAffinityError(f"{path}: tables within each other {DEEPEST} deep or more")
    if re.search(r"\d{300}", text):
        raise ArcAffinityError(f"{path}: a number that is too large")
    _check_depth(text, str(path))
    try:
        table = tomllib.loads(text, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ArcAffinityError(f"{path} is not TOML: {_brief(error)}") from error
    _check_numbers(table, str(path))
    return table


def decode(data: bytes, where: str, kind: type[T] | Any = Any) -> Any:
    """Return the value of ``kind`` that JSON ``data`` (UTF-8) holds; ``where`` begins every message.

    Raises:
        ArcAffinityError: it is not JSON, or of another kind.
    """
    text = text_of(data, where)
    if not text.strip():
        raise ArcAffinityError(f"{where}: the file is empty, and so is not JSON")
    _check_depth(text, where)
    try:
        # A call for each number would take longer than all the rest, so only where one may be wrong.
        careful = _LONG_NUMBER in data.translate(_DIGITS) or _EXPONENT.search(text)
        value = (_CAREFUL if careful else _PLAIN).decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ArcAffinityError(f"{where}: it is not JSON ({half_a_character(error)})") from error
    except (ValueError, RecursionError) as error:
        raise ArcAffinityError(f"{where}: it is not JSON ({_brief(error)})") from error
    return value if kind is Any else fit(value, kind, where)


def _check_depth(text: str, where: str) -> None:
    """Refuse what is deeper, or has more parts, than any document needs; cheap where there are few brackets."""
    openings = text.count("[") + text.count("{")
    if openings > MOST_LISTS:
        raise ArcAffinityError(f"{where}: over {MOST_LISTS:,} lists and objects")
    if openings <= DEEPEST:
        return
    brackets = _STRING.sub("", text).encode("ascii", "ignore").translate(None, _NO_BRACKETS)
    left = brackets
    for _ in range(DEEPEST):
        left = left.replace(b"[]", b"").replace(b"{}", b"")
        if not left:
            return
    # What is left may also be brackets without others, as of a file that was cut off; of those the parser tells more.
    if max(itertools.accumulate(1 if each in b"[{" else -1 for each in brackets)) > DEEPEST:
        raise ArcAffinityError(f"{where}: lists or objects within each other more than {DEEPEST} deep")


def _check_numbers(value: object, where: str) -> None:
    """Refuse whole numbers of more than 64 bits, which TOML may write in base 16 too."""
    if isinstance(value, Mapping | list):
        named = value.items() if isinstance(value, Mapping) else enumerate(value, 1)
        for name, each in named:
            _check_numbers(each, f"{where}, {name}")
    elif isinstance(value, int) and value.bit_length() > 64:
        raise ArcAffinityError(f"{where}: {shown(value)} has more than 64 bits")


def _brief(error: Exception) -> str:
    return "it is too deep" if isinstance(error, RecursionError) else str(error)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    raise ValueError(f"{text[:40]} is no finite number")


def _whole(text: str) -> int:
    if len(text.lstrip("-")) <= LONGEST_DIGITS:
        return int(text)
    raise ValueError(f"{text[:20]}… is a number of {len(text)} digits")


def _once_each(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dict; of a key that comes twice, one value would be lost unseen."""
    content = dict(items)
    if len(content) < len(items):
        counts = Counter(key for key, _ in items)
        raise ValueError(f"the key {counts.most_common(1)[0][0]!r:.60} comes twice")
    return content


_PLAIN = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_no_constant)
_CAREFUL = json.JSONDecoder(
    object_pairs_hook=_once_each, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole
)
