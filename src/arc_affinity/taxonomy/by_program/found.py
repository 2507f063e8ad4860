"""What kind of reasoning a found program uses: its steps, each given to the category whose definition it meets.

The search names programs in words, from left to right: ``input | mirror left-right | tile 1x2``, a rule for cells at
its end (``cells (left is 3 ? 7 : own)``), or layers over each other. Every function has one kind here, by the
definitions in `categories` alone and before any label was looked at; all of it is ours. Why which:

- S1: mirrors, turns, shifts and falls move the grid or its things.
- S2: tiles, mirror images put beside, symmetries and patterns completed, even cuts and concatenations make the output
  of copies.
- S3: rays, connections, boxes, frames, what is enclosed; in rules what a cell's neighbours, row or column hold, what it
  sees, and where in its object's box it is.
- C1: cells stay, and are recoloured or filtered by colour, or by what is true of the region or object they are of.
- C2: pieces are compared and one is taken, a pattern is stamped, or a part tells what another looks like.
- K1: scaling; and crops, since a part made the whole is what the published K1 holds besides scaling.
- L1: equal parts combined cell by cell: common, exclusive, neither, overlaid; and taking equals out.
- A1: none. What goes on until something stops it (a ray, a fall, a filling) is told by what it draws, S3 or S1.
- A2: things are put where they fit among others: packed, sorted by size, pulled until they touch.

What only cuts or counts (`NO_KIND`) speaks for none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from arc_affinity.taxonomy.categories import CODES

CHOICES = ("most ", "least ", "odd in ", "by ", "without most ", "without least ")
"""How functions begin that choose among pieces or sort them by a measure; `CHOICE` is their kind."""

CHOICE = "C2"
"""A thing is taken for what it is beside others; the published rules say C2 where an object is taken."""


def _names(text: str) -> frozenset[str]:
    return frozenset(re.sub(r"\s+", " ", name.strip()) for name in text.split(","))


KINDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "S1": _names(
            "mirror left-right, mirror top-bottom, turn round, turn left, turn right, transpose, transpose other,"
            "shift, roll, fall up, fall down, fall left, fall right, mirror objects top-bottom,"
            "mirror objects left-right,"
            "mirrored left-right, mirrored top-bottom, turned round, transposed, quarter turn"
        ),
        "S2": _names(
            "smallest tile, continue pattern, continue diagonals, continue pattern under, tile, tile by side,"
            "tile turned, tile mirrored, tile with mirrored middle, add own border, put mirror image above,"
            "put mirror image before, complete left-right, complete top-bottom, complete both mirrors,"
            "complete diagonals, complete quarter turns, complete at best row, complete at best column,"
            "complete at best axes, complete object mirrors, complete object turns, complete mirrors, top half,"
            "bottom half, left half, right half, halves left and right, halves top and bottom, quarters, ninths,"
            "thirds left to right, thirds top to bottom, squares, side by side, stacked, centred, pattern, row even,"
            "column even, row plus column even, row of three, column of three, row plus column of three,"
            "from bottom even, from right even, mirrored left-right in object, mirrored top-bottom in object,"
            "mirrored left-right in region, mirrored top-bottom in region"
        ),
        "S3": _names(
            "fill enclosed with, fill enclosed by wall, only enclosed, fill boxes with, fill boxes by colour,"
            "fill whole box with, surround with, add border, insides, outlines, holes, insides of frames, grow,"
            "grow diagonally too, majority around, connect, connect by, connect rows, connect columns,"
            "connect diagonally, full rows, full columns, cross, shoot up, shoot down, shoot left, shoot right,"
            "shoot in four ways, shoot across in four ways, shoot diagonally, shoot down and up, shoot left and right,"
            "enclosed, own or wall, above, below, left, right, above left, above right, below left, below right,"
            "highest neighbour, highest around, straight neighbours drawn, neighbours drawn, corner neighbours drawn,"
            "straight neighbours like it, neighbours like it, straight neighbours of, corner neighbours of, cell at,"
            "seen up, seen down, seen left, seen right, seen up left, seen up right, seen down left, seen down right,"
            "highest seen, highest seen across background, highest seen diagonally, like cells left and right,"
            "like cells up and down, like cells up left and down right, like cells up right and down left,"
            "between like cells left and right, between like cells up and down,"
            "between like cells up left and down right, between like cells up right and down left, ways to,"
            "diagonal ways to, directions with something, diagonals with something, row has, column has, cells in row,"
            "cells in column, row has the most cells, column has the most cells, row of one colour,"
            "column of one colour, commonest of row, commonest of column, rarest of row, rarest of column,"
            "first of row, first of column, last of row, last of column, from border, from top, from bottom, from left,"
            "from right, middle row, middle column, on diagonal, on other diagonal, region touches, region at border,"
            "holes of region, in box of object, depth in object, depth in region, corner of object, corner of region,"
            "middle of object, middle of region, middle row of object, middle row of region, middle column of object,"
            "middle column of region, from top of object, from bottom of object, from left of object,"
            "from right of object, from top of region, from bottom of region, from left of region,"
            "from right of region, row of object even, column of object even, row plus column of object even,"
            "depth in object even, row of region even, column of region even, row plus column of region even,"
            "depth in region even"
        ),
        "C1": _names(
            "only, without, negative, exchange the two colours, only the commonest, only the rarest,"
            "without the commonest, without the rarest, paint, paint background, paint the commonest, paint the rarest,"
            "flood with the commonest, flood with its colour, a cell of the commonest, a cell of the rarest,"
            "colours by frequency, colour table, remove specks, remove objects of, largest region,"
            "without largest region, own, commonest, rarest, background or commonest, commonest of input,"
            "second of input, rarest of input, size of region, smallest region, rank of region,"
            "rank of region from small, height of region, width of region, region square, region tall, region full,"
            "regions of its size and colour, commonest of object, rarest of object, size of object, colours of object,"
            "in largest object, in smallest object, object has, objects of its outline, object symmetric"
        ),
        "C2": _names(
            "stamp at markers, stamp at markers in their colour, mirror image behind, pattern behind, with, lacking,"
            "voted, in part, cells in part, part has the most cells, part has the fewest cells, colours in part,"
            "commonest of part, row of part, column of part, fullest part here, first part here, last part here,"
            "highest of parts here, mosaic here"
        ),
        "K1": _names(
            "scale up, scale up by colours, scale up by cells, scale up by side, scale down, shrink by, mosaic, crop,"
            "trim, crop to, crop to all but, inside box of, cropped, merge equal lines, drop uniform lines,"
            "drop empty lines, top left, top right, bottom left, bottom right, middle"
        ),
        "L1": _names("common, exclusive, neither, overlaid, distinct"),
        "A1": frozenset(),
        "A2": _names(
            "pull to, fall up to, fall down to, fall left to, fall right to, fall whole up, fall whole down,"
            "fall whole left, fall whole right, packed in a row, packed in a column, sort rows, sort rows down,"
            "sort columns, sort columns down, fill largest empty rectangle with"
        ),
    }
)
"""Which kind of reasoning a function of the search, or a question or copy of its rules, speaks for, by its name without
numbers."""

NO_KIND = _names(
    "regions, regions with diagonals, objects, objects with diagonals, windows, colours, colour crops, cut at lines,"
    "rows, columns, blocks of, full parts of, reversed, the one, in place, first, second, last, colours in a row, bars,"
    "count on a diagonal, cells in a row, colour bars, colour, input"
)
"""What cuts a grid, takes what is left, or draws a number: part of any kind of reasoning."""

KIND_OF: Mapping[str, str] = MappingProxyType({name: code for code, names in KINDS.items() for name in names})


@dataclass(frozen=True)
class FoundKinds:
    """What a found program uses.

    Attributes:
        kinds: share of each category, by code; they sum to 1, or are all 0 if no step speaks.
        primary: the category with the largest share, of equals the one nearest the output; None if all are 0.
    """

    kinds: Mapping[str, float]
    primary: str | None


def kinds_of(program: str) -> FoundKinds:
    """Return what a program of the search uses, from its words.

    Every function counts one. A rule for cells is one function; the questions that it asks and the cells that it copies
    share that, and so do the functions of a program whose grid it asks. The view that a program was found in does not
    count.
    """
    weights = dict.fromkeys(CODES, 0.0)
    latest = dict.fromkeys(CODES, -1)
    for place, names in enumerate(steps_of(program)):
        spoken = [kind for kind in map(kind_of, names) if kind is not None]
        for kind in spoken:
            weights[kind] += 1 / len(spoken)
            latest[kind] = place
    total = sum(weights.values())
    primary = max(CODES, key=lambda code: (round(weights[code], 9), latest[code]))
    shares = {code: weight / total if total else 0.0 for code, weight in weights.items()}
    return FoundKinds(MappingProxyType(shares), primary if total else None)


def steps_of(program: str) -> list[list[str]]:
    """Return the names in each step of a program, first to last: one, but of a rule for cells several."""
    program = re.sub(r"\A[a-z -]+: (?=input|\[)", "", program)
    before, bar, rule = program.partition(" | cells ")
    steps = [[name] for name in re.split(r" \| |[\[\]]| over |, | where ", before) if name.strip()]
    if bar:
        steps.append([name for name in re.split(r" \| |[\[\]()]| \? | : ", rule) if name.strip()])
    return steps


def kind_of(name: str) -> str | None:
    """Return the category that a function, a question or a copy speaks for; None if for none.

    A colour that a rule gives, or the cell's own that it leaves, is no reason; asking for it is.
    """
    if name == "own":
        return None
    plain = plain_name(name)
    if plain.startswith(CHOICES):
        return CHOICE
    return KIND_OF.get(plain)


def plain_name(name: str) -> str:
    """Return a name without its numbers, without what it is compared with, and without ``each``."""
    if re.match(r"colours \d>\d", name):
        return "colour table"
    plain = re.sub(r" is (own|not 0|at least \d+|\d+)\Z", "", name.strip()).removeprefix("each ")
    return re.sub(r"\s*[-+]?\d[\dx,+-]*", "", plain).strip()
