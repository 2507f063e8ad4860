"""Training and judging the visual classifier: five folds by task, so that every figure is of tasks not seen.

The label of a task is what `taxonomy.by_code` says of its generator. All pairs of a task lie in one fold.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from arc_affinity.data.generation.rearc import generate_task, generator_source, task_ids, verifier_source
from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import write_bytes
from arc_affinity.taxonomy.by_code.rules import classify_all
from arc_affinity.taxonomy.by_grids.classifier import SHOWN_PAIRS, Group, sharpened
from arc_affinity.taxonomy.by_grids.features import pair_features, pair_palette, task_features, task_names
from arc_affinity.taxonomy.by_grids.forest import LEAF, Forest
from arc_affinity.taxonomy.by_grids.images import pair_image
from arc_affinity.taxonomy.by_grids.network import ClassifierNetwork
from arc_affinity.taxonomy.by_program.verifiers import primitives
from arc_affinity.taxonomy.categories import CODES
from arc_affinity.taxonomy.listing import Listing

FOLDS = 5
SEED = 0

WHOLE = 255
"""What stands for a share of 1 in a leaf of a forest."""

SWAPPED = [0, 1, 3, 2, 4, 5, 7, 6, 8, 9]
"""Planes of an image after rows and columns trade places: neighbours to the right become those below."""

OnTask = Callable[[int], None]
"""Told how many tasks are ready."""


@dataclass(frozen=True)
class Training:
    """How each network is trained; chosen on another division of the same tasks (docs/log.md says what was tried).

    ``hints`` weighs the networks' second lesson: to tell which primitives the generator and the verifier of a task
    use. The forest sees ``draws`` threes of pairs of every task.
    """

    pairs: int = 24
    members: int = 3
    hidden: int = 128
    dropout: float = 0.5
    steps: int = 200
    rate: float = 3e-3
    decay: float = 0.3
    smoothing: float = 0.1
    hints: float = 10.0
    trees: int = 100
    draws: int = 6
    leaf: int = 6
    feature_share: float = 0.2


@dataclass(frozen=True)
class Examples:
    """Pairs of every task, described: what there is to learn from."""

    tasks: tuple[str, ...]
    labels: Int[np.ndarray, "tasks"]
    features: Float[np.ndarray, "tasks pairs features"]
    palettes: Bool[np.ndarray, "tasks pairs 4 10"]
    images: Float[np.ndarray, "tasks pairs 10 15 15"]
    hints: Bool[np.ndarray, "tasks hints"]

    def draw(self, rows: Int[np.ndarray, "chosen"], chosen: Int[np.ndarray, "chosen three"]) -> tuple[Tensor, Tensor]:
        """Return features and images of some tasks, each of the pairs ``chosen`` for it."""
        at = rows[:, None], chosen
        features = task_features(self.features[at], self.palettes[at])
        return torch.from_numpy(features), torch.from_numpy(self.images[at]).float()


@dataclass(frozen=True)
class Trained:
    """Networks and a forest of every fold.

    ``folds`` are of each task. ``temperature`` is fitted on what each fold says of the first three pairs of the tasks
    that it has not seen.
    """

    groups: tuple[Group, ...]
    folds: Int[np.ndarray, "tasks"]
    temperature: float

    def probabilities(self, data: Examples, start: int) -> Float[np.ndarray, "tasks 9"]:
        """Return the calibrated probabilities of every task, unseen, by its three pairs from ``start``."""
        return sharpened(unseen_probabilities(data, self.groups, self.folds, start), self.temperature)


def examples(pairs: int, on_task: OnTask | None = None, tasks: Sequence[str] | None = None) -> Examples:
    """Generate and describe ``pairs`` pairs (seed `SEED`) of the 400 tasks, or of ``tasks``."""
    wanted = tuple(task_ids() if tasks is None else tasks)
    decided = classify_all()
    features, palettes, images = [], [], []
    for number, task in enumerate(wanted, 1):
        made = generate_task(task, pairs, SEED).pairs
        features.append(np.stack([pair_features(pair) for pair in made]))
        palettes.append(np.stack([pair_palette(pair) for pair in made]))
        # Shares of four cells and half precision: nothing is lost.
        images.append(np.stack([pair_image(pair) for pair in made]).astype(np.float16))
        if on_task is not None:
            on_task(number)
    labels = np.array([CODES.index(decided[task].category) for task in wanted])
    return Examples(wanted, labels, np.stack(features), np.stack(palettes), np.stack(images), hints(wanted))


def hints(tasks: Sequence[str]) -> Bool[np.ndarray, "tasks hints"]:
    """Return which primitives each task's generator and verifier use, of those that 3-97 % of the tasks use."""
    columns = []
    for source in (generator_source, verifier_source):
        used = [primitives(Listing.of(source(task))) for task in tasks]
        columns += [[name in each for each in used] for name in sorted(set().union(*used))]
    table = np.array(columns, bool).T
    return table[:, (table.mean(axis=0) >= 0.03) & (table.mean(axis=0) <= 0.97)]


def fold_numbers(labels: Int[np.ndarray, "tasks"], folds: int = FOLDS, seed: int = SEED) -> Int[np.ndarray, "tasks"]:
    """Return a fold for each task; every category is spread evenly."""
    generator = np.random.default_rng(seed)
    numbers = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        numbers[members] = (np.arange(len(members)) + generator.integers(folds)) % folds
    return numbers


def train(data: Examples, settings: Training, on_network: OnTask | None = None) -> Trained:
    """Return networks and a forest for every fold, trained on the tasks outside it."""
    folds = fold_numbers(data.labels)
    groups = []
    for fold in range(FOLDS):
        rows = np.flatnonzero(folds != fold)
        networks = tuple(fit(data, rows, settings, 1000 * fold + member) for member in range(settings.members))
        groups.append(Group(networks, fit_forest(data, rows, settings, fold)))
        if on_network is not None:
            on_network(len(groups) * settings.members)
    return Trained(tuple(groups), folds, temperature(unseen_probabilities(data, groups, folds, 0), data.labels))


def unseen_probabilities(
    data: Examples, groups: Sequence[Group], folds: Int[np.ndarray, "tasks"], start: int
) -> Float[np.ndarray, "tasks 9"]:
    """Return what each group says of the tasks of its fold, by their three pairs from ``start``; not calibrated."""
    probabilities = np.zeros((len(data.tasks), len(CODES)), np.float32)
    for fold, group in enumerate(groups):
        unseen = np.flatnonzero(folds == fold)
        features, images = data.draw(unseen, np.tile(np.arange(start, start + SHOWN_PAIRS), (len(unseen), 1)))
        with torch.no_grad():
            mean = torch.stack([network(features, images).softmax(dim=-1) for network in group.networks]).mean(dim=0)
        probabilities[unseen] = (mean.numpy() + group.forest.probabilities(features.numpy())) / 2
    return probabilities


def fit_forest(data: Examples, rows: Int[np.ndarray, "chosen"], settings: Training, seed: int) -> Forest:
    """Return a forest grown on the features of the tasks of ``rows``, several threes of pairs of each."""
    generator = np.random.default_rng(seed)
    pairs = data.features.shape[1]
    drawn = [data.draw(rows, _threes(generator, len(rows), pairs))[0].numpy() for _ in range(settings.draws)]
    labels = np.tile(data.labels[rows], settings.draws)
    return grow(np.concatenate(drawn), labels, settings.trees, settings.leaf, settings.feature_share, seed)


def fit(data: Examples, rows: Int[np.ndarray, "chosen"], settings: Training, seed: int) -> ClassifierNetwork:
    """Return one network trained on the tasks of ``rows``; every step shows each of them with three other pairs."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    network = ClassifierNetwork(len(task_names()), settings.hidden, settings.dropout)
    usual, _ = data.draw(rows, _threes(generator, len(rows), data.features.shape[1]))
    network.mean.copy_(usual.mean(dim=0))
    network.deviation.copy_(usual.std(dim=0) + 1e-6)
    hinter = torch.nn.Linear(settings.hidden, data.hints.shape[1])
    learnt = [*network.parameters(), *hinter.parameters()]
    optimiser = torch.optim.AdamW(learnt, lr=settings.rate, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=settings.steps, pct_start=0.1)
    targets, hinted = torch.from_numpy(data.labels), torch.from_numpy(data.hints).float()
    for batch in _batches(generator, rows, settings.steps):
        features, images = data.draw(batch, _threes(generator, len(batch), data.features.shape[1]))
        thought = network.thought(features, network.seen(_turned(generator, images)))
        loss = F.cross_entropy(network.decide(thought), targets[batch], label_smoothing=settings.smoothing)
        loss = loss + settings.hints * F.binary_cross_entropy_with_logits(hinter(thought), hinted[batch])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return network.eval().requires_grad_(False)


def temperature(probabilities: Float[np.ndarray, "tasks 9"], labels: Int[np.ndarray, "tasks"]) -> float:
    """Return the divisor of log-probabilities that makes the labels likeliest (arXiv 1706.04599, 4.2)."""
    tried = [math.exp(step / 20) for step in range(-30, 31)]
    losses = [-np.log(sharpened(probabilities, each)[np.arange(len(labels)), labels]).mean() for each in tried]
    return tried[int(np.argmin(losses))]


def threshold(probabilities: Float[np.ndarray, "tasks 9"], labels: Int[np.ndarray, "tasks"], wanted: float) -> float:
    """Return the smallest probability above which a share ``wanted`` of the answers is right; 1 if none is."""
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    order = np.argsort(-sure)
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(shares >= wanted)
    return float(sure[order][enough[-1]]) if len(enough) else 1.0


def calibration_error(
    probabilities: Float[np.ndarray, "tasks 9"], labels: Int[np.ndarray, "tasks"], bins: int = 10
) -> float:
    """Return the expected calibration error (arXiv 1706.04599, equation 3), over bins of equal width."""
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    number = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(right[number == each].mean() - sure[number == each].mean()) for each in np.unique(number)]
    weights = [np.mean(number == each) for each in np.unique(number)]
    return float(np.dot(gaps, weights))


def store(path: Path, data: Examples, trained: Trained, settings: Training, least: float) -> None:
    """Write the classifier as one safetensors file, in half precision; ``least`` is its threshold."""
    tensors = {
        f"{group}.{member}.{name}": tensor.half().contiguous()
        for group, each in enumerate(trained.groups)
        for member, network in enumerate(each.networks)
        for name, tensor in network.state_dict().items()
    }
    for number, each in enumerate(trained.groups):
        stored = {**vars(each.forest), "limit": each.forest.limit.astype(np.float16)}
        tensors |= {f"{number}.forest.{name}": torch.from_numpy(array) for name, array in stored.items()}
    described = {
        "features": task_names(),
        "groups": len(trained.groups),
        "members": settings.members,
        "hidden": settings.hidden,
        "fold_of": dict(zip(data.tasks, trained.folds.tolist(), strict=True)),
        "temperature": trained.temperature,
        "threshold": least,
    }
    write_bytes(path, save(tensors, {"classifier": json.dumps(described, sort_keys=True)}))


def _batches(
    generator: np.random.Generator, rows: Int[np.ndarray, "chosen"], steps: int
) -> Iterator[Int[np.ndarray, "batch"]]:
    """Half of all tasks, drawn at random, at one step, and the other half at the next."""
    for step in range(steps):
        if step % 2 == 0:
            order = generator.permutation(rows)
        yield order[step % 2 :: 2]


def _threes(generator: np.random.Generator, count: int, pairs: int) -> Int[np.ndarray, "count 3"]:
    return np.stack([generator.choice(pairs, SHOWN_PAIRS, replace=False) for _ in range(count)])


def _turned(
    generator: np.random.Generator, images: Float[Tensor, "tasks pairs 10 15 15"]
) -> Float[Tensor, "tasks pairs 10 15 15"]:
    views = generator.integers(8, size=len(images)).tolist()
    return torch.from_numpy(np.stack([turned(each, view) for each, view in zip(images.numpy(), views, strict=True)]))


def turned(image: Float[np.ndarray, "*pairs 10 15 15"], view: int) -> Float[np.ndarray, "*pairs 10 15 15"]:
    """Return images as they would be, but for their place on the canvas, were the grids mirrored or rotated.

    Args:
        image: one or several of `pair_image`.
        view: 0-7; its bits say whether to swap rows and columns, to mirror down, and to mirror across.
    """
    if view & 1:
        image = np.swapaxes(image[..., SWAPPED, :, :], -1, -2)
    if view & 2:
        image = image[..., ::-1, :]
    return image[..., ::-1] if view & 4 else image


def grow(
    rows: Float[np.ndarray, "rows features"],
    labels: Int64[np.ndarray, "rows"],
    trees: int,
    leaf: int,
    features: float,
    seed: int,
) -> Forest:
    """Return a forest that tells labels from rows.

    ``labels`` are places in `CODES`; a leaf has at least ``leaf`` rows, and a node chooses among a share ``features``
    of the features.

    Raises:
        ArcAffinityError: scikit-learn, which grows the trees, is not installed.
    """
    try:
        from sklearn.ensemble import ExtraTreesClassifier
    except ImportError as error:
        raise ArcAffinityError("growing a forest needs scikit-learn: pip install 'arc-affinity[dev]'") from error
    grown = ExtraTreesClassifier(trees, min_samples_leaf=leaf, max_features=features, random_state=seed)
    grown.fit(rows, labels)
    return joined([_plain(each.tree_, grown.classes_.astype(np.int64)) for each in grown.estimators_])


def joined(forests: Sequence[Forest]) -> Forest:
    """Return the trees of several forests as one."""
    nodes = np.cumsum([0, *(len(each.feature) for each in forests)])
    leaves = np.cumsum([0, *(len(each.shares) for each in forests)])
    right = [
        each.right + np.where(each.feature == LEAF, leaves[n], nodes[n]).astype(np.int32)
        for n, each in enumerate(forests)
    ]
    return Forest(
        np.concatenate([each.roots + np.int32(nodes[n]) for n, each in enumerate(forests)]),
        np.concatenate([each.feature for each in forests]),
        np.concatenate([each.limit for each in forests]),
        np.concatenate(right),
        np.concatenate([each.shares for each in forests]),
    )


def _plain(tree: Any, classes: Int64[np.ndarray, "known"]) -> Forest:
    """One tree of scikit-learn, whose nodes have their left child behind them, as arrays."""
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    is_leaf = left < 0
    values = np.asarray(tree.value)[is_leaf, 0]
    shares = np.zeros((len(values), len(CODES)), np.uint8)
    shares[:, classes] = np.round(WHOLE * values / values.sum(axis=1, keepdims=True))
    return Forest(
        np.zeros(1, np.int32),
        np.where(is_leaf, LEAF, np.asarray(tree.feature)).astype(np.int16),
        np.where(is_leaf, 0, np.asarray(tree.threshold)).astype(np.float16).astype(np.float32),
        np.where(is_leaf, np.cumsum(is_leaf) - 1, right).astype(np.int32),
        shares,
    )
