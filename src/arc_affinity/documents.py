"""The one door for documents: JSON, JSON Lines and TOML, plain or gzip, become values of known kinds, or one line.

Syntax is read strictly (no key twice, no number that is none, text that is text) and within bounds of size and depth;
kinds and ranges are checked by msgspec over dataclasses and annotated types. What is refused is told with its file,
place and value.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import itertools
import json
import math
import re
import tomllib
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import (
    Annotated,
    Any,
    BinaryIO,
    Literal,
    NoReturn,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from arc_affinity.errors import ArcAffinityError, unknown

T = TypeVar("T")

LARGEST = 64 << 20
"""Bytes of a document, and of a line of records, when unpacked: thirty times all of ARC-AGI-1."""

LARGEST_TOML = 64 << 10
"""Bytes of a TOML file, which people write by hand."""

DEEPEST = 32
"""Levels of lists and objects within each other; a part file of records has 6."""

MOST_LISTS = 4_000_000
"""Lists and objects in a document: each costs 50 times the two bytes that it takes to write one."""

LONGEST_DIGITS = 20
"""Digits of a whole number: those of 64 bits."""

Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
"""A whole number of things, from 0."""

Million = Annotated[int, msgspec.Meta(ge=0, le=10**6)]
"""A whole number of things, from 0 to a million."""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
"""A part of a whole."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e300)]
"""A time."""

ID = r"[A-Za-z0-9_-](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_-])?"
"""What a task's id or a recipe's name may be, since files and folders are named after it."""

WHOLE_ID = rf"\A{ID}\Z"
"""`ID` as a pattern for msgspec, which searches."""

PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"(\xb5/\xfd": "zstd",
    b"7z\xbc\xaf": "7z",
}
"""How files begin that hold others, and that are no text."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DIGITS = bytes(ord("0") if chr(each).isdigit() and each < 128 else each for each in range(256))
_LONG_NUMBER = b"0" * (LONGEST_DIGITS + 1)
_EXPONENT = re.compile(r"[\d.][eE]\+?\d{3,}(?=[\s,\]}]|\Z)")  # of a number: a quote or a letter goes on a task's id
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_DOTTED = re.compile(rf"(?:[\w\"'-]+[ \t]*\.[ \t]*){{{DEEPEST}}}")
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
        raise ArcAffinityError(f"{where}: it is not JSON ({_half(error)})") from error
    except (ValueError, RecursionError) as error:
        raise ArcAffinityError(f"{where}: it is not JSON ({_brief(error)})") from error
    return value if kind is Any else fit(value, kind, where)


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
        raise ArcAffinityError(f"{where}: {_half(error)}") from error
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


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """Return the bytes of a file, unpacked if they are gzip.

    Raises:
        ArcAffinityError: it cannot be read, or holds more than ``largest``.
    """
    with opened(path) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise ArcAffinityError(f"{path}: over {largest:,} bytes, which is more than any such file needs")
    return data


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line) of a plain or gzip file, whatever it is called.

    Raises:
        ArcAffinityError: the file cannot be read, its compression is damaged or cut short, or a line is too long.
    """
    with opened(path) as file:
        number = 0
        while line := file.readline(LARGEST + 1):
            number += 1
            if len(line) > LARGEST:
                raise ArcAffinityError(f"{path}:{number}: a line of over {LARGEST:,} bytes")
            yield number, line


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a plain or gzip file for its bytes; what goes wrong while it is read is told too."""
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            with gzip.open(raw, "rb") if packed else raw as file:
                yield cast(BinaryIO, file)
    except EOFError as error:
        raise ArcAffinityError(f"{path}: the gzip file is cut short") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ArcAffinityError(f"{path}: the gzip file is damaged ({error})") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ArcAffinityError(f"cannot read {str(path)!r}: {error}") from error


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


def text_of(data: bytes, where: str) -> str:
    """Return the text that ``data`` are in UTF-8.

    Raises:
        ArcAffinityError: they are none; the message begins with ``where``.
    """
    if (packed := next((kind for begin, kind in PACKED.items() if data.startswith(begin)), None)) is not None:
        raise ArcAffinityError(f"{where}: it is packed ({packed}); unpack it, or pack it by gzip, once, which is read")
    if (other := _other_encoding(data)) is not None:
        raise ArcAffinityError(f"{where}: the text is {other}; save it as UTF-8")
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise ArcAffinityError(
            f"{where}: not text in UTF-8 (byte {error.start + 1} is 0x{data[error.start]:02x})"
        ) from error


def _other_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32 where ``data`` begin as a document in that does, with a mark or without."""
    head = data[:4]
    # The mark of UTF-32 begins as that of UTF-16 does.
    if head in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "UTF-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    letters = head.replace(b"\0", b"").strip()
    if not letters.isascii() or not letters.decode().isprintable():
        # Numbers of some binary file.
        return None
    if head.count(0) == 3:
        return "UTF-32"
    return "UTF-16" if head[:2].count(0) == head[2:].count(0) == 1 else None


def _check_depth(text: str, where: str) -> None:
    """Refuse what is deeper, or has more parts, than any document needs; cheap where there are few brackets."""
    openings = text.count("[") + text.count("{")
    if openings > MOST_LISTS:
        raise ArcAffinityError(f"{where}: over {MOST_LISTS:,} lists and objects")
    if openings <= DEEPEST:
        return
    brackets = _STRING.sub("", text).encode("ascii", "ignore").translate(None, _NO_BRACKETS)
    for _ in range(DEEPEST):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if not brackets:
            return
    # What is left may also be brackets that do not match, of which the parser tells more.
    if max(itertools.accumulate(1 if each in b"[{" else -1 for each in brackets)) > 0:
        raise ArcAffinityError(f"{where}: lists or objects within each other more than {DEEPEST} deep")


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


def _half(error: UnicodeEncodeError) -> str:
    """What is wrong with text that UTF-8 cannot write: half of a pair of surrogates stands alone in it."""
    return f"text holds \\u{ord(error.object[error.start]):04x}, half a character"


def _brief(error: Exception) -> str:
    return "it is too deep" if isinstance(error, RecursionError) else str(error)


def _check_numbers(value: object, where: str) -> None:
    """Refuse whole numbers of more than 64 bits, which TOML may write in base 16 too."""
    if isinstance(value, Mapping | list):
        named = value.items() if isinstance(value, Mapping) else enumerate(value, 1)
        for name, each in named:
            _check_numbers(each, f"{where}, {name}")
    elif isinstance(value, int) and value.bit_length() > 64:
        raise ArcAffinityError(f"{where}: {shown(value)} has more than 64 bits")


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
