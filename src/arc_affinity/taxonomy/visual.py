"""Categories from demonstrations alone, for any task: features and images through bundled networks (ours).

The bundled classifier is five groups of networks, each trained without a fifth of the 400 re-arc tasks. A task of
those 400 is judged only by the group that has not seen it, any other task by all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from torch import Tensor

from arc_affinity.errors import ArcAffinityError
from arc_affinity.taxonomy.categories import AMBIGUOUS, CODES
from arc_affinity.taxonomy.features import pair_features, pair_palette, task_features, task_names
from arc_affinity.taxonomy.images import pair_image
from arc_affinity.taxonomy.network import Judge
from arc_affinity.types import Pair, Task

WEIGHTS = Path(__file__).parent / "weights" / "model.safetensors"

SHOWN_PAIRS = 3
"""Demonstrations that the networks look at together, as many as they were trained with."""

LOOKED_AT = 5
"""Demonstrations of a task that are used at all, the first ones: all threes among them are judged."""

TOLD = 3
"""Features that a reason names."""


@dataclass(frozen=True)
class Guess:
    """What the networks say of a task.

    Attributes:
        category: the likeliest of the nine codes, or `AMBIGUOUS` if none is likely enough.
        best: the likeliest, whatever its probability.
        probabilities: calibrated, by code; they sum to 1.
        reason: the features that spoke most for the likeliest.
    """

    category: str
    best: str
    probabilities: Mapping[str, float]
    reason: str

    @property
    def confidence(self) -> float:
        """Probability of the likeliest."""
        return self.probabilities[self.best]


@dataclass(frozen=True)
class View:
    """A task as the networks see it: one row for each three of its demonstrations.

    Attributes:
        features: of each row.
        images: of each demonstration.
        threes: the demonstrations of each row.
    """

    features: Float[Tensor, "rows features"]
    images: Float[Tensor, "pairs 10 15 15"]
    threes: Int[Tensor, "rows three"]


@dataclass(frozen=True)
class Classifier:
    """Trained networks.

    Attributes:
        groups: networks of each fold.
        fold_of: by training task, the group that has not seen it.
        temperature: what logits are divided by.
        threshold: probability below which no category is given.
    """

    groups: tuple[tuple[Judge, ...], ...]
    fold_of: Mapping[str, int]
    temperature: float
    threshold: float

    def networks(self, task_id: str) -> tuple[Judge, ...]:
        """Return the networks that have not been trained on the task of this id."""
        if task_id in self.fold_of:
            return self.groups[self.fold_of[task_id]]
        return tuple(judge for group in self.groups for judge in group)

    def classify(self, task: Task) -> Guess:
        """Return what the networks say of a task's demonstrations."""
        view = view_of(task.train)
        seen = view.features.requires_grad_()
        judged = [
            judge.decide(judge.thought(seen, judge.look(view.images)[view.threes])) for judge in self.networks(task.id)
        ]
        logits = torch.stack(judged) / self.temperature
        chances = logits.softmax(dim=-1).mean(dim=(0, 1))
        best = int(chances.argmax())
        (slope,) = torch.autograd.grad(logits.mean(dim=(0, 1))[best], seen)
        probabilities = dict(zip(CODES, chances.tolist(), strict=True))
        category = CODES[best] if chances[best] >= self.threshold else AMBIGUOUS
        usual = self.networks(task.id)[0].mean
        told = _telling((slope * (seen.detach() - usual)).sum(dim=0).numpy())
        return Guess(category, CODES[best], MappingProxyType(probabilities), told)


def classify(task: Task) -> Guess:
    """Return what the bundled networks say of a task, from its demonstrations alone.

    Raises:
        ArcAffinityError: the bundled weights cannot be read.
    """
    return bundled().classify(task)


def classify_all(tasks: Iterable[Task]) -> dict[str, Guess]:
    """Return what the bundled networks say of tasks, by id."""
    return {task.id: classify(task) for task in tasks}


@cache
def bundled() -> Classifier:
    """Return the classifier that comes with the package."""
    return load(WEIGHTS)


def load(path: Path) -> Classifier:
    """Return the classifier in a file that `train_visual.save` wrote.

    Raises:
        ArcAffinityError: the file is missing, damaged, or of other features than this version's.
    """
    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {})["classifier"])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ArcAffinityError(f"{path} holds no classifier: {error}") from error
    if tuple(settings["features"]) != task_names():
        raise ArcAffinityError(f"{path} was trained on other features than this version computes")
    groups = tuple(
        tuple(_judge(tensors, f"{group}.{member}.", settings["hidden"]) for member in range(settings["members"]))
        for group in range(settings["groups"])
    )
    return Classifier(groups, settings["fold_of"], settings["temperature"], settings["threshold"])


def view_of(pairs: Sequence[Pair]) -> View:
    """Return demonstrations, at least one and each with its output, as the networks see them."""
    used = pairs[:LOOKED_AT]
    features = np.stack([pair_features(pair) for pair in used])
    palettes = np.stack([pair_palette(pair) for pair in used])
    images = np.stack([pair_image(pair) for pair in used])
    threes = np.array(list(combinations(range(len(used)), min(SHOWN_PAIRS, len(used)))))
    rows = task_features(features[threes], palettes[threes])
    return View(torch.from_numpy(rows), torch.from_numpy(images), torch.from_numpy(threes))


def _judge(tensors: Mapping[str, Tensor], prefix: str, hidden: int) -> Judge:
    judge = Judge(len(task_names()), hidden)
    own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    judge.load_state_dict(own)
    return judge.eval().requires_grad_(False)


def _telling(weights: Float[np.ndarray, "features"]) -> str:
    """The features with the largest weight, mean, minimum and maximum of one taken together."""
    sums: dict[str, float] = {}
    for name, weight in zip(task_names(), weights.tolist(), strict=True):
        feature = name.rpartition(", ")[0] or name
        sums[feature] = sums.get(feature, 0.0) + weight
    return "; ".join(sorted(sums, key=lambda name: -sums[name])[:TOLD])
