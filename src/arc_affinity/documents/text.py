"""Bytes as text: UTF-8, or a line that says what they are instead."""

from __future__ import annotations

import codecs

from arc_affinity.errors import ArcAffinityError

PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"(\xb5/\xfd": "zstd",
    b"7z\xbc\xaf": "7z",
}
"""How files begin that hold others, and that are no text."""


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


def half_a_character(error: UnicodeEncodeError) -> str:
    """What is wrong with text that UTF-8 cannot write: half of a pair of surrogates stands alone in it."""
    return f"text holds \\u{ord(error.object[error.start]):04x}, half a character"


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
