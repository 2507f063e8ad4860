"""The one door for documents: JSON, JSON Lines and TOML, plain or gzip, become values of known kinds, or one line.

Bytes come in by `opening`, become `text`, and then values by a strict `syntax`; their `kinds` and ranges are checked by
msgspec over dataclasses and annotated types. What is refused is told with its file, place and value.
"""

from arc_affinity.documents.kinds import (
    MOST_WHOLE,
    WHOLE_ID,
    Count,
    Million,
    Seconds,
    Seed,
    Share,
    check_fields,
    fit,
    fit_fields,
    name_of,
    object_of,
    shown,
)
from arc_affinity.documents.opening import LARGEST, read_bytes, read_lines
from arc_affinity.documents.syntax import decode, read_json, read_object, read_toml
from arc_affinity.documents.text import text_of

__all__ = [
    "LARGEST",
    "MOST_WHOLE",
    "WHOLE_ID",
    "Count",
    "Million",
    "Seconds",
    "Seed",
    "Share",
    "check_fields",
    "decode",
    "fit",
    "fit_fields",
    "name_of",
    "object_of",
    "read_bytes",
    "read_json",
    "read_lines",
    "read_object",
    "read_toml",
    "shown",
    "text_of",
]
