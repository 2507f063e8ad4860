"""The one door for documents: what no document should hold is refused in one line, soon and in little memory."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from msgspec import Meta

from arc_affinity import documents
from arc_affinity.errors import ArcAffinityError

BAD_JSON = {
    "lists too deep": (b"[" * 100_000 + b"]" * 100_000, "within each other"),
    "objects too deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "within each other"),
    "33 deep": (b"[" * 33 + b"]" * 33, "within each other"),
    "cut off": (b'{"a": [' + b"[1], " * 100, "it is not JSON .*line 1 column 508"),
    "a number of 5000 digits": (b"9" * 5000, "5000 digits"),
    "half a character": (b'["\\ud800"]', r"\\ud800"),
    "half a character as a key": (b'{"\\udc00": 1}', r"\\udc00"),
    "half a character as bytes": (b'["\xed\xa0\x80"]', "not text in UTF-8"),
    "a key twice": (b'{"a": 1, "b": 2, "a": 3}', "the key 'a' comes twice"),
    "a key twice, inside": (b'[{"a": {"b": 1, "b": 1}}]', "the key 'b' comes twice"),
    "NaN": (b"[NaN]", "NaN is no number"),
    "infinity": (b"[-Infinity]", "-Infinity is no number"),
    "a float too large": (b"[1e999]", "1e999 is no finite number"),
    "a float too large, in an object": (b'{"a": -2.5E+4000 }', "no finite number"),
    "a float too large, alone": (b"1e0400", "no finite number"),
    "a float too long": (b"[" + b"9" * 400 + b".5]", "no finite number"),
    "another digit": ("[²]".encode(), "not JSON"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "UTF-16; save it as UTF-8"),
    "UTF-16 without a mark": ('{"a": 1}'.encode("utf-16-le"), "UTF-16; save it as UTF-8"),
    "UTF-16 of big ends": ('\n{"a": 1}'.encode("utf-16-be"), "UTF-16; save it as UTF-8"),
    "UTF-32": ('{"a": 1}'.encode("utf-32"), "UTF-32; save it as UTF-8"),
    "UTF-32 without a mark": ('{"a": 1}'.encode("utf-32-be"), "UTF-32; save it as UTF-8"),
    "numbers": (b"\x10\x00\x00\x00\x00\x00\x00\x00", "it is not JSON"),
    "zip": (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", r"packed \(zip\); unpack it"),
    "bzip2": (bz2.compress(b"{}"), r"packed \(bzip2\)"),
    "xz": (lzma.compress(b"{}"), r"packed \(xz\)"),
    "gzip twice": (gzip.compress(gzip.compress(b"{}")), r"packed \(gzip\)"),
    "nothing": (b"", "the file is empty"),
    "white space": (b" \n\n", "the file is empty"),
    "more lists than any document": (b"[" + b"[]," * 5_000_000 + b"1]", "lists and objects"),
}

BAD_TOML = {
    "tables too deep": ("a." * 50_000 + "a = 1", "32 deep or more|over .* bytes"),
    "dotted keys": ("a." * 3_000 + "a = 1", "32 deep or more"),
    "a header too deep": ("[" + "a." * 3_000 + "a]", "32 deep or more"),
    "lists too deep": ("a = " + "[" * 2_000 + "]" * 2_000, "within each other"),
    "NaN": ("a = nan", "nan is no finite number"),
    "infinity": ("a = -inf", "no finite number"),
    "a number of 5000 digits": ("a = " + "9" * 5_000, "too large"),
    "5000 digits in base 16": ("a = 0x" + "f" * 5_000, "more than 64 bits"),
    "no TOML": ("a = ", "is not TOML"),
    "a key twice": ("a = 1\na = 2", "is not TOML"),
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    content, told = BAD_JSON[name]
    path = tmp_path / "d.json"
    path.write_bytes(content)
    begun = time.process_time()
    with pytest.raises(ArcAffinityError, match=rf"d\.json.*({told})") as refused:
        documents.read_json(path)
    assert time.process_time() - begun < 1
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400 + len(str(path))


@pytest.mark.parametrize("name", BAD_TOML)
def test_bad_toml_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    text, told = BAD_TOML[name]
    path = tmp_path / "r.toml"
    path.write_text(text)
    begun = time.process_time()
    with pytest.raises(ArcAffinityError, match=rf"r\.toml.*({told})") as refused:
        documents.read_toml(path)
    assert time.process_time() - begun < 1 and "\n" not in str(refused.value)


def test_what_is_sound_comes_through(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    content = {"é": [1, 2.5, -3, None, True, "\\ud800", "😀", "12345678901234567890123"], "a": {"[[[[": "]}"}}
    for text in (json.dumps(content), json.dumps(content, ensure_ascii=False, indent=1)):
        path.write_text(text, encoding="utf-8")
        assert documents.read_json(path) == content
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
        assert documents.read_json(path) == content
        path.write_bytes(gzip.compress(text.encode()))
        assert documents.read_json(path) == content
    path.write_text("[" * 32 + "]" * 32)
    documents.read_json(path)


BOMB = """
import resource, sys
from pathlib import Path
from arc_affinity import documents
from arc_affinity.errors import ArcAffinityError
limit = 700 << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for read in (documents.read_json, lambda path: list(documents.read_lines(path))):
    try:
        read(Path(sys.argv[1]))
    except ArcAffinityError as error:
        print(error)
"""


def test_a_gzip_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.json.gz"
    with gzip.open(path, "wb", 1) as file:
        for _ in range(400):
            file.write(b" " * (1 << 20))
    done = subprocess.run([sys.executable, "-c", BOMB, path], capture_output=True, text=True, check=True)
    assert "bomb.json.gz: over 67,108,864 bytes" in done.stdout
    assert "bomb.json.gz:1: a line of over 67,108,864 bytes" in done.stdout


@dataclass(frozen=True)
class Thing:
    """A document of the tests."""

    count: documents.Count
    share: documents.Share = 0.5
    names: list[str] | None = None
    rank: Annotated[int, Meta(ge=1, le=7)] = 1


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"count": -1}, "d: count must be a whole number of 0 or more, not -1"),
        ({"count": 10**12}, "d: count must be a whole number of at most 1000000000, not 1000000000000"),
        ({"count": True}, "d: count must be a whole number, not true"),
        ({"count": 1.0}, "d: count must be a whole number, not 1.0"),
        ({"count": "²"}, 'd: count must be a whole number, not "²"'),
        ({"count": 1, "share": float("nan")}, "d: share must be a number of 0.0 or more, not NaN"),
        ({"count": 1, "share": 1.5}, "d: share must be a number of at most 1.0, not 1.5"),
        ({"count": 1, "names": ["a", 3]}, "d: names, number 2 must be text, not 3"),
        ({"count": 1, "names": {}}, "d: names must be a list or null, not {}"),
        ({"count": 1, "rank": 8}, "d: rank must be a whole number of at most 7, not 8"),
        ({}, "d: object missing required field 'count'"),
        ([1], "d must be a JSON object, not [1]"),
    ],
)
def test_kinds_are_told_with_place_and_value(value: object, told: str) -> None:
    with pytest.raises(ArcAffinityError) as refused:
        documents.fit(value, Thing, "d")
    assert str(refused.value) == told


@pytest.mark.parametrize("value", ["a\udc80", {"a\udc80": 1}, {"kind": "\ud800"}])
def test_half_a_character_is_told_wherever_it_came_from(value: object) -> None:
    # Tensors' archives and the command line may hold such text, which no document does.
    kind = dict[Literal["a", "kind"], Literal["b"]] if isinstance(value, dict) else Literal["a", "b"]
    for each in (kind,) if isinstance(value, dict) else (kind, str):
        with pytest.raises(ArcAffinityError, match=r"somewhere.*(\\udc80|\\ud800), half a character"):
            documents.fit(value, each, "somewhere")


def test_a_name_may_be_a_folder_and_nothing_more() -> None:
    for name in ("007bbfb7", "A-b_c.d", "a" * 128, "-", "_x", "3.5"):
        assert documents.name_of(name, "task id", "d") == name
    bad = ("", ".", "..", ".a", "a.", "/a", "a/b", "../x", "~", "a b", "a\n", "é", "²", "a" * 129, "a\0", "[x]", "a\\b")
    for name in (*bad, 3, None):
        with pytest.raises(ArcAffinityError, match="d: .* is no task id"):
            documents.name_of(name, "task id", "d")


def test_shown_is_short_whatever_the_value() -> None:
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    for value in (deep, "x" * 10**6, [0] * 10**6, {str(i): i for i in range(10**5)}, 10**4000, float("inf")):
        assert len(documents.shown(value)) <= 40


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArcAffinityError, match="cannot read .*: No such file"):
        documents.read_json(tmp_path / "none")
    with pytest.raises(ArcAffinityError, match="cannot read .*: Is a directory"):
        documents.read_json(tmp_path)
    with pytest.raises(ArcAffinityError, match="cannot read .*null byte"):
        documents.read_json(Path("a\0b"))
    with pytest.raises(ArcAffinityError, match="cannot read .*name too long"):
        documents.read_json(tmp_path / ("x" * 300))
