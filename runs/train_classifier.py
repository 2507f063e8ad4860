"""Train the classifier of grids: ``python runs/train_classifier.py [FOLDER]`` (runs/taxonomy.sh)."""

from __future__ import annotations

import time
from pathlib import Path

import cyclopts
import numpy as np
import torch
from classifier_training import (
    Examples,
    Trained,
    Training,
    calibration_error,
    examples,
    store,
    threshold,
    train,
    unseen_probabilities,
)
from rich.console import Console

from arc_affinity.files import write_text
from arc_affinity.taxonomy.by_grids.classifier import SHOWN_PAIRS, WEIGHTS
from arc_affinity.taxonomy.categories import CODES
from arc_affinity.taxonomy.validation import Agreement, Answer, compare

SURE = 0.6
"""Share of the given answers that shall be right: where that is not to be had, the classifier abstains."""

CARD = """\
---
license: mit
library_name: arc-affinity
tags: [arc-agi, re-arc, classification]
---

# The classifier of grids

Tells, from demonstrations alone, which of the nine categories of arXiv 2512.07109 a task is of. Five groups of
{members} networks and a forest. Both take {features} numbers that describe three pairs (`features.py` in
`taxonomy/by_grids`), the networks also small images of them without colours (`images.py`, `network.py`); their
probabilities are averaged. {values:,} parameters in the networks, {trees} trees.

## Training

- **Command**: `runs/taxonomy.sh`, {seconds:.0f} seconds of processor time on this machine.
- **Data**: {pairs} pairs of each of the 400 re-arc tasks, made by re-arc's generators (seed 0). The label of a task is
  what the rules over its generator say (`taxonomy/by_code/rules.py`), not the published label.
- **Folds**: five, by task, every category spread evenly. A group is trained without its fold. A task of the 400 is only
  ever judged by the group that has not seen it, any other task by all.
- **Settings**: {settings}

## Scores

On tasks that the networks have not seen, three pairs each, an answer always given:

| | |
|---|---|
| right, the first three pairs | {first:.1f} % |
| right, mean and range over {draws} other threes | {mean:.1f} % ({low:.1f}-{high:.1f} %) |
| macro-F1 | {macro:.3f} |
| published: one split of the 400 | 36.25 % |
| always S3 | {s3:.1f} % |
| calibration error (10 bins), before and after a temperature of {temperature:.2f} | {raw:.3f}, {calibrated:.3f} |
| answers at least {least:.2f} probable, the threshold: share of tasks, right of them | {share:.1f} %, {right:.1f} % |

Rows: label; columns: answer.

{confusion}

The temperature and the threshold are fitted on these same answers, so calibration and abstaining look a little better
here than they are elsewhere.

## Limits

The labels tell how re-arc's *generators* are written; much of that cannot be seen in grids. Nothing here was checked on
tasks that are not re-arc's: no labels of such tasks exist.
"""


def main(folder: Path = WEIGHTS.parent, /) -> None:
    """Train on re-arc, judge by five folds, and write model.safetensors and README.md.

    Args:
        folder: Where to write; the package's own folder unless given.
    """
    console = Console(stderr=True, highlight=False)
    begun, settings = time.process_time(), Training()
    torch.manual_seed(0)
    data = examples(settings.pairs, lambda done: console.print(f"{done} tasks described", end="\r"))
    trained = train(data, settings, lambda done: console.print(f"{done} networks trained"))
    least = threshold(trained.probabilities(data, 0), data.labels, SURE)
    store(folder / WEIGHTS.name, data, trained, settings, least)
    write_text(folder / "README.md", card(data, trained, settings, least, time.process_time() - begun))
    print(folder)


def card(data: Examples, trained: Trained, settings: Training, least: float, seconds: float) -> str:
    """The model card, scores included."""
    probabilities = trained.probabilities(data, 0)
    starts = range(SHOWN_PAIRS, settings.pairs - SHOWN_PAIRS + 1, SHOWN_PAIRS)
    others = [_right(trained.probabilities(data, start), data.labels) for start in starts]
    agreement = agreement_of(data, probabilities)
    raw = unseen_probabilities(data, trained.groups, trained.folds, 0)
    given = probabilities.max(axis=1) >= least
    right = probabilities.argmax(axis=1) == data.labels
    networks = [network for group in trained.groups for network in group.networks]
    return CARD.format(
        trees=sum(len(group.forest.roots) for group in trained.groups),
        members=settings.members,
        features=networks[0].mean.numel(),
        values=sum(tensor.numel() for network in networks for tensor in network.state_dict().values()),
        seconds=seconds,
        pairs=settings.pairs,
        settings=str(settings).removeprefix("Training"),
        first=_right(probabilities, data.labels),
        draws=len(others),
        mean=np.mean(others),
        low=min(others),
        high=max(others),
        macro=agreement.macro_f1,
        s3=100 * np.mean(data.labels == CODES.index("S3")),
        temperature=trained.temperature,
        raw=calibration_error(raw, data.labels),
        calibrated=calibration_error(probabilities, data.labels),
        least=least,
        share=100 * given.mean(),
        right=100 * right[given].mean() if given.any() else 0.0,
        confusion=_confusion(agreement),
    )


def agreement_of(data: Examples, probabilities: np.ndarray) -> Agreement:
    """The likeliest categories beside the labels."""
    labels = {task: CODES[label] for task, label in zip(data.tasks, data.labels.tolist(), strict=True)}
    best = zip(data.tasks, probabilities.argmax(axis=1).tolist(), probabilities.max(axis=1).tolist(), strict=True)
    return compare(labels, {task: Answer(CODES[code], None, "grids", "", sure) for task, code, sure in best})


def _right(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Per cent of the likeliest categories that are right."""
    return 100 * float(np.mean(probabilities.argmax(axis=1) == labels))


def _confusion(agreement: Agreement) -> str:
    """The confusion matrix with recall, precision and F1, as a table of a page."""
    quality = {each.label: each for each in agreement.quality()}
    lines = [f"| | {' | '.join(CODES)} | recall | precision | F1 |", "|---" * (len(CODES) + 4) + "|"]
    for label in CODES:
        counts = " | ".join(str(agreement.confusion[label, answer]) for answer in CODES)
        each = quality.get(label)
        shares = (each.recall, each.precision, each.f1) if each else (None, None, None)
        told = " | ".join("-" if share is None else f"{100 * share:.0f} %" for share in shares)
        lines.append(f"| {label} | {counts} | {told} |")
    return "\n".join(lines)


if __name__ == "__main__":
    cyclopts.run(main)
