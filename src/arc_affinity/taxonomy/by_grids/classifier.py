"""Categories from demonstrations alone, for any task, by networks and forests that come with the package (ours).

The networks look at features and images, a forest at the features; their probabilities are averaged. There are five
groups of them, each trained without a fifth of the 400 re-arc tasks. A task of those 400 is judged only by the group
that has not seen it, any other task by all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float, Int
from msgspec import Meta
from safetensors import SafetensorError, safe_open
from torch import Tensor

from arc_affinity import documents
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.parts.threads import computing_in
from arc_affinity.taxonomy.by_grids.features import pair_features, pair_palette, task_features, task_names
from arc_affinity.taxonomy.by_grids.forest import Forest, check_sound
from arc_affinity.taxonomy.by_grids.images import pair_image
from arc_affinity.taxonomy.by_grids.network import ClassifierNetwork
from arc_affinity.taxonomy.categories import AMBIGUOUS, CODES
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
    """What is said of a task.

    ``category`` is the likeliest of the nine codes, ``best``, or `AMBIGUOUS` if that is not likely enough.
    ``probabilities`` by code are calibrated and sum to 1; ``reason`` names the features that spoke most for ``best``,
    by the networks' gradients.
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
class TaskInput:
    """A task as the networks see it: one row for each three of its demonstrations.

    ``features`` are of each row, ``images`` of each demonstration; ``threes`` are the demonstrations of each row.
    """

    features: Float[Tensor, "rows features"]
    images: Float[Tensor, "pairs 10 15 15"]
    threes: Int[Tensor, "rows three"]


@dataclass(frozen=True)
class Group:
    """Networks and a forest trained on the same tasks."""

    networks: tuple[ClassifierNetwork, ...]
    forest: Forest


@dataclass(frozen=True)
class Classifier:
    """All that was trained.

    ``fold_of`` says of a training task which of the ``groups`` has not seen it. Log-probabilities are divided by
    ``temperature``; below a probability of ``threshold`` no category is given.
    """

    groups: tuple[Group, ...]
    fold_of: Mapping[str, int]
    temperature: float
    threshold: float

    def unseen_by(self, task_id: str) -> tuple[Group, ...]:
        """Return the groups that have not been trained on the task of this id."""
        return (self.groups[self.fold_of[task_id]],) if task_id in self.fold_of else self.groups

    def classify(self, task: Task) -> Guess:
        """Return what is said of a task's demonstrations."""
        shown, groups = task_input(task.train), self.unseen_by(task.id)
        features = shown.features.requires_grad_()
        networks = [network for group in groups for network in group.networks]
        # Each demonstration's image is looked at once, however many threes it is part of.
        logits = torch.stack(
            [each.decide(each.thought(features, each.look(shown.images)[shown.threes])) for each in networks]
        )
        rows = features.detach().numpy()
        by_forests = np.mean([group.forest.probabilities(rows).mean(axis=0) for group in groups], axis=0)
        by_networks = logits.detach().softmax(dim=-1).mean(dim=(0, 1)).numpy()
        probabilities = sharpened((by_networks + by_forests) / 2, self.temperature)
        best = int(probabilities.argmax())
        # A feature speaks for the likeliest category by its gradient times its distance from the mean.
        (slope,) = torch.autograd.grad(logits.mean(dim=(0, 1))[best], features)
        reason = _telling((slope * (features.detach() - networks[0].mean)).sum(dim=0).numpy())
        category = CODES[best] if probabilities[best] >= self.threshold else AMBIGUOUS
        by_code = dict(zip(CODES, probabilities.tolist(), strict=True))
        return Guess(category, CODES[best], MappingProxyType(by_code), reason)


def classify_all(tasks: Iterable[Task]) -> dict[str, Guess]:
    """Return what the bundled networks say of tasks, by id.

    Raises:
        ArcAffinityError: the bundled weights cannot be read.
    """
    # Threads of networks as small as these only wait for each other, and beside other work for ever so long.
    with computing_in(1):
        return {task.id: bundled().classify(task) for task in tasks}


@cache
def bundled() -> Classifier:
    """Return the classifier that comes with the package."""
    return load(WEIGHTS)


def load(path: Path) -> Classifier:
    """Return the classifier in a file that `runs/train_classifier.py` wrote.

    Raises:
        ArcAffinityError: the file is missing, damaged, or of other features than this version's.
    """
    try:
        with safe_open(path, framework="pt") as file:
            content = (file.metadata() or {})["classifier"].encode()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ArcAffinityError(f"{path} holds no classifier: {error}") from error
    settings = documents.decode(content, f"{path}: settings", _Settings)
    if tuple(settings.features) != task_names():
        raise ArcAffinityError(f"{path} was trained on other features than this version computes")
    if max(settings.fold_of.values(), default=0) >= settings.groups:
        raise ArcAffinityError(f"{path}: a task is of a fold that there is not")
    wrong = [name for name, tensor in tensors.items() if not torch.isfinite(tensor.float()).all()]
    if wrong:
        raise ArcAffinityError(f"{path} holds numbers that are not finite, in {wrong[0]}")
    try:
        groups = tuple(_group(_below(tensors, f"{number}."), settings) for number in range(settings.groups))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ArcAffinityError(f"{path} holds no classifier: {' '.join(str(error).split())[:200]}") from error
    return Classifier(groups, settings.fold_of, settings.temperature, settings.threshold)


@dataclass(frozen=True)
class _Settings:
    features: list[str]
    groups: Annotated[int, Meta(ge=1, le=100)]
    members: Annotated[int, Meta(ge=1, le=100)]
    hidden: Annotated[int, Meta(ge=1, le=4096)]
    temperature: Annotated[float, Meta(ge=0.01, le=100)]
    threshold: documents.Share
    fold_of: dict[str, documents.Count]


def sharpened(probabilities: Float[np.ndarray, "*tasks 9"], temperature: float) -> Float[np.ndarray, "*tasks 9"]:
    """Return probabilities whose logarithms were divided by ``temperature`` (arXiv 1706.04599, 4.2)."""
    powers = np.maximum(probabilities, 1e-6) ** (1 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def task_input(pairs: Sequence[Pair]) -> TaskInput:
    """Return demonstrations, at least one and each with its output, as the networks see them."""
    used = pairs[:LOOKED_AT]
    features = np.stack([pair_features(pair) for pair in used])
    palettes = np.stack([pair_palette(pair) for pair in used])
    images = np.stack([pair_image(pair) for pair in used])
    threes = np.array(list(combinations(range(len(used)), min(SHOWN_PAIRS, len(used)))))
    rows = task_features(features[threes], palettes[threes])
    return TaskInput(torch.from_numpy(rows), torch.from_numpy(images), torch.from_numpy(threes))


def _group(tensors: Mapping[str, Tensor], settings: _Settings) -> Group:
    networks = []
    for member in range(settings.members):
        network = ClassifierNetwork(len(task_names()), settings.hidden)
        network.load_state_dict({name: each.float() for name, each in _below(tensors, f"{member}.").items()})
        networks.append(network.eval().requires_grad_(False))
    arrays = {name: each.numpy() for name, each in _below(tensors, "forest.").items()}
    forest = Forest(**{**arrays, "limit": arrays["limit"].astype(np.float32)})
    check_sound(forest, len(task_names()))
    return Group(tuple(networks), forest)


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """What a name begins with taken off, where it begins so."""
    return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}


def _telling(weights: Float[np.ndarray, "features"]) -> str:
    """The features with the largest weight, mean, minimum and maximum of one taken together."""
    sums: dict[str, float] = {}
    for name, weight in zip(task_names(), weights.tolist(), strict=True):
        feature = name.rpartition(", ")[0] or name
        sums[feature] = sums.get(feature, 0.0) + weight
    return "; ".join(sorted(sums, key=lambda name: -sums[name])[:TOLD])
