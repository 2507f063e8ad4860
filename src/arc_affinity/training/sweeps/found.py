"""What a search came to: its trials, and how much each field mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arc_affinity.text import counted
from arc_affinity.training.sweeps.trial import Trial

DIVERGED = 1e3
"""Loss, in nats a token, that stands for a training that failed."""


@dataclass(frozen=True)
class Found:
    """What a search came to: trials by their number, and each field's share of what the loss depends on (sum 1).

    The shares are PED-ANOVA's (arXiv 2304.10255) over the better half of the trials that have a loss. Where nothing can
    be said of what matters there are none, and ``untold`` says why.
    """

    trials: tuple[Trial, ...]
    importance: Mapping[str, float]
    untold: str = ""

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """The trials that have a loss, the lowest first."""
        done = [trial for trial in self.trials if trial.loss is not None]
        return tuple(sorted(done, key=lambda trial: (trial.loss, trial.number)))


def found_by(study: Any, optuna: Any) -> Found:
    """Return what the trials of one of Optuna's studies came to."""
    done = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    trials = tuple(
        Trial(each.number, dict(each.params), each.value if each.value < DIVERGED else None) for each in done
    )
    compared = [each for each in done if each.value < DIVERGED]
    if untold := _untold([each.value for each in compared], len(done)):
        return Found(trials, {}, untold)
    # Among the failed ones, which are alike, the better half could be all trials, and any shares would come out.
    study = optuna.create_study()
    study.add_trials(compared)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.5)
    return Found(trials, dict(optuna.importance.get_param_importances(study, evaluator=evaluator)))


FEWEST = 4
"""Trials with a loss below which nothing is said of what matters."""


def _untold(losses: Sequence[float], trials: int) -> str:
    """Why nothing can be said of what matters, by the ``losses`` of so many ``trials``; "" where something can."""
    if len(losses) < FEWEST:
        return f"{len(losses)} of {counted(trials, 'trial')} came to a loss, and it takes {FEWEST}"
    # As the evaluator has it, those equal to the last of the better half are of it too.
    if sorted(losses)[math.ceil(len(losses) / 2) - 1] == max(losses):
        return "the worse half of the trials has the same loss as the better one"
    return ""
