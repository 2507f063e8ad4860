"""Batches as Lightning gets them: every stretch of training goes on where the one before ended."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer

from arc_affinity.data.batching import sampling
from arc_affinity.data.batching.batch import Batch
from arc_affinity.data.batching.datamodule import VALIDATION_TURN, VIEW, Feeding, StoreDataModule, StoreExamples
from arc_affinity.data.batching.demonstrations import from_store
from arc_affinity.data.batching.sampling import BatchRules
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.data.symmetry.augment import drawn_view
from arc_affinity.types import Example, Pair

RULES = BatchRules(cells=211, examples=3, seed=5)


def make_store(folder: Path, per_task: int, seed: int) -> ExampleStore:
    rng = np.random.default_rng(seed)

    def pair(largest: int) -> Pair:
        sizes = rng.integers(1, largest, 4)
        return Pair(*(rng.integers(0, 10, size, dtype=np.uint8) for size in (sizes[:2], sizes[2:])))

    pairs = {task: [pair(largest) for largest in (3, 4, *[8] * (per_task - 2))] for task in ("00576224", "0b148d64")}
    write_store(folder, pairs, {"seed": seed})
    return ExampleStore.open(folder)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExampleStore, ExampleStore]:
    folder = tmp_path_factory.mktemp("stores")
    return make_store(folder / "train", 11, 0), make_store(folder / "validation", 5, 1)


class Spy(LightningModule):
    """Learns nothing and notes what it was shown: each example's place and first demonstration, and its size."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(()))
        self.shown: list[list[tuple[int, int, bytes]]] = []
        self.cells: list[int] = []
        self.validated: list[int] = []

    def training_step(self, batch: Batch, _index: int) -> torch.Tensor:
        self.shown.append([(self.current_epoch, e.index, e.demonstrations[0].input.tobytes()) for e in batch.examples])
        self.cells.append(max(e.query.input.size + e.query.output.size for e in batch.examples))
        return self.nothing * 0

    def validation_step(self, batch: Batch, _index: int) -> None:
        self.validated += [example.index for example in batch.examples]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def train(stores: tuple[ExampleStore, ExampleStore], feeding: Feeding, steps: int) -> Spy:
    spy = Spy()
    trainer = Trainer(
        accelerator="cpu",
        max_steps=steps,
        limit_val_batches=1.0,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(spy, datamodule=StoreDataModule(*stores, feeding))
    return spy


def indices(spy: Spy) -> list[list[int]]:
    return [[index for _, index, _ in batch] for batch in spy.shown]


def test_validations_do_not_interrupt_the_stream(stores: tuple[ExampleStore, ExampleStore]) -> None:
    """Shown in stretches of 4 batches, the examples are those of one stretch of 24."""
    cut, whole = (train(stores, Feeding(2, RULES, steps), 24) for steps in (4, 24))
    assert indices(cut) == indices(whole)
    assert [batch[0][0] for batch in cut.shown] == [step // 4 for step in range(24)]
    assert [[key[1:] for key in batch] for batch in cut.shown] == [[key[1:] for key in batch] for batch in whole.shown]
    first_pass = [index for batch in indices(whole) for index in batch][:22]
    assert sorted(first_pass) == list(range(22))


def test_a_run_plans_each_pass_once(stores: tuple[ExampleStore, ExampleStore], monkeypatch: pytest.MonkeyPatch) -> None:
    """However many stretches it is cut into; validation is planned apart."""
    turns: list[int] = []
    plan = sampling.plan_batches
    monkeypatch.setattr(sampling, "plan_batches", lambda c, r, turn: [turns.append(turn), plan(c, r, turn)][1])
    stages = ((24, 2),)
    spy = train(stores, Feeding(2, RULES, 2, stages=stages), 40)
    assert len(spy.shown) == 40
    of_stage = turns.index(0, 1)
    assert turns == [*range(of_stage), *range(len(turns) - of_stage)], "those of the stage, then those of all"
    assert len(turns) > 5
    assert indices(spy) == indices(train(stores, Feeding(2, RULES, 4, stages=((24, 1),)), 40))


def test_loader_processes_make_the_same_batches(stores: tuple[ExampleStore, ExampleStore]) -> None:
    module = StoreDataModule(*stores, Feeding(2, RULES, 3, workers=2))
    loader = module.train_dataloader()
    assert loader.num_workers == 2
    here = StoreDataModule(*stores, Feeding(2, RULES, 3)).train_dataloader()
    assert here.num_workers == 0
    for mine, theirs in zip(here, loader, strict=True):
        assert [e.index for e in mine.examples] == [e.index for e in theirs.examples]
        assert torch.equal(mine.target, theirs.target)


def test_each_validation_sees_every_example_once(stores: tuple[ExampleStore, ExampleStore]) -> None:
    spy = train(stores, Feeding(2, RULES, 3), 6)
    assert sorted(spy.validated) == sorted([*range(10), *range(10)])
    assert spy.validated[:10] == spy.validated[10:]


def test_no_validation_query_is_shown_its_answer(stores: tuple[ExampleStore, ExampleStore]) -> None:
    """Whatever training shows."""
    module = StoreDataModule(*stores, Feeding(2, RULES, 3, policy="first"))
    for batch in module.val_dataloader():
        for example in batch.examples:
            drawn = from_store(stores[1], example.index, pairs=2, seed=RULES.seed, epoch=VALIDATION_TURN)
            shown = [[pair.input.tolist() for pair in each.demonstrations] for each in (example, drawn)]
            assert shown[0] == shown[1]


def test_small_examples_are_shown_first(stores: tuple[ExampleStore, ExampleStore]) -> None:
    """Two stretches of two batches of at most 24 tokens, of which at least 2 are PADs, then all examples anew."""
    spy = train(stores, Feeding(1, RULES, 2, stages=((24, 2),)), 12)
    assert max(spy.cells[:4]) <= 22 < max(spy.cells[4:])
    assert indices(spy)[4:] == indices(train(stores, Feeding(1, RULES, 8), 8))


def test_examples_by_pass_and_place(stores: tuple[ExampleStore, ExampleStore]) -> None:
    train_store, _ = stores
    examples = StoreExamples(train_store, pairs=2, seed=5)
    assert len(examples) == 22
    again = from_store(train_store, 3, pairs=2, seed=5, epoch=1)
    found = examples[1, 3]
    for one, other in zip(found.demonstrations, again.demonstrations, strict=True):
        assert np.array_equal(one.input, other.input)
    passes = {tuple(pair.input.tobytes() for pair in examples[turn, 3].demonstrations) for turn in range(13)}
    assert len(passes) > 5


def test_views_are_drawn_in_training_alone(stores: tuple[ExampleStore, ExampleStore]) -> None:
    plain, viewed = (StoreExamples(stores[0], pairs=2, seed=5, augment=each) for each in ("none", "all"))
    shapes = set()
    for turn in range(31):
        before, after = plain[turn, 3], viewed[turn, 3]
        view = drawn_view(before, np.random.default_rng([5, turn, 3, VIEW]))
        shapes.add(view.parts[0])
        assert before.task_id == after.task_id and after.index == 3
        for old, new in zip((before.query, *before.demonstrations), (after.query, *after.demonstrations), strict=True):
            assert np.array_equal(view.apply(old.input), new.input)
            assert np.array_equal(view.apply(old.output), new.output)
    assert len(shapes) == 8
    module, known = (StoreDataModule(*stores, Feeding(2, RULES, 3, augment=each)) for each in ("all", "none"))
    for loader, same in (("train_dataloader", False), ("val_dataloader", True)):
        batches = zip(getattr(module, loader)(), getattr(known, loader)(), strict=True)
        assert all(torch.equal(a.query.tokens, b.query.tokens) for a, b in batches) is same


def test_no_training_example_shares_a_validation_draw(tmp_path: Path) -> None:
    """Of one store on both sides: ten demonstrations out of 29, of which no two draws come out alike by chance."""
    store = make_store(tmp_path / "store", 30, 2)
    module = StoreDataModule(store, store, Feeding(10, RULES, 3))

    def shown(example: Example) -> list[bytes]:
        return [pair.input.tobytes() + pair.output.tobytes() for pair in example.demonstrations]

    validated = {example.index: shown(example) for batch in module.val_dataloader() for example in batch.examples}
    training = module.train_dataloader().dataset
    assert len(validated) == 60
    for index in (0, 31, 59):
        # The passes of the first hours.
        drawn = [shown(training[turn, index]) for turn in range(307)]
        assert validated[index] not in drawn and drawn[0] not in drawn[1:]
