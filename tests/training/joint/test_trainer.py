"""Joint training: the same bytes however it is cut, stopped or shared; a rate that has decayed by the end."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.training.joint import processes
from arc_affinity.training.joint import trainer as trainer_module
from arc_affinity.training.joint.corpus import Corpus, Lesson
from arc_affinity.training.joint.processes import train_jointly
from arc_affinity.training.joint.recipe import Budget, JointRecipe
from arc_affinity.training.joint.trainer import Job, Progress, Trainer
from arc_affinity.types import Pair

pytestmark = pytest.mark.many_steps

CPU = torch.device("cpu")
CONFIG = PairConfig(width=16, heads=2, layers=2, hidden=24, tasks=3)
RECIPE = JointRecipe(batch_tokens=150, warm_up=3)


def corpus(seed: int = 0) -> Corpus:
    """Three tasks: copy, mirror, and turn everything red."""
    rng = np.random.default_rng(5)
    grids = [rng.integers(0, 5, (3, 4)).astype(np.uint8) for _ in range(5)]
    rules = (lambda g: g, lambda g: g[:, ::-1], lambda g: np.full_like(g, 2))
    return Corpus(
        tuple(
            Lesson(f"task{number}", tuple(Pair(grid, rule(grid).copy()) for grid in grids), frozenset({0}))
            for number, rule in enumerate(rules)
        ),
        seed=seed,
    )


def job(folder: Path, *, steps: int = 7, seconds: float | None = None, seed: int = 0) -> Job:
    torch.manual_seed(3)
    budget = Budget(steps) if seconds is None else Budget(seconds=seconds)
    return Job(PairTransformer(CONFIG), corpus(seed), RECIPE, budget, folder)


def weights(model: PairTransformer) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


class StopError(Exception):
    """Stands for a kill."""


def test_loss_falls_and_the_rate_ends_at_nothing(tmp_path: Path) -> None:
    seen: list[Progress] = []
    trainer = Trainer(job(tmp_path, steps=60))
    trainer.run(seen.append)
    assert np.mean([p.loss for p in seen[-10:]]) < 0.7 * seen[0].loss
    assert seen[-1].steps == 60
    assert trainer.muon.param_groups[0]["lr"] < 0.1 * RECIPE.learning_rate


def test_no_step_has_a_longer_gradient_than_the_recipe_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(replace(job(tmp_path, steps=3), recipe=replace(RECIPE, clip=1e-3)))
    norms: list[float] = []
    step = trainer.muon.step

    def measured() -> None:
        gradients = [parameter.grad.flatten() for parameter in trainer.trained if parameter.grad is not None]
        norms.append(float(torch.linalg.vector_norm(torch.cat(gradients))))
        step()

    monkeypatch.setattr(trainer.muon, "step", measured)
    trainer.run(lambda _: None)
    assert norms == pytest.approx([1e-3] * 3, rel=1e-2)


@pytest.mark.parametrize(
    ("budget", "asked"), [(Budget(7), False), (Budget(seconds=9.0), False), (Budget(seconds=1e4), True)]
)
def test_layers_are_compiled_for_long_budgets_in_time_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: Budget, asked: bool
) -> None:
    compiled: list[object] = []
    monkeypatch.setattr(trainer_module, "compile_layers", lambda layers, device: compiled.append(layers))
    trainer = Trainer(replace(job(tmp_path), budget=budget))
    assert compiled == ([trainer.model.layers] if asked else [])


def test_two_processes_make_the_bytes_of_one(tmp_path: Path) -> None:
    alone = weights(train_jointly(job(tmp_path / "1"), device=CPU, workers=1))
    both = weights(train_jointly(job(tmp_path / "2"), device=CPU, workers=2))
    assert torch.equal(alone, both)
    assert not torch.equal(alone, weights(train_jointly(job(tmp_path / "3", seed=1), device=CPU)))


def test_the_callers_threads_stay_as_they_were(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        train_jointly(replace(job(tmp_path), budget=Budget(1)), device=CPU)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("workers", "shards", "device", "world"),
    [(1, 3, "cpu", 1), (2, 3, "cpu", 2), (7, 3, "cpu", 3), (2, 1, "cpu", 1), (2, 3, "cuda", 1), (7, 3, "meta", 1)],
)
def test_so_many_processes_meet_and_are_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, shards: int, device: str, world: int
) -> None:
    """Helpers compute on a CPU, so a GPU trains alone."""
    told: list[tuple[object, ...]] = []

    class Helper:
        def __init__(self, target: object, args: tuple[object, ...], daemon: bool) -> None:
            assert target is processes._help and daemon
            self.rank = args[1]
            told.append(("made", *args[1:3]))

        def start(self) -> None:
            told.append(("start", self.rank))

        def join(self, seconds: float) -> None:
            told.append(("join", self.rank))

        def kill(self) -> None:
            told.append(("kill", self.rank))

    class First:
        seconds = 11.0

        def __init__(self, given: Job, rank: int = 0, world: int = 1, device: torch.device | None = None) -> None:
            assert given is one and device == torch.device(name)
            told.append(("train", rank, world))

        def run(self, report: object) -> None:
            # Starting, above all waiting for the others, is of the budget.
            assert self.seconds == 11.0 + 5.0
            raise RuntimeError("connection closed\nby peer")

    name, clock = device, iter([100.0, 105.0])
    monkeypatch.setattr(processes.time, "monotonic", lambda: next(clock))

    one = replace(job(tmp_path), recipe=replace(RECIPE, shards=shards))
    monkeypatch.setattr(processes, "Trainer", First)
    monkeypatch.setattr(processes, "_meet", lambda rank, world, store: told.append(("meet", rank, world)))
    monkeypatch.setattr(processes.multiprocessing, "get_context", lambda kind: SimpleNamespace(Process=Helper))
    error = RuntimeError if world == 1 else ArcAffinityError
    with pytest.raises(error, match="connection closed" if world == 1 else r"died \(connection closed\); the same"):
        train_jointly(one, device=torch.device(name), workers=workers)
    others = range(1, world)
    assert told == [
        *(("made", rank, world) for rank in others),
        *(("start", rank) for rank in others),
        *([("meet", 0, world)] if world > 1 else []),
        ("train", 0, world),
        *((what, rank) for rank in others for what in ("join", "kill")),
    ]


def test_the_next_batch_is_laid_out_while_one_is_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside: list[bool] = []
    lay_out = trainer_module.lay_out

    def noted(views: object) -> object:
        beside.append(threading.current_thread() is not threading.main_thread())
        return lay_out(views)

    monkeypatch.setattr(trainer_module, "lay_out", noted)
    Trainer(job(tmp_path, steps=6)).run(lambda _: None)
    # Two passes of three batches, of which only the first has nothing before it to be laid out beside.
    assert not beside[0] and beside[-1]
    assert sum(beside) > len(beside) / 2


def test_a_stopped_training_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    straight = weights(Trainer(job(tmp_path / "straight", steps=40)).run(lambda _: None))
    stopped = Trainer(job(tmp_path / "stopped", steps=40))

    def stop(progress: Progress) -> None:
        # Amid a pass (of 3 steps), so that a place within it has to be found again.
        if progress.steps == 14:
            stopped.save()
            raise StopError

    with pytest.raises(StopError):
        stopped.run(stop)
    resumed = Trainer(job(tmp_path / "stopped", steps=40))
    assert resumed.steps == stopped.steps > 0
    assert torch.equal(straight, weights(resumed.run(lambda _: None)))


@pytest.mark.parametrize(
    "change",
    [
        {"model": {}},
        {"model": 5},
        {"average": []},
        {"average": [torch.zeros(3)] * 99},
        {"muon": {}},
        {"adamw": {"state": {}, "param_groups": []}},
        {"counts": [1, 2]},
        {"seconds": "x"},
    ],
)
def test_a_state_that_was_tampered_with_is_told_in_one_line(tmp_path: Path, change: dict[str, object]) -> None:
    trainer = Trainer(job(tmp_path))
    trainer.save()
    state = torch.load(tmp_path / "training.pt")
    torch.save({**state, **change}, tmp_path / "training.pt")
    with pytest.raises(ArcAffinityError, match=r"training.pt is damaged: .") as caught:
        Trainer(job(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_disk_without_room_is_told_in_the_systems_words(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="only POSIX bounds the size of files")
    trainer = Trainer(job(tmp_path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(ArcAffinityError, match=r"cannot write .*training\.pt: File too large"):
            trainer.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("every", "rank", "saved"), [(-1.0, 0, [1, 2, 3, 3]), (1e9, 0, [3]), (-1.0, 1, [])])
def test_the_first_process_saves_now_and_then_and_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: float, rank: int, saved: list[int]
) -> None:
    monkeypatch.setattr(trainer_module, "SAVE_EVERY", every)
    trainer = Trainer(job(tmp_path, steps=3))
    trainer.rank = rank
    seen: list[int] = []

    def step(share: object) -> float:
        if trainer.steps == 3:
            return 1.0
        trainer.steps += 1
        return 0.0

    monkeypatch.setattr(trainer, "_step", step)
    monkeypatch.setattr(trainer, "save", lambda: seen.append(trainer.steps))
    trainer.run(lambda _: None)
    assert seen == saved


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    seen: list[Progress] = []
    again: list[Progress] = []
    first = weights(Trainer(job(tmp_path)).run(seen.append))
    assert torch.equal(first, weights(Trainer(job(tmp_path)).run(again.append)))
    # What was done before is told all the same.
    (told,) = again
    assert told.steps == seen[-1].steps > 0 and (told.loss, told.tokens) == (seen[-1].loss, seen[-1].tokens)


def test_time_is_a_budget_too(tmp_path: Path) -> None:
    seen: list[Progress] = []
    trainer = Trainer(job(tmp_path, seconds=1.5))
    trainer.run(seen.append)
    assert 1.3 < trainer.seconds < 4
    assert seen[-1].spent > 0.7


@pytest.mark.parametrize(("budget", "steps"), [(Budget(3), 3), (Budget(seconds=1e-9), 0)])
def test_no_batch_is_computed_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: Budget, steps: int
) -> None:
    trainer = Trainer(replace(job(tmp_path), recipe=replace(RECIPE, shards=1), budget=budget))
    computed: list[int] = []
    forward = trainer.model.forward
    monkeypatch.setattr(trainer.model, "forward", lambda batch: computed.append(trainer.steps) or forward(batch))
    trainer.seconds = 1e-6
    trainer.run(lambda _: None)
    assert computed == list(range(steps)) and trainer.steps == steps


def test_a_state_of_other_data_is_refused(tmp_path: Path) -> None:
    Trainer(job(tmp_path)).run(lambda _: None)
    with pytest.raises(ArcAffinityError, match="other data or with other settings"):
        Trainer(job(tmp_path, seed=1))
    (tmp_path / "training.pt").write_bytes((tmp_path / "training.pt").read_bytes()[:5000])
    with pytest.raises(ArcAffinityError, match="damaged or cut off"):
        Trainer(job(tmp_path))
