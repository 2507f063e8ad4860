"""What is true of each cell by the region, object or lattice part that it belongs to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Shaped
from scipy import ndimage

from arc_affinity.search.functions import lines, paint
from arc_affinity.search.functions.pieces import cut_at_lines
from arc_affinity.search.regions import enclosed, label_colours, label_mask
from arc_affinity.search.values import Labels, rows_and_cols
from arc_affinity.types import Grid

LARGEST = 20
"""Numbers are cut here: a larger one says no more than "many"."""

Layer = Shaped[np.ndarray, "_rows _cols"]


@dataclass(frozen=True)
class Layers:
    """Features of one family while they are gathered, with their tiers."""

    colours: dict[str, tuple[int, Layer]]
    numbers: dict[str, tuple[int, Layer]]


def _regions(grid: Grid, into: Layers) -> None:
    """The one-coloured region that the cell belongs to; background has regions too."""
    wall = paint.fill_enclosed_by_wall(grid)
    into.colours["own or wall"] = (1, grid if wall is None else wall)
    labels, count = label_colours(grid, background=True)
    table = region_table(grid, labels, count)
    for name, (tier, values) in table.items():
        into.numbers[name] = (tier, values[labels])
    around = np.stack([lines.moved(grid, way) for way in lines.STRAIGHT_WAYS])
    for colour in np.flatnonzero(np.bincount(grid.ravel(), minlength=10)[1:]) + 1:
        touching = np.zeros(count + 1, bool)
        touching[labels[((around == colour).any(0)) & (grid != colour)]] = True
        into.numbers[f"region touches {colour}"] = (1, touching[labels])


def region_table(grid: Grid, labels: Labels, count: int) -> dict[str, tuple[int, Int[np.ndarray, "regions"]]]:
    """What is true of each region, by its label (0 is none)."""
    sizes = np.bincount(labels.ravel())
    colour = np.zeros(count + 1, np.int64)
    colour[labels.ravel()] = grid.ravel()
    boxes = ndimage.find_objects(labels, count)
    box = np.array([[0, 0, 0, 0], *([b[0].start, b[0].stop, b[1].start, b[1].stop] for b in boxes)])
    height, width = box[:, 1] - box[:, 0], box[:, 3] - box[:, 2]
    border = (box[:, 0] == 0) | (box[:, 1] == grid.shape[0]) | (box[:, 2] == 0) | (box[:, 3] == grid.shape[1])
    drawn = colour > 0
    drawn[0] = False
    drawn_sizes = sizes[drawn] if drawn.any() else np.zeros(1, int)
    hollow = np.zeros(count + 1, np.int64)
    for number, part in enumerate(boxes, 1):
        if drawn[number] and sizes[number] >= 4 and sizes[number] < height[number] * width[number]:
            hollow[number] = label_mask(enclosed(labels[part] != number))[1]
    _, twin, twins = np.unique(colour * 1000 + sizes, return_inverse=True, return_counts=True)
    like = twins[twin]
    return {
        "size of region": (1, sizes),
        "largest region": (1, drawn & (sizes == drawn_sizes.max())),
        "smallest region": (1, drawn & (sizes == drawn_sizes.min())),
        "rank of region": (1, np.where(drawn, np.searchsorted(-np.unique(drawn_sizes)[::-1], -sizes), LARGEST)),
        "rank of region from small": (2, np.where(drawn, np.searchsorted(np.unique(drawn_sizes), sizes), LARGEST)),
        "region at border": (1, border),
        "height of region": (2, height),
        "width of region": (2, width),
        "region square": (2, height == width),
        "region tall": (2, height > width),
        "region full": (1, sizes == height * width),
        "holes of region": (1, hollow),
        "regions of its size and colour": (2, like),
    }


def _objects(grid: Grid, into: Layers) -> None:
    """The many-coloured object (diagonals included) whose bounding box the cell is in; later ones lie over earlier."""
    labels, count = label_mask(grid > 0, diagonal=True)
    boxed = boxed_labels(labels, count)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kinds = np.zeros((count + 1, 10), np.int64)
    np.add.at(kinds, (labels.ravel(), grid.ravel()), 1)
    kinds[0], kinds[:, 0] = 0, 0
    most = kinds.argmax(1)
    least = np.where(kinds > 0, kinds, 1000).argmin(1)
    least[kinds.sum(1) == 0] = 0
    present = sizes[1:] if count else np.zeros(1, int)
    into.colours["commonest of object"] = (2, most[boxed])
    into.colours["rarest of object"] = (2, least[boxed])
    into.numbers["in box of object"] = (1, boxed > 0)
    into.numbers["size of object"] = (2, sizes[boxed])
    into.numbers["colours of object"] = (1, (kinds > 0).sum(1)[boxed])
    into.numbers["in largest object"] = (1, (boxed > 0) & (sizes[boxed] == present.max()))
    into.numbers["in smallest object"] = (2, (boxed > 0) & (sizes[boxed] == present.min()))
    for colour in np.flatnonzero(kinds.sum(0)):
        into.numbers[f"object has {colour}"] = (1, (kinds[:, colour] > 0)[boxed])
    outline, repeats = _outlines(labels, count)
    into.numbers["objects of its outline"] = (2, repeats[boxed])
    into.numbers["object symmetric"] = (2, outline[boxed])


def _outlines(labels: Labels, count: int) -> tuple[Int[np.ndarray, "objects"], Int[np.ndarray, "objects"]]:
    """Mirrors that leave each object's outline (1 left-right, 2 top-bottom, 3 both); objects of its outline."""
    symmetric, repeats = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    keys = [b""]
    for number, box in enumerate(ndimage.find_objects(labels, count), 1):
        mask = labels[box] == number
        keys.append(bytes(mask.shape) + mask.tobytes())
        symmetric[number] = np.array_equal(mask, mask[:, ::-1]) + 2 * np.array_equal(mask, mask[::-1])
    alike = Counter(keys[1:])
    repeats[1:] = [alike[key] for key in keys[1:]]
    return symmetric, repeats


def boxed_labels(labels: Labels, count: int) -> Labels:
    """Return the object that each cell belongs to or, for background, the smallest in whose bounding box it is."""
    boxed = np.zeros(labels.shape, np.int64)
    boxes = ndimage.find_objects(labels, count)
    areas = [(box[0].stop - box[0].start) * (box[1].stop - box[1].start) for box in boxes]
    for number in sorted(range(count), key=lambda i: -areas[i]):
        part = boxed[boxes[number]]
        part[:] = number + 1
    return np.where(labels > 0, labels, boxed)


def _within(grid: Grid, labels: Labels, boxed: Labels, count: int, name: str, into: Layers) -> None:
    """Where cells are within a bounding box, and what is at the mirrored places there."""
    boxes = ndimage.find_objects(labels, count)
    edge = np.array([[0, 0, 0, 0], *([b[0].start, b[0].stop - 1, b[1].start, b[1].stop - 1] for b in boxes)])
    row, col = rows_and_cols(grid.shape)
    first_row, last_row, first_col, last_col = (edge[:, i][boxed] for i in range(4))
    inside = boxed > 0
    up, down, left, right = row - first_row, last_row - row, col - first_col, last_col - col
    depth = np.minimum(np.minimum(up, down), np.minimum(left, right))
    into.numbers[f"depth in {name}"] = (1, np.where(inside, depth + 1, 0))
    into.numbers[f"corner of {name}"] = (1, inside & (np.minimum(up, down) == 0) & (np.minimum(left, right) == 0))
    into.numbers[f"middle of {name}"] = (1, inside & (up == down) & (left == right))
    into.numbers[f"middle row of {name}"] = (2, inside & (up == down))
    into.numbers[f"middle column of {name}"] = (2, inside & (left == right))
    for key, distance in (("top", up), ("bottom", down), ("left", left), ("right", right)):
        into.numbers[f"from {key} of {name}"] = (2, np.where(inside, distance + 1, 0))
    into.numbers[f"row of {name} even"] = (2, inside & (up % 2 == 0))
    into.numbers[f"column of {name} even"] = (2, inside & (left % 2 == 0))
    into.numbers[f"row plus column of {name} even"] = (2, inside & ((up + left) % 2 == 0))
    into.numbers[f"depth in {name} even"] = (2, inside & (depth % 2 == 0))
    for key, rows, cols in (("left-right", row, first_col + right), ("top-bottom", first_row + down, col)):
        into.colours[f"mirrored {key} in {name}"] = (
            2,
            np.where(inside, grid[np.where(inside, rows, row), np.where(inside, cols, col)], 0),
        )


def _within_objects(grid: Grid, into: Layers) -> None:
    labels, count = label_mask(grid > 0, diagonal=True)
    _within(grid, labels, boxed_labels(labels, count), count, "object", into)


def _within_regions(grid: Grid, into: Layers) -> None:
    labels, count = label_colours(grid, background=True)
    _within(grid, labels, labels, count, "region", into)


def _lattice(grid: Grid, into: Layers) -> None:
    """Which part between full lines the cell is in, where in it, and what other parts have there."""
    parts = cut_at_lines(grid)
    if parts is None:
        return
    shapes = {piece.grid.shape for piece in parts.items}
    index = np.zeros(grid.shape, np.int64)
    for number, piece in enumerate(parts.items, 1):
        rows, cols = piece.grid.shape
        index[piece.row : piece.row + rows, piece.col : piece.col + cols] = number
    drawn = np.array([-1, *(piece.cells for piece in parts.items)])
    kinds = np.array([0, *(np.count_nonzero(piece.colours[1:]) for piece in parts.items)])
    main = np.array([0, *(int(piece.colours[1:].argmax()) + 1 if piece.cells else 0 for piece in parts.items)])
    rows = np.searchsorted(sorted({piece.row for piece in parts.items}), [piece.row for piece in parts.items])
    cols = np.searchsorted(sorted({piece.col for piece in parts.items}), [piece.col for piece in parts.items])
    into.numbers["in part"] = (1, index > 0)
    into.numbers["cells in part"] = (1, drawn[index])
    into.numbers["part has the most cells"] = (1, (drawn == drawn.max())[index])
    into.numbers["part has the fewest cells"] = (1, ((drawn == drawn[1:].min()) & (drawn >= 0))[index])
    into.numbers["colours in part"] = (2, kinds[index])
    into.colours["commonest of part"] = (1, main[index])
    into.numbers["row of part"] = (2, np.append(0, rows + 1)[index])
    into.numbers["column of part"] = (2, np.append(0, cols + 1)[index])
    if len(shapes) == 1:
        stack = np.stack([np.zeros(next(iter(shapes)), np.uint8), *(piece.grid for piece in parts.items)])
        starts = np.array([(0, 0), *((piece.row, piece.col) for piece in parts.items)])
        row, col = rows_and_cols(grid.shape)
        at = np.where(index > 0, row - starts[index][..., 0], 0), np.where(index > 0, col - starts[index][..., 1], 0)
        for name, number in (("fullest part", int(drawn.argmax())), ("first part", 1), ("last part", len(drawn) - 1)):
            into.colours[f"{name} here"] = (2, np.where(index > 0, stack[number][at], grid))
        into.colours["highest of parts here"] = (2, np.where(index > 0, stack.max(0)[at], grid))
        mosaic = np.zeros((int(rows.max()) + 1, int(cols.max()) + 1), np.int64)
        mosaic[rows, cols] = main[1:]
        if mosaic.shape == stack[0].shape:
            into.colours["mosaic here"] = (2, np.where(index > 0, mosaic[at], grid))


BUILDERS = (_regions, _objects, _within_objects, _within_regions, _lattice)
"""What makes the last families of features, in order."""
