"""Scoring a specialist on the test part of its task, by protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arc_affinity.data.symmetry.augment import Augmentation
from arc_affinity.documents import Share
from arc_affinity.evaluation.predicting.asking import Asking
from arc_affinity.evaluation.predicting.predict import answer_under
from arc_affinity.evaluation.records.record import Origin, Record
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.scoring.scores import score
from arc_affinity.models.storage.folders import LoadedModel
from arc_affinity.training.finetuning.split import TaskSplit
from arc_affinity.types import Example


@dataclass(frozen=True)
class Measured:
    """Means over the test part by one protocol, 0-1; ``solved`` counts all attempts, the others the first.

    ``exact_but_first`` leaves the first cell out, as arXiv 2512.07109 did; None unless teacher forced.
    """

    solved: Share
    exact: Share
    cells: Share
    exact_but_first: Share | None = None


@dataclass(frozen=True)
class Scores:
    """Records of the test part, and their means by protocol: none where answers are withheld."""

    records: tuple[Record, ...]
    by_protocol: Mapping[str, Measured]


@dataclass(frozen=True)
class Scoring:
    """How the test part is asked; ``attempts`` are those of the protocol arc_prize, others have one."""

    protocols: tuple[Protocol, ...] = (Protocol.TEACHER_FORCED, Protocol.SIZED, Protocol.ARC_PRIZE)
    attempts: int = 2
    seed: int = 0

    def run(
        self,
        loaded: LoadedModel,
        split: TaskSplit,
        examples: Sequence[Example],
        views: Sequence[Augmentation],
        adapter: str | None = None,
    ) -> Scores:
        """Answer ``examples`` by every protocol that can be followed; under ``views``, which vote, by arc_prize."""
        known = all(example.query.output is not None for example in examples)
        records: list[Record] = []
        means: dict[str, Measured] = {}
        for protocol in self.protocols if known else (Protocol.ARC_PRIZE,):
            free = protocol is Protocol.ARC_PRIZE
            asking = Asking(protocol, self.attempts if free else 1, seed=self.seed)
            origin = Origin(
                loaded.name,
                loaded.digest,
                split.dataset,
                protocol,
                self.seed,
                adapter,
                # What the base had seen is not known here, and demonstrations that were only chosen teach nothing.
                exposure=None if adapter in (None, "context-only") else "transductive",
                edition=split.edition,
            )
            seen = views if free else views[:1]
            found = list(answer_under(loaded.model, examples, origin, asking, seen))
            records += found
            if known and found:
                made = score(found, attempts=asking.attempts)
                solved, exact, cells = (
                    mean.over_outputs or 0.0 for mean in (made.solved, made.first_solved, made.cell_accuracy)
                )
                means[protocol.value] = Measured(solved, exact, cells, made.exact_but_first.over_outputs)
        return Scores(tuple(records), means)
