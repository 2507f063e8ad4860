"""Search over a recipe's settings: short trainings whose settings are drawn by Optuna, and how much each one matters.

The folder holds ``journal.log`` (Optuna's own record of all trials, from which the same call goes on), ``trials/N/``
(the run of each trial, as `train` leaves it) and the examples that all trials share.
"""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import chain, islice, product
from pathlib import Path
from typing import Any

from arc_affinity.documents import read_bytes
from arc_affinity.errors import ArcAffinityError, optional
from arc_affinity.files import write_text
from arc_affinity.locks import LOCK, working_in
from arc_affinity.processes import cores, hand_out
from arc_affinity.training.executors import Workers
from arc_affinity.training.recipes.files import with_whole_paths
from arc_affinity.training.recipes.recipe import Recipe, UntrainableError
from arc_affinity.training.sweeps.found import DIVERGED, Found, found_by
from arc_affinity.training.sweeps.journal import JOURNAL, open_study
from arc_affinity.training.sweeps.space import Space, changed, drawn
from arc_affinity.training.sweeps.trial import Trial, of_a_killing, of_the_settings, train_trial

TRIALS, SPACE = "trials", "space.txt"
KILLINGS, STOPPED = "killings", "stopped"
"""What the journal keeps of a trial: how often a process was killed amid it, and that it was left for other reasons."""

MOST_KILLINGS = 2
"""So many of a trial are its settings' fault: where memory runs out, the system may kill a process without a word."""

KILLED_EACH_TIME = f"its process was killed {MOST_KILLINGS} times, for lack of memory perhaps"

MOST_SEED = 4_000_000
"""Each trial has a seed of its own, a thousand to a search, and numpy's are below 2**32."""


@dataclass(frozen=True)
class SettingsSweep:
    """A search to do.

    Fields that are not varied by ``space`` come from ``recipe``. Each of so many ``trials`` has a ``share`` of the
    recipe's steps, over which its rate runs down; ``seed`` is of what is drawn. Where all fields have listed values, of
    which there are no more combinations than trials, each of them is tried once and nothing is drawn.
    """

    recipe: Recipe
    space: Space
    trials: int
    share: float
    seed: int = 0

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ArcAffinityError(f"--trials must be at least 1, not {self.trials}")
        if not 0 < self.share <= 1:
            raise ArcAffinityError(f"--share must be above 0 and at most 1, not {self.share}")
        if not 0 <= self.seed <= MOST_SEED:
            raise ArcAffinityError(f"--seed must be at least 0 and at most {MOST_SEED:,}, not {self.seed}")

    @property
    def grid(self) -> tuple[dict[str, str], ...]:
        """Every combination of listed values, where all are to be tried; none where settings are drawn."""
        listed = {name: values for name, values in self.space.items() if isinstance(values, tuple)}
        if len(listed) < len(self.space) or math.prod(map(len, listed.values())) > self.trials:
            return ()
        return tuple(dict(zip(listed, values, strict=True)) for values in product(*listed.values()))

    def recipe_of(self, settings: Mapping[str, Any]) -> Recipe:
        """Return what a trial trains by: everything that counts steps is shortened alike."""
        full = changed(self.recipe, settings)
        steps = max(1, round(self.share * full.steps))
        shorter = {"steps": steps, "validate_every": max(1, min(steps, round(self.share * full.validate_every)))}
        for name in ("warmup_steps", "restart_steps"):
            shorter[name] = max(min(1, getattr(full, name)), round(self.share * getattr(full, name)))
        return with_whole_paths(full.overridden(shorter, "trial"))

    def run(
        self,
        out: Path,
        workers: Workers,
        report: Callable[[Trial], None] = lambda _: None,
        data_dir: Path | None = None,
    ) -> Found:
        """Do all trials that are not done, and return what they came to. The same call goes on after any kill.

        A trial amid which a process was killed is done again, and has failed where that comes again.

        Args:
            out: folder of the search.
            workers: where trials run, which must see ``out``. With one at a time the same call gives the same trials.
            report: told of each trial as it ends.
            data_dir: folder with the datasets that are not installed, of which the recipe's may be some.

        Raises:
            ArcAffinityError: Optuna is not installed, there are no such examples, or the folder holds another search or
                other files.
            WorkersLostError: those that train are gone; the same call goes on.
            Exception: what else a trial raises that its settings are not at fault for, such as a full disk; the same
                call does that trial again and goes on.
        """
        # Imported here: torch takes seconds, and what is to be varied is checked without it.
        from arc_affinity.training.pretraining.run_folder import DATA, unless_begun
        from arc_affinity.training.pretraining.stores import prepare_stores

        optuna = optional("optuna", "sweep", called="Optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with working_in(out):
            self._settle(out / SPACE)
            with unless_begun(out, SPACE):
                prepare_stores(self.recipe, out / DATA, workers=cores(), data_dir=data_dir)
            study = open_study(out / JOURNAL, optuna)
            alone = self._again(study, optuna, out, report)
            self._offer(study, optuna)
            with workers.open() as executor:
                self._work(study, optuna, out, executor, workers, report, alone)
            return found_by(study, optuna)

    def _settle(self, path: Path) -> None:
        from arc_affinity.training.pretraining.run_folder import DATA, MEASURE

        told = f"{self.recipe.to_dict()}\n{dict(self.space)}\nshare {self.share}, seed {self.seed}\nloss: {MEASURE}\n"
        if not path.exists():
            others = sorted(entry.name for entry in path.parent.iterdir() if entry.name not in (DATA, LOCK))
            if any(not name.startswith(f".{SPACE}.") for name in others):
                raise ArcAffinityError(
                    f"{path.parent} holds {others[0]}, which is of no search; choose an empty folder"
                )
            write_text(path, told)
        elif read_bytes(path) != told.encode():
            raise ArcAffinityError(
                f"{path.parent} holds a search over other settings, or by an earlier version; give another folder"
            )

    def _again(self, study: Any, optuna: Any, out: Path, report: Callable[[Trial], None]) -> int:
        """Have the trials that an earlier call left open done again, but for those that were killed too often.

        Return how many of the next ones are to be done one at a time: of several that were at hand when a process was
        killed nobody knows which one did it.
        """
        states = optuna.trial.TrialState
        for trial in study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            shutil.rmtree(out / TRIALS / str(trial.number), ignore_errors=True)
            # One that was not drawn whole had not begun.
            begun = trial.params.keys() == self.space.keys()
            killings = trial.user_attrs.get(KILLINGS, 0) + (begun and STOPPED not in trial.user_attrs)
            if killings >= MOST_KILLINGS:
                study.tell(trial.number, DIVERGED)
                report(Trial(trial.number, dict(trial.params), None, KILLED_EACH_TIME))
                continue
            study.tell(trial.number, state=states.FAIL)
            wanted = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
            study.enqueue_trial(wanted, user_attrs={KILLINGS: killings})
        waiting = study.get_trials(deepcopy=False, states=(states.WAITING,))
        return len(waiting) if any(trial.user_attrs.get(KILLINGS) for trial in waiting) else 0

    def _offer(self, study: Any, optuna: Any) -> None:
        """Let what is left of the `grid` wait to be tried."""
        states = optuna.trial.TrialState
        tried = study.get_trials(deepcopy=False, states=(states.COMPLETE, states.WAITING))
        known = [trial.params or trial.system_attrs.get("fixed_params") for trial in tried]
        for settings in self.grid:
            if settings not in known:
                study.enqueue_trial(settings)

    def _left(self, study: Any, optuna: Any) -> int:
        """How many trials are to be done."""
        states = optuna.trial.TrialState
        if self.grid:
            return len(study.get_trials(deepcopy=False, states=(states.WAITING,)))
        return self.trials - len(study.get_trials(deepcopy=False, states=(states.COMPLETE,)))

    def _work(
        self,
        study: Any,
        optuna: Any,
        out: Path,
        executor: Executor,
        workers: Workers,
        report: Callable[[Trial], None],
        alone: int,
    ) -> None:
        """Do the trials that are not done, the next ``alone`` of them one at a time."""
        done = len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)))
        left = self._left(study, optuna)
        # A cluster's workers have a working directory of their own.
        place = out.resolve()
        opened: dict[int, Any] = {}

        def asked() -> Iterator[Any]:
            # A sampler of its own for each trial, so that a search that goes on draws what an unbroken one would.
            for place in range(done, done + left):
                study.sampler = optuna.samplers.TPESampler(seed=1_000 * self.seed + place, multivariate=True)
                trial = study.ask()
                opened[trial.number] = trial
                yield trial

        def submit(trial: Any) -> Future[float]:
            settings = {name: drawn(trial, name, each) for name, each in self.space.items()}
            try:
                recipe = self.recipe_of(settings)
            except ArcAffinityError as error:
                # Values that are fine alone may not go together; the search goes on without them.
                refused: Future[float] = Future()
                refused.set_exception(UntrainableError(str(error)))
                return refused
            return executor.submit(train_trial, recipe, place / TRIALS / str(trial.number), place, workers.on_a_machine)

        pieces = asked()
        handed = chain(hand_out(submit, islice(pieces, alone), 1), hand_out(submit, pieces, workers.at_a_time))
        with _stopping(opened):
            for trial, future in handed:
                error = future.exception()
                if error is not None and not of_the_settings(error):
                    # The trial stays open, and the same call does it again.
                    raise error
                del opened[trial.number]
                loss, why = (future.result(), "") if error is None else (math.nan, str(error))
                if math.isfinite(loss):
                    study.tell(trial, loss)
                    report(Trial(trial.number, dict(trial.params), loss))
                else:
                    # What diverges is worse than anything: the sampler is to learn it.
                    study.tell(trial, DIVERGED)
                    report(Trial(trial.number, dict(trial.params), None, why or "the loss is not finite"))


@contextlib.contextmanager
def _stopping(opened: Mapping[int, Any]) -> Iterator[None]:
    """Note of the trials that are ``opened`` that nobody was killed, where a block ends by any other error."""
    try:
        yield
    except BaseException as error:
        for trial in () if of_a_killing(error) else opened.values():
            # On a full disk this cannot be written either, and it is the error that is to be told.
            with contextlib.suppress(OSError):
                trial.set_user_attr(STOPPED, True)
        raise
