"""Plain values as values of known kinds, by msgspec; what is refused is told with its place and value."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from arc_affinity.documents.text import half_a_character
from arc_affinity.errors import ArcAffinityError, unknown

T = TypeVar("T")

Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
"""A whole number of things, from 0."""

Million = Annotated[int, msgspec.Meta(ge=0, le=10**6)]
"""A whole number of things, from 0 to a million."""

MOST_WHOLE = 2**63 - 1
"""What a whole number in a document may be at most: readers of JSON take 64 bits."""

Seed = Annotated[int, msgspec.Meta(ge=0, le=MOST_WHOLE)]
"""What random draws begin with."""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
"""A part of a whole."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e300)]
"""A time."""

ID = r"[A-Za-z0-9_-](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_-])?"
"""What a task's id or a recipe's name may be, since files and folders are named after it."""

WHOLE_ID = rf"\A{ID}\Z"
"""`ID` as a pattern for msgspec, which searches."""

_PLACE = re.compile(r" - at `(?:key in )?\$(.*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a JSON object",
}


def object_of(value: object, where: str) -> dict[str, Any]:
    """Return ``value`` if it is a JSON object.

    Raises:
        ArcAffinityError: it is something else.
    """
    if not isinstance(value, dict):
        raise ArcAffinityError(f"{where}: must be a JSON object, not {shown(value)}")
    return value


def fit(value: object, kind: type[T] | Any, where: str) -> Any:
    """Return plain ``value`` as one of ``kind``: a dataclass, or what `msgspec.convert` takes; nothing is coerced.

    Raises:
        ArcAffinityError: it is of another kind or out of range; place and value are told.
    """
    try:
        if isinstance(value, str):
            value.encode()
        return msgspec.convert(value, kind)
    except UnicodeEncodeError as error:
        raise ArcAffinityError(f"{where}: {half_a_character(error)}") from error
    except msgspec.ValidationError as error:
        found = _PLACE.search(str(error))
        said = str(error)[: found.start()] if found else str(error)
        place, there = _follow(value, found[1] if found else "")
        if get_origin(kind) is Literal:
            raise ArcAffinityError(f"{where} must be one of {', '.join(get_args(kind))}, not {shown(value)}") from error
        if said.startswith("Object "):
            raise ArcAffinityError(f"{where}{place}: {said[:1].lower()}{said[1:]}".replace("`", "'")) from error
        raise ArcAffinityError(f"{where}{place} must be {_wanted(said)}, not {shown(there)}") from error


def fit_fields(values: Mapping[str, object], kind: type, what: str, where: str) -> dict[str, Any]:
    """Return ``values`` as the fields of dataclass ``kind`` that they name, each as `fit` has it by its annotation.

    Args:
        values: plain values by field; fields may be missing.
        kind: the dataclass.
        what: what a message calls a field ("model setting").
        where: begins every message.

    Raises:
        ArcAffinityError: a name is no field's (the nearest is suggested), or a value of another kind or out of range.
    """
    kinds = get_type_hints(kind, include_extras=True)
    for name in values:
        if name not in kinds:
            # A checkpoint, which torch writes, may have keys of other kinds.
            raise ArcAffinityError(f"{where}: {unknown(what, str(name)[:60], kinds)}")
    return {name: fit(value, kinds[name], f"{where}: {name}") for name, value in values.items()}


def check_fields(value: Any, where: str = "") -> None:
    """Make sure that every field of a dataclass has a value of its annotated kind and within its range.

    Raises:
        ArcAffinityError: naming the first field that has not, after ``where``.
    """
    for name, kind in get_type_hints(type(value), include_extras=True).items():
        fit(getattr(value, name), kind, f"{where}{name}")


def name_of(value: object, what: str, where: str) -> str:
    """Return ``value`` if it may name a file or a folder.

    Args:
        value: a task's id, or a recipe's name.
        what: which of them.
        where: begins the message; names the source.

    Raises:
        ArcAffinityError: it may not.
    """
    if isinstance(value, str) and re.fullmatch(ID, value):
        return value
    raise ArcAffinityError(
        f"{where}: {shown(value)} is no {what}: letters, digits, '-', '_' and, inside, '.', at most 128 of them"
    )


def shown(value: object) -> str:
    """Return a value as JSON writes it, on one line and cut if long."""
    text = json.dumps(_outline(value), default=repr, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}…"


def _outline(value: object, levels: int = 3) -> object:
    """The beginning of a value, however large."""
    if isinstance(value, str):
        return value[:60]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**4000:
        return f"a whole number of {int(value.bit_length() * math.log10(2))} digits or more"
    if isinstance(value, list | tuple):
        return [_outline(each, levels - 1) for each in value[:20]] if levels else []
    if isinstance(value, dict):
        return {str(k)[:60]: _outline(v, levels - 1) for k, v in itertools.islice(value.items(), 5)} if levels else {}
    return value


def _follow(value: object, path: str) -> tuple[str, object]:
    """The place that msgspec calls ``path``, in words, and the value there; an entry of a mapping goes unnamed."""
    place = ""
    for name, number in _STEP.findall(path):
        if name and isinstance(value, Mapping):
            place, value = f"{place}, {name}", value.get(name)
        elif number.isdigit() and isinstance(value, Sequence):
            place, value = f"{place}, number {int(number) + 1}", value[int(number)]
        else:
            break
    return place.replace(",", ":", 1), value


def _wanted(said: str) -> str:
    if said.startswith("Invalid enum value"):
        return "one of the values that it may have"
    kinds = said.removeprefix("Expected ").partition(", got ")[0]
    for name, words in _KINDS.items():
        kinds = re.sub(rf"\b{name}\b", words, kinds)
    kinds = re.sub(r" matching regex .*?(?= \||$)", " of the right form", kinds)
    kinds = re.sub(r" < (\S+)", r" below \1", kinds)
    kinds = re.sub(r" (?:of length )?>= (\S+)", r" of \1 or more", kinds.replace("`", ""))
    return re.sub(r" (?:of length )?<= (\S+)", r" of at most \1", kinds).replace(" | ", " or ")
