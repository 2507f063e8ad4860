"""Search over settings: what may be varied, that it goes on where it was, and that it finds what matters."""

from __future__ import annotations

import contextlib
import logging
import math
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.processes import WorkersLostError
from arc_affinity.training import hardware
from arc_affinity.training.executors import ClusterLostError, SerialExecutor, Workers
from arc_affinity.training.hardware import Machine
from arc_affinity.training.pretraining import pretrain
from arc_affinity.training.recipes.recipe import Recipe, UntrainableError
from arc_affinity.training.sweeps.found import DIVERGED, Found, found_by
from arc_affinity.training.sweeps.space import Range, read_space
from arc_affinity.training.sweeps.sweep import MOST_SEED, SettingsSweep
from arc_affinity.training.sweeps.trial import Trial, train_trial

optuna = pytest.importorskip("optuna")

VARIED = ["learning_rate=1e-4:1e-1:log", "warmup_steps=0:7", "optimiser=adam,muon"]


def bowl(recipe: Recipe, folder: Path, shared: Path, at_a_time: int) -> float:
    """Stands for a training: lowest at a rate of 1e-2, half a nat worse by Adam, no number at the largest rates."""
    if recipe.learning_rate > 5e-2:
        return math.nan
    return (math.log10(recipe.learning_rate) + 2) ** 2 + 0.5 * (recipe.optimiser == "adam")


@pytest.fixture
def tiny(tiny: Recipe) -> Recipe:
    """By a schedule that has a warm-up."""
    return replace(tiny, schedule="warmup-linear")


@pytest.fixture
def searched(tiny: Recipe, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Found]:
    """Search in a folder by `bowl`, or by what stands in its place."""

    def search(
        name: str,
        trials: int,
        training: Callable[..., float] = bowl,
        seed: int = 0,
        varied: Sequence[str] = VARIED,
        report: Callable[[Trial], None] = lambda _: None,
    ) -> Found:
        monkeypatch.setattr(f"{SettingsSweep.__module__}.train_trial", training)
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(examples, folder / "data")
        sweep = SettingsSweep(tiny, read_space(varied, tiny), trials, 0.5, seed)
        return sweep.run(folder, Workers(SerialExecutor, 1, 1), report)

    return search


def test_what_may_be_varied_is_read_by_the_fields_kind(tiny: Recipe) -> None:
    assert read_space([*VARIED, "model.width=16,32"], tiny) == {
        "learning_rate": Range(1e-4, 1e-1, whole=False, log=True),
        "warmup_steps": Range(0, 7, whole=True, log=False),
        "optimiser": ("adam", "muon"),
        "model.width": ("16", "32"),
    }


@pytest.mark.parametrize(
    ("varied", "said"),
    [
        ([], "nothing to vary"),
        (["learning_rate"], "write FIELD=LOW:HIGH"),
        (["learning_rat=1e-4:1e-2"], "learning_rate"),
        (["learning_rate=1e-2:1e-4"], "LOW must be below HIGH"),
        (["learning_rate=0:1e-2:log"], "above 0 with :log"),
        (["learning_rate=1e-4:x"], "could not convert"),
        (["learning_rate=1e-4:inf"], "LOW must be below HIGH"),
        (["warmup_steps=0.2:10:log"], "warmup_steps: it is a whole number, not 0.2"),
        (["batch_examples=8.5:16"], "batch_examples: it is a whole number, not 8.5"),
        (["model.width=16,32.5"], "model.width: it is a whole number, not 32.5"),
        (["context=drawn,first"], "cannot be compared"),
        (["restart_steps=3:9"], "restart_steps is of the schedule cosine-restarts"),
        (["warmup_steps=0:7", "schedule=cosine-restarts,cosine-restarts"], "warmup_steps is of the schedule warmup"),
        (["start=rotary,rotaty"], "unknown model 'rotaty'"),
        (["beta1=0.5:1.5"], "at most 0.999999"),
        (["optimiser=adam,sgd"], "must be one of adam, adamw, muon"),
        (["steps=10:20"], "cannot be compared"),
        (["per_task=3:5"], "cannot be compared"),
        (["beta1=0.1:0.2", "beta1=0.3:0.4"], "given twice"),
    ],
)
def test_what_cannot_be_varied_is_refused(tiny: Recipe, varied: list[str], said: str) -> None:
    with pytest.raises(ArcAffinityError, match=said):
        read_space(varied, tiny)


def test_a_whole_number_may_be_written_as_a_power_and_a_schedule_be_varied_with_what_it_has(tiny: Recipe) -> None:
    space = read_space(["batch_cells=1e3:2e3", "schedule=cosine-restarts,warmup-linear", "restart_steps=3:9"], tiny)
    assert (space["batch_cells"], space["restart_steps"]) == (Range(1e3, 2e3, True, False), Range(3, 9, True, False))


def test_seeds_are_those_that_the_sampler_takes(tiny: Recipe, searched: Callable[..., Found]) -> None:
    for seed in (-1, MOST_SEED + 1):
        with pytest.raises(ArcAffinityError, match=f"--seed must be at least 0 and at most 4,000,000, not {seed}"):
            SettingsSweep(tiny, read_space(VARIED, tiny), 3, 0.5, seed)
    assert len(searched("run", 2, seed=MOST_SEED).trials) == 2


def test_a_trial_is_the_recipe_shortened_alike(tiny: Recipe) -> None:
    sweep = SettingsSweep(tiny, read_space(VARIED, tiny), 3, 0.5)
    short = sweep.recipe_of({"learning_rate": 0.02, "warmup_steps": 6, "optimiser": "muon"})
    assert (short.learning_rate, short.optimiser, short.steps, short.validate_every) == (0.02, "muon", 12, 3)
    assert (short.warmup_steps, short.restart_steps) == (3, 2)
    assert sweep.recipe_of({"warmup_steps": 0}).warmup_steps == 0
    elsewhere = replace(sweep, recipe=replace(tiny, start="here/model"))
    assert elsewhere.recipe_of({}).start == str(Path("here/model").resolve()), "a cluster works in another folder"


def test_the_search_finds_what_matters(searched: Callable[..., Found]) -> None:
    found = searched("run", 24)
    assert len(found.trials) == 24
    assert found.ranked[0].loss is not None and found.ranked[0].loss < 0.3
    assert found.ranked[0].settings["optimiser"] == "muon"
    assert found.importance["learning_rate"] > found.importance["warmup_steps"]
    assert sum(found.importance.values()) == pytest.approx(1)
    assert any(trial.loss is None for trial in found.trials)


def found_in(trials: Sequence[tuple[float, float, float]]) -> Found:
    """What is found in trials of two settings and their loss."""
    study, spread = optuna.create_study(), optuna.distributions.FloatDistribution(0, 1)
    for first, second, loss in trials:
        drawn, kinds = {"first": first, "second": second}, {"first": spread, "second": spread}
        study.add_trial(optuna.trial.create_trial(params=drawn, distributions=kinds, value=loss))
    return found_by(study, optuna)


def test_listed_values_are_tried_once_each(searched: Callable[..., Found]) -> None:
    varied = ["learning_rate=0.001,0.01,0.1", "optimiser=adam,muon"]
    wanted = [(rate, name) for rate in ("0.001", "0.01", "0.1") for name in ("adam", "muon")]

    def settings_of(found: Found) -> list[tuple[str, str]]:
        return [(trial.settings["learning_rate"], trial.settings["optimiser"]) for trial in found.trials]

    whole = searched("whole", 9, varied=varied)
    assert settings_of(whole) == wanted, "and not nine of them"
    stopped = 0

    def killed(recipe: Recipe, *rest: object) -> float:
        nonlocal stopped
        stopped += 1
        if stopped == 3:
            raise KeyboardInterrupt
        return bowl(recipe, *rest)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        searched("broken", 6, killed, varied=varied)
    found = searched("broken", 6, varied=varied)
    assert sorted(settings_of(found)) == sorted(wanted)
    assert {trial.loss for trial in found.ranked} == {trial.loss for trial in whole.ranked}
    # Fewer trials than combinations are drawn, and the rest is tried once more are asked for.
    some = searched("drawn", 4, varied=varied)
    assert len(some.trials) == 4
    assert {*settings_of(searched("drawn", 6, varied=varied))} == {*wanted}


def test_failed_trials_say_nothing_of_what_matters() -> None:
    """However many they are: half of them would be as good as the other half."""
    told = [(0.1, 0.1, 2.1), (0.2, 0.9, 2.2), (0.3, 0.5, 2.3), (0.7, 0.1, 2.7), (0.8, 0.9, 2.8), (0.9, 0.5, 2.9)]
    failed = [(0.13 * number, 1 - 0.11 * number, DIVERGED) for number in range(8)]
    found = found_in([*told, *failed])
    assert len(found.trials) == 14 and len(found.ranked) == 6
    assert found.importance["first"] > 0.9 and not found.untold
    assert found.importance == found_in(told).importance


@pytest.mark.parametrize(
    ("losses", "why"),
    [
        ([1.0, 2.0, 3.0, *[DIVERGED] * 5], "3 of 8 trials came to a loss, and it takes 4"),
        ([2.0], "1 of 1 trial came to a loss, and it takes 4"),
        ([2.0, 1.0, 2.0, 2.0, *[DIVERGED] * 5], "the worse half of the trials has the same loss as the better one"),
    ],
)
def test_where_nothing_can_be_said_of_what_matters_it_is_said_why(losses: list[float], why: str) -> None:
    found = found_in([(0.1 * number, 0.1, loss) for number, loss in enumerate(losses)])
    assert found.importance == {} and found.untold == why


def test_four_trials_of_different_losses_say_what_matters() -> None:
    assert found_in([(0.1 * number, 0.1, 1.0 + number) for number in range(4)]).importance.keys() == {"first", "second"}


def test_a_trial_amid_which_a_process_is_killed_twice_has_failed(searched: Callable[..., Found]) -> None:
    guilty, told = searched("whole", 1).trials[0].settings["learning_rate"], list[Trial]()

    def kills(recipe: Recipe, folder: Path, shared: Path, at_a_time: int) -> float:
        if recipe.learning_rate == guilty:
            raise WorkersLostError("a worker process was killed")
        return 1.0

    for _ in range(2):
        with pytest.raises(WorkersLostError, match="was killed"):
            searched("run", 3, kills, report=told.append)
    assert not told
    found = searched("run", 3, kills, report=told.append)
    assert [trial.loss for trial in found.trials] == [None, 1.0, 1.0]
    assert told[0].settings == found.trials[0].settings and told[0].settings["learning_rate"] == guilty
    assert told[0].why == "its process was killed 2 times, for lack of memory perhaps"


def test_one_that_is_gone_without_a_word_was_killed_and_one_that_is_stopped_was_not(
    searched: Callable[..., Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(recipe: Recipe, folder: Path, shared: Path, at_a_time: int) -> float:
        raise KeyboardInterrupt

    def gone(name: str) -> None:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(f"{SettingsSweep.__module__}._stopping", lambda _: contextlib.nullcontext())
            searched(name, 2, stops)

    def stopped(name: str) -> None:
        with pytest.raises(KeyboardInterrupt):
            searched(name, 2, stops)

    def even(recipe: Recipe, folder: Path, shared: Path, at_a_time: int) -> float:
        return 1.0

    for name, times in (("stopped", (stopped, gone, stopped, stopped)), ("gone", (gone, stopped, gone))):
        for once in times:
            once(name)
        losses = [trial.loss for trial in searched(name, 2, even).trials]
        assert losses == ([1.0, 1.0] if name == "stopped" else [None, 1.0])


def test_trials_at_hand_when_a_worker_was_killed_are_done_one_at_a_time(
    tiny: Recipe, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the one at fault alone fails."""
    shutil.copytree(examples, tmp_path / "data")
    sweep = SettingsSweep(tiny, read_space(VARIED, tiny), 4, 0.5)
    begun, active, most = list[float](), list[float](), list[int]()
    at_hand = threading.Barrier(2)

    def kills(recipe: Recipe, *_: object) -> float:
        begun.append(recipe.learning_rate)
        active.append(recipe.learning_rate)
        if len(begun) <= 2:
            at_hand.wait(60)
        most.append(len(active))
        # Time for another one to begin, or to be found lost.
        time.sleep(0.3 * (len(begun) > 2 or recipe.learning_rate != begun[0]))
        active.remove(recipe.learning_rate)
        if recipe.learning_rate == begun[0]:
            raise WorkersLostError("a worker process was killed")
        return 1.0

    monkeypatch.setattr(f"{SettingsSweep.__module__}.train_trial", kills)
    workers = Workers(lambda: ThreadPoolExecutor(2), 2, 2)
    for at_once in (2, 1):
        with pytest.raises(WorkersLostError):
            sweep.run(tmp_path, workers)
        assert max(most) == at_once
        most.clear()
    found = sweep.run(tmp_path, workers)
    assert len(found.trials) == 4
    assert [trial.settings["learning_rate"] for trial in found.trials if trial.loss is None] == [begun[0]]


def test_a_worker_keeps_lightnings_hints_off_the_screen(
    tiny: Recipe, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which has not heard it from the command."""
    heard: list[int] = []

    def train(recipe: Recipe, folder: Path, **_: object) -> None:
        heard.append(logging.getLogger("lightning.pytorch").level)
        (folder / "metrics.csv").write_text("step,val/loss\n1,0.5\n")

    logging.getLogger("lightning.pytorch").setLevel(logging.INFO)
    monkeypatch.setattr(pretrain, "train", train)
    shutil.copytree(examples, tmp_path / "data")
    train_trial(tiny, tmp_path / "trials" / "0", tmp_path, 1)
    assert heard == [logging.ERROR]


def failing_after(trials: int, fault: BaseException) -> Callable[..., float]:
    """Return a training that succeeds so many times and then fails each time."""
    done: list[float] = []

    def training(recipe: Recipe, folder: Path, shared: Path, at_a_time: int) -> float:
        if len(done) == trials:
            raise fault
        done.append(recipe.learning_rate)
        return bowl(recipe, folder, shared, at_a_time)

    return training


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(searched: Callable[..., Found]) -> None:
    whole = searched("whole", 7)
    with pytest.raises(KeyboardInterrupt):
        searched("broken", 7, failing_after(3, KeyboardInterrupt()))
    again = searched("broken", 7)
    assert [(t.settings, t.loss) for t in again.trials] == [(t.settings, t.loss) for t in whole.trials]
    assert searched("broken", 7).trials == again.trials
    assert len(searched("broken", 9).trials) == 9


@pytest.mark.parametrize(
    "fault",
    [
        ClusterLostError("the scheduler is gone"),
        ArcAffinityError("cannot write last.ckpt: the scheduler is gone"),
        OSError("the scheduler is gone"),
        RuntimeError("the scheduler is gone"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_lies_in_the_surroundings_is_no_settings_fault(searched: Callable[..., Found], fault: Exception) -> None:
    whole = searched("whole", 4)
    lost = failing_after(2, fault)
    for _ in range(2):
        with pytest.raises(type(fault), match="the scheduler is gone"):
            searched("broken", 4, lost)
    again = searched("broken", 4)
    assert [(t.settings, t.loss) for t in again.trials] == [(t.settings, t.loss) for t in whole.trials]


def test_a_trial_shares_its_machine_with_those_beside_it_there(
    tiny: Recipe, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not with those on the other machines of a cluster."""
    told: set[int] = set()

    def noted(recipe: Recipe, folder: Path, shared: Path, at_a_time: int) -> float:
        told.add(at_a_time)
        return bowl(recipe, folder, shared, at_a_time)

    monkeypatch.setattr(f"{SettingsSweep.__module__}.train_trial", noted)
    shutil.copytree(examples, tmp_path / "data")
    search = SettingsSweep(tiny, read_space(VARIED, tiny), 3, 0.5)
    assert len(search.run(tmp_path, Workers(SerialExecutor, 9, 4)).trials) == 3
    assert told == {4}


def test_a_search_whose_examples_are_not_to_be_found_leaves_its_folder_free(tiny: Recipe, tmp_path: Path) -> None:
    space = read_space(["learning_rate=1e-4:1e-1:log"], tiny)
    for name in ("arc-agi-2/training", "no-such-folder"):
        sweep = SettingsSweep(tiny.overridden({"examples": name}), space, 1, 0.5)
        with pytest.raises(ArcAffinityError, match=name):
            sweep.run(tmp_path / "run", Workers(SerialExecutor, 1, 1), data_dir=tmp_path)
        assert not [path for path in (tmp_path / "run").rglob("*") if path.is_file()]


def test_another_search_in_the_folder_is_refused(searched: Callable[..., Found]) -> None:
    searched("run", 2)
    with pytest.raises(ArcAffinityError, match="over other settings"):
        searched("run", 2, seed=1)


def test_a_search_by_a_version_that_measured_otherwise_is_refused(
    searched: Callable[..., Found], tmp_path: Path
) -> None:
    searched("run", 2)
    told = tmp_path / "run" / "space.txt"
    told.write_text("".join(line for line in told.read_text().splitlines(True) if "nats a token" not in line))
    with pytest.raises(ArcAffinityError, match="by an earlier version"):
        searched("run", 3)


def test_a_folder_of_something_else_is_refused(searched: Callable[..., Found], tmp_path: Path) -> None:
    (tmp_path / "run" / "trials" / "0").mkdir(parents=True)
    with pytest.raises(ArcAffinityError, match="holds trials, which is of no search"):
        searched("run", 2)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["trials"]


def test_a_search_that_was_killed_as_it_began_begins_again(
    searched: Callable[..., Found], examples: Path, tmp_path: Path
) -> None:
    shutil.copytree(examples, tmp_path / "run" / "data")
    (tmp_path / "run" / ".space.txt.abcd1234.tmp").write_text("half")
    assert len(searched("run", 2).trials) == 2
    assert [path.name for path in (tmp_path / "run").iterdir() if path.name.startswith(".")] == []


def test_what_a_kill_left_in_the_journal_is_mended(searched: Callable[..., Found], tmp_path: Path) -> None:
    whole = searched("run", 3)
    journal = tmp_path / "run" / "journal.log"
    # A kill within a write of Optuna's leaves half a line, and its lock, which points nowhere where OUT is relative.
    with journal.open("a") as file:
        file.write('{"op_code": 4, "worker')
    for name in ("journal.log.lock", "journal.log.lock0f.rename"):
        (tmp_path / "run" / name).symlink_to("nowhere")
    assert searched("run", 3) == whole
    assert len(searched("run", 5).trials) == len(searched("run", 5).trials) == 5
    assert not list((tmp_path / "run").glob("journal.log.*"))


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", '{"op_code": 99}', '{"op_code": 4}', '{"a": ' + "[" * 100_000, '{"op_code": NaN}']
)
def test_a_damaged_journal_is_told_in_a_line(searched: Callable[..., Found], tmp_path: Path, line: str) -> None:
    searched("run", 1)
    with (tmp_path / "run" / "journal.log").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(ArcAffinityError, match=r"journal\.log"):
        searched("run", 2)


def test_the_run_of_a_trial_that_was_cut_off_goes(searched: Callable[..., Found], tmp_path: Path) -> None:
    def stops(recipe: Recipe, folder: Path, shared: Path, at_a_time: int) -> float:
        folder.mkdir(parents=True)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched("run", 1, stops)
    assert [path.name for path in (tmp_path / "run" / "trials").iterdir()] == ["0"]
    assert [trial.number for trial in searched("run", 1).trials] == [1]
    assert not list((tmp_path / "run" / "trials").iterdir())


@pytest.mark.parametrize(
    "fault",
    [
        UntrainableError("the loss is nan at step 3"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError("no room"),
    ],
    ids=str,
)
def test_a_training_that_fails_is_told_and_the_others_go_on(searched: Callable[..., Found], fault: Exception) -> None:
    def fails(recipe: Recipe, folder: Path, shared: Path, at_a_time: int) -> float:
        if recipe.optimiser == "adam":
            raise fault
        return 1.0

    trials = searched("run", 8, fails).trials
    assert {trial.settings["optimiser"]: trial.loss for trial in trials} == {"adam": None, "muon": 1.0}
    assert Found(trials[:0], {}).ranked == ()
    assert Found((Trial(3, {}, 2.0), Trial(4, {}, None), Trial(5, {}, 1.5)), {}).ranked[0] == Trial(5, {}, 1.5)


def test_values_that_do_not_go_together_are_told_and_the_others_go_on(searched: Callable[..., Found]) -> None:
    # Most widths between do not divide into the heads that both ends divide into.
    for _ in range(2):
        trials = searched("run", 8, varied=["model.width=16:32"]).trials
        losses = {trial.settings["model.width"] % 2: trial.loss is None for trial in trials}
        assert len(trials) == 8 and losses == {0: False, 1: True}


def test_trials_are_sent_whole_paths(
    tiny: Recipe, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Path] = []
    monkeypatch.setattr(
        f"{SettingsSweep.__module__}.train_trial", lambda _recipe, *places: sent.extend(places[:2]) or 1.0
    )
    monkeypatch.chdir(tmp_path)
    shutil.copytree(examples, tmp_path / "run" / "data")
    sweep = SettingsSweep(tiny, read_space(VARIED, tiny), 1, 0.5)
    sweep.run(Path("run"), Workers(SerialExecutor, 1, 1))
    assert sent == [tmp_path / "run" / "trials" / "0", tmp_path / "run"]


@pytest.mark.parametrize(("at_a_time", "threads"), [(1, 8), (3, 2), (100, 1)])
def test_trials_share_the_cores(
    tiny: Recipe, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_time: int, threads: int
) -> None:
    def train(recipe: Recipe, folder: Path, *, progress: bool, machine: Machine) -> None:
        assert machine == Machine(1, threads, 0)
        (folder / "metrics.csv").write_text("step,val/loss\n1,0.5\n2,\n2,0.25\n")

    monkeypatch.setattr(pretrain, "train", train)
    monkeypatch.setattr(hardware, "cores", lambda: 8)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    shutil.copytree(examples, tmp_path / "data")
    recipe = replace(tiny, batch_cells=100_000)
    assert train_trial(recipe, tmp_path / "trials" / "0", tmp_path, at_a_time) == 0.25


@pytest.mark.many_steps
def test_trials_are_real_trainings(tiny: Recipe, examples: Path, tmp_path: Path) -> None:
    shutil.copytree(examples, tmp_path / "data")
    sweep = SettingsSweep(tiny, read_space(["learning_rate=1e-4:1e-1:log"], tiny), 2, 0.25)
    told: list[Trial] = []
    found = sweep.run(tmp_path, Workers(SerialExecutor, 1, 1), told.append)
    assert [trial.number for trial in told] == [0, 1] and list(found.trials) == told
    for trial in told:
        metrics = (tmp_path / "trials" / str(trial.number) / "metrics.csv").read_text().splitlines()
        losses = [float(line.split(",")[2]) for line in metrics[1:] if line.split(",")[2]]
        assert trial.loss == min(losses)
    assert told[0].loss != told[1].loss
