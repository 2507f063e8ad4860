"""The visual classifier as published: a small CNN over three demonstration pairs, judged on a fifth of the tasks.

    python runs/visual_cnn.py [--splits 10] [--epochs 60] [--threads 1]

arXiv 2512.07109 says no more of it than that: a CNN, three demonstration pairs, nine categories, 80 % of the 400
re-arc tasks to train on. So this is the plainest network of that kind: both grids of a pair as one-hot planes on a
canvas of 30x30, three convolutions, the mean over places and pairs, one linear layer; Adam, no choice on the test
part. Labels are the published ones, ``ambiguous`` tasks left out; pairs are the demonstrations of ARC-AGI-1. Every
split is another draw, so the figure comes with its spread.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.generation.rearc import task_ids
from arc_affinity.paper.published import published_reference
from arc_affinity.statistics import share
from arc_affinity.taxonomy.categories import CODES
from arc_affinity.types import MAX_SIDE, Pair

PAIRS, PLANES = 3, 22
"""Pairs of a task; ten colours and "no cell" for each of its grids."""


class PairCnn(nn.Module):
    """Pairs to logits of the nine categories."""

    def __init__(self) -> None:
        super().__init__()
        widths = (PLANES, 32, 64, 64)
        self.body = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2))
                for a, b in itertools.pairwise(widths)
            )
        )
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(widths[-1], len(CODES)))

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        """Return logits of (tasks, 9) for planes of (tasks, pairs, 22, 30, 30)."""
        seen = self.body(pairs.flatten(0, 1)).mean(dim=(-2, -1))
        return self.head(seen.unflatten(0, pairs.shape[:2]).mean(dim=1))


def planes(pair: Pair) -> np.ndarray:
    """Both grids of a pair as one-hot planes, the eleventh for places beyond the grid."""
    made = np.zeros((2, 11, MAX_SIDE, MAX_SIDE), np.float32)
    made[:, 10] = 1
    for number, grid in enumerate((pair.input, pair.output)):
        assert grid is not None
        rows, cols = grid.shape
        made[number, 10, :rows, :cols] = 0
        made[number, :10, :rows, :cols] = np.arange(10)[:, None, None] == grid
    return made.reshape(PLANES, MAX_SIDE, MAX_SIDE)


def accuracy(images: torch.Tensor, labels: torch.Tensor, seed: int, epochs: int) -> tuple[int, int, int]:
    """Train on 80 % of the tasks; return right ones, right ones were S3 always said, and number of the rest."""
    torch.manual_seed(seed)
    order = torch.randperm(len(labels))
    train, test = order[: int(0.8 * len(order))], order[int(0.8 * len(order)) :]
    model = PairCnn()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        for batch in train[torch.randperm(len(train))].split(32):
            loss = F.cross_entropy(model(images[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    model.eval()
    with torch.no_grad():
        right = int((model(images[test]).argmax(dim=1) == labels[test]).sum())
    return right, int((labels[test] == CODES.index("S3")).sum()), len(test)


def main() -> None:
    """Train once for each split and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    published = published_reference(None, task_ids()).labels
    assert published is not None
    tasks = [task for task in load_tasks("arc-agi-1/training") if published.get(task.id) in CODES]
    # A task of two demonstrations shows its first one twice.
    chosen = [[task.train[at % len(task.train)] for at in range(PAIRS)] for task in tasks]
    images = torch.from_numpy(np.stack([[planes(pair) for pair in pairs] for pairs in chosen]))
    labels = torch.tensor([CODES.index(published[task.id]) for task in tasks])
    print(f"{len(tasks)} tasks, {sum(p.numel() for p in PairCnn().parameters()):,} parameters", flush=True)
    shares, begun = [], time.process_time()
    totals = np.zeros(3, int)
    for seed in range(options.splits):
        found = accuracy(images, labels, seed, options.epochs)
        totals += found
        shares.append(100 * found[0] / found[2])
        always = 100 * found[1] / found[2]
        print(f"split {seed}: {shares[-1]:.2f} % of {found[2]}; always S3 {always:.2f} %", flush=True)
    low, high = np.percentile(shares, [2.5, 97.5])
    right, _, tasks_tested = (totals / options.splits).round().astype(int).tolist()
    one = share(right, tasks_tested)
    print(f"mean {np.mean(shares):.2f} %, deviation {np.std(shares):.2f}, splits {low:.1f} to {high:.1f} %")
    print(f"one split's 95 % interval at that mean: {100 * (one.low or 0):.1f} to {100 * (one.high or 0):.1f} %")
    print(f"{time.process_time() - begun:.0f} s of processor time")


if __name__ == "__main__":
    main()
