"""Print the ids of small tasks, all of whose grids are at most 12x12: python runs/small_tasks.py kept|small|kept-all.

``kept``: those of the 100 training tasks that are kept out; ``small``: those of ARC-AGI-1 evaluation; ``kept-all``: the
100 tasks of any size. The sizes of test
outputs decide with, as in the published subset of that name; `solve` itself is told none.
"""

import sys

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.splits import kept_out_tasks
from arc_affinity.types import Task

SIDE = 12


def is_small(task: Task) -> bool:
    """Whether every grid has at most `SIDE` rows and columns."""
    grids = [grid for pair in (*task.train, *task.test) for grid in (pair.input, pair.output)]
    return all(max(grid.shape) <= SIDE for grid in grids if grid is not None)


if __name__ == "__main__":
    of = sys.argv[1]
    tasks = load_tasks("arc-agi-1/evaluation" if of == "small" else "arc-agi-1/training")
    if of != "small":
        kept = set(kept_out_tasks(tasks))
        tasks = tuple(task for task in tasks if task.id in kept)
    print(*(task.id for task in tasks if of == "kept-all" or is_small(task)))
