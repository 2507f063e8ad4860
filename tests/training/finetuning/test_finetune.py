"""Fine-config on a model of a few thousand parameters: splits, early stopping, the three methods."""

from __future__ import annotations

import copy
import json
import math
import shutil
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from arc_affinity.data.batching.batch import collate
from arc_affinity.data.batching.tokens import encode_grid
from arc_affinity.data.generation.generate import generate_json, generate_store
from arc_affinity.data.generation.rearc import generate_task, input_key, task_ids
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.adapters.files import adapted_digest, save_adapter
from arc_affinity.models.adapters.lora import find_linears
from arc_affinity.models.adapters.spec import LoraSpec
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.losses import TeacherForced, mean_loss
from arc_affinity.models.storage.folders import LoadedModel, digest, find_model, save_model
from arc_affinity.training import hardware
from arc_affinity.training.finetuning import context_only, reading, task_trainer
from arc_affinity.training.finetuning.config import CONFIGS, FineTuneConfig, config_for
from arc_affinity.training.finetuning.finetune import fine_tune
from arc_affinity.training.finetuning.held_out import Scoring
from arc_affinity.training.finetuning.loader import TaskLoader, views_of
from arc_affinity.training.finetuning.seen import Seen, examples_seen, without_recipe
from arc_affinity.training.finetuning.source import Source
from arc_affinity.training.finetuning.split import TaskSplit, split_pairs, split_rearc, split_task
from arc_affinity.training.finetuning.task_trainer import TaskTrainer
from arc_affinity.training.pretraining.pretrain import train
from arc_affinity.types import PAD, Example, Pair, Task

pytestmark = pytest.mark.many_steps

QUICK = FineTuneConfig(rank=2, alpha=3.0, validation=2, test=3, steps=12, batch_examples=5, learning_rate=1e-2)
SIZED = Scoring((Protocol.SIZED,))


@pytest.fixture
def loaded(tiny) -> LoadedModel:
    torch.manual_seed(3)
    model = EncoderDecoder(replace(tiny.model, encoder_dropout=0.3)).eval()
    return LoadedModel("tiny", model, None, Path("some/tiny"), digest(model))


def pairs(count: int, seed: int = 5, sides: tuple[int, ...] = (2, 3, 5)) -> tuple[Pair, ...]:
    """Grids to be copied, of two colours."""
    rng = np.random.default_rng(seed)
    grids = [rng.integers(3, 5, rng.choice(sides, 2), dtype=np.uint8) for _ in range(count)]
    return tuple(Pair(grid, grid) for grid in grids)


def split(seed: int = 5, task_id: str = "copy") -> TaskSplit:
    some = pairs(18, seed)
    return TaskSplit(task_id, "here", some[:11], some[11:13], some[13:])


def test_rearc_s_parts_are_disjoint_and_never_what_the_base_saw() -> None:
    config = replace(QUICK, per_task=7, validation=5, test=3, unlike=13)
    made = split_rearc("25ff71a9", config)
    assert (len(made.train), len(made.validation), len(made.test)) == (7, 5, 3)
    known = {input_key(pair.input) for pair in generate_task("25ff71a9", 13, 0).pairs}
    held_out = [input_key(pair.input) for pair in (*made.validation, *made.test)]
    assert len({*held_out} - known) == 8
    assert [input_key(p.input) for p in made.train] == [
        input_key(p.input) for p in generate_task("25ff71a9", 7, 0).pairs
    ]


def test_pairs_are_divided_without_overlap() -> None:
    some = pairs(31)
    made = split_pairs("00576224", some, replace(QUICK, test=100, validation=100), "here")
    assert (len(made.test), len(made.validation), len(made.train)) == (6, 3, 22)
    whole = sorted(p.input.tobytes() for part in (made.train, made.validation, made.test) for p in part)
    assert whole == sorted(p.input.tobytes() for p in some)
    # Records name an example by its place in the store.
    later = split_pairs("00576224", some, replace(QUICK, test=100, validation=100), "here", 50)
    assert [some[place - 50].input.tobytes() for place in later.places] == [p.input.tobytes() for p in later.test]
    assert [each.index for each in later.test_examples(2, 0)] == list(later.places)


def test_few_demonstrations_all_train() -> None:
    some = pairs(17)
    few = split_task(Task("few", some[:3], some[3:5]), QUICK, "here")
    assert (few.train, few.validation, few.test) == (some[:3], (), some[3:5])
    many = split_task(Task("many", some[:13], some[13:]), QUICK, "here")
    assert (many.train, many.validation, many.test) == (some[:11], some[11:13], some[13:])
    fewer = split_task(Task("few", some[:4], some[4:5]), replace(QUICK, per_task=2), "here")
    assert (fewer.train, fewer.validation) == (some[:2], ())


def test_one_pair_is_too_few() -> None:
    with pytest.raises(ArcAffinityError, match="task one has 1 pair to train on; it needs 2"):
        split_task(Task("one", pairs(1), pairs(2)), QUICK, "here")


@pytest.mark.parametrize("steps", [1, 3, 5, 7, 60])
def test_no_more_steps_are_taken_than_asked_for(steps: int) -> None:
    """Two stages, each half of the steps; there are tokens for many more."""
    assert TaskLoader(split(), replace(QUICK, steps=steps, tokens=99.0, small_first=0.5), 2).steps == steps


def test_a_query_is_never_shown_its_answer_and_runs_repeat() -> None:
    loader = TaskLoader(split(), QUICK, 2)
    first, again = (list(islice(loader, 9)) for _ in range(2))
    for example in (example for batch in first for example in batch):
        assert all(example.query is not shown for shown in example.demonstrations)
    queries = [[e.query.input.tobytes() for e in batch] for batch in first]
    assert queries == [[e.query.input.tobytes() for e in batch] for batch in again]
    assert max(map(len, queries)) <= QUICK.batch_examples


@pytest.mark.parametrize(("native", "kind"), [(True, torch.bfloat16), (False, torch.float32)])
def test_it_computes_in_what_the_machine_does_fast(loaded: LoadedModel, monkeypatch, native: bool, kind) -> None:
    monkeypatch.setattr(hardware, "computes_bfloat16", lambda device: native)
    kinds = {True: set(), False: set()}
    loaded.model.register_forward_hook(lambda module, given, logits: kinds[logits.requires_grad].add(logits.dtype))
    loader = TaskLoader(split(), replace(QUICK, steps=1), 2)
    TaskTrainer(loaded.model, list(loaded.model.parameters()), loader).train()
    assert kinds == {True: {kind}, False: {kind}}


@pytest.mark.parametrize("method", ["lora", "full"])
def test_it_learns_to_copy_and_leaves_the_base_alone(loaded: LoadedModel, method) -> None:
    config = replace(QUICK, method=method, steps=60, learning_rate=3e-2)
    tuned = fine_tune(loaded, split(), config, SIZED)
    losses = [point.train_loss for point in tuned.trained.curve]
    assert losses[-1] < 0.8 * losses[0]
    assert digest(loaded.model) == loaded.digest
    assert all(parameter.requires_grad for parameter in loaded.model.parameters())
    assert tuned.examples_seen == tuned.trained.curve[-1].examples > 60
    assert tuned.trained.seconds > 0 and tuned.scoring_seconds > 0
    cells = [scores.by_protocol["sized"].cells for scores in (tuned.base, tuned.final)]
    assert cells[1] > cells[0]
    assert {record.adapter for record in tuned.base.records} == {None}
    assert {record.adapter for record in tuned.final.records} == {method}
    exposures = [{record.exposure for record in each.records} for each in (tuned.base, tuned.final)]
    assert exposures == [{None}, {"transductive"}]
    if method == "lora":
        assert tuned.adapter is not None
        assert (tuned.adapter.base, tuned.adapter.base_digest) == (str(Path("some/tiny").resolve()), loaded.digest)
        assert tuned.digest == adapted_digest(loaded.digest, tuned.adapter)
    else:
        assert tuned.model is not None
        assert tuned.digest == digest(tuned.model)
    assert {record.model_digest for record in tuned.base.records} == {loaded.digest}
    assert {record.model_digest for record in tuned.final.records} == {tuned.digest} != {loaded.digest}


@pytest.mark.parametrize("method", ["lora", "full"])
def test_training_that_only_does_harm_leaves_the_base(loaded: LoadedModel, method) -> None:
    able = fine_tune(loaded, split(), replace(QUICK, method="full", steps=60, learning_rate=3e-2), SIZED)
    assert able.model is not None and able.trained.best_epoch > 0
    start = replace(loaded, model=able.model)
    harmed = fine_tune(start, split(), replace(QUICK, method=method, learning_rate=1.0), SIZED)
    assert harmed.trained.curve and harmed.trained.best_epoch == 0
    assert harmed.final.by_protocol == harmed.base.by_protocol


def test_it_stops_early_and_restores_the_best(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([(9.0, 0.0), (3.0, 0.0), (2.0, 0.5), (4.0, 0.5), (5.0, 0.0), (1.0, 1.0)])
    kept: list[list[torch.Tensor]] = []

    def validate(self: TaskTrainer, batches: object) -> TeacherForced:
        kept.append([parameter.detach().clone() for parameter in self.parameters])
        return TeacherForced(*next(found))

    monkeypatch.setattr(TaskTrainer, "validate", validate)
    monkeypatch.setattr("arc_affinity.training.finetuning.loader.SHORTEST_EPOCH", 1)
    tuned = fine_tune(loaded, split(), replace(QUICK, steps=60, patience=2, tokens=9.0), SIZED)
    trained = tuned.trained
    assert (trained.best_epoch, trained.stopped_early, len(trained.curve)) == (2, True, 4)
    assert tuned.adapter is not None
    best = [matrix for factors in tuned.adapter.factors.values() for matrix in (factors.A, factors.B)]
    assert all(torch.equal(a, b) for a, b in zip(best, kept[2], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(best, kept[4], strict=True))


@pytest.mark.parametrize(
    ("found", "best", "early", "epochs"),
    [
        # Of as many exact outputs the lower loss is better.
        ([(2.0, 0.5), (1.0, 0.5), (1.5, 0.5), (1.0, 0.5)], 1, True, 3),
        # A loss lower than ever is progress, though the base had more right.
        ([(5.0, 0.5), (4.0, 0.0), (3.0, 0.0), (3.0, 0.0), (7.0, 0.0)], 0, True, 4),
        # All right often enough is the end.
        ([(5.0, 0.0), (3.0, 1.0), (2.0, 1.0), (1.0, 1.0), (0.5, 1.0)], 3, True, 3),
        ([(5.0, 0.0), (3.0, 1.0), (2.0, 0.5), (1.0, 1.0), (0.5, 1.0), (0.2, 1.0)], 5, True, 5),
    ],
)
def test_what_is_kept_and_when_it_ends(
    loaded: LoadedModel, found: list[tuple[float, float]], best: int, early: bool, epochs: int, monkeypatch
) -> None:
    group = list(loaded.model.parameters())[:1]
    before = group[0].detach().clone()
    measured = iter(found)

    def step(self: TaskTrainer, examples: object) -> torch.Tensor:
        with torch.no_grad():
            group[0] += 1
        return torch.tensor(3.0)

    monkeypatch.setattr("arc_affinity.training.finetuning.loader.SHORTEST_EPOCH", 1)
    monkeypatch.setattr(TaskTrainer, "validate", lambda self, batches: TeacherForced(*next(measured)))
    monkeypatch.setattr(TaskTrainer, "step", step)
    loader = TaskLoader(split(), replace(QUICK, steps=60, patience=2, tokens=9.0), 2)
    trained = TaskTrainer(loaded.model, group, loader).train()
    assert (trained.best_epoch, trained.stopped_early, len(trained.curve)) == (best, early, epochs)
    assert [(point.epoch, point.train_loss) for point in trained.curve] == [(n + 1, 3.0) for n in range(epochs)]
    assert [(p.validation_loss, p.validation_exact) for p in trained.curve] == found[1 : epochs + 1]
    kept = 0 if best == 0 else trained.curve[best - 1].steps
    torch.testing.assert_close(group[0], before + kept)
    with torch.no_grad():
        group[0].copy_(before)


@pytest.mark.parametrize("frozen", [True, False])
def test_demonstrations_are_read_once_where_what_reads_them_is_left_alone(loaded: LoadedModel, frozen: bool) -> None:
    read: list[int] = []
    encoder = loaded.model.context_encoder
    encoder.pixel_ctx.register_forward_pre_hook(lambda _, args: read.append(len(args[0])))
    encoder.requires_grad_(not frozen)
    parameters = [parameter for parameter in loaded.model.parameters() if parameter.requires_grad]
    some = split()
    TaskTrainer(loaded.model, parameters, TaskLoader(some, QUICK, 2)).train()
    distinct = len({(pair.input.shape, pair.input.tobytes()) for pair in some.train})
    assert sum(read) == distinct if frozen else sum(read) > 3 * distinct


def test_the_test_part_decides_nothing(loaded: LoadedModel) -> None:
    mine, other = split(), replace(split(), test=pairs(2, 13))
    first, second = (fine_tune(loaded, each, QUICK, SIZED).adapter for each in (mine, other))
    assert first is not None and second is not None
    assert all(torch.equal(first.factors[name].A, second.factors[name].A) for name in first.factors)


@pytest.mark.parametrize(("factor", "least", "most"), [(1e4, 0.999, 1.001), (1e-4, 1e-9, 0.1)])
def test_a_step_is_no_longer_than_a_gradient_of_norm_1_makes_it(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch, factor: float, least: float, most: float
) -> None:
    """A small gradient stays as it is."""
    monkeypatch.setattr(task_trainer, "mean_loss", lambda logits, batch: factor * mean_loss(logits, batch))
    group = list(loaded.model.parameters())
    one = TaskTrainer(loaded.model, group, TaskLoader(split(), QUICK, 2))
    norms: list[float] = []

    def note() -> None:
        grads = [parameter.grad.flatten() for parameter in group if parameter.grad is not None]
        norms.append(float(torch.linalg.vector_norm(torch.cat(grads))))

    monkeypatch.setattr(one.optimiser, "step", note)
    one.step(next(iter(one.loader)))
    assert least < norms[0] < most


@pytest.mark.parametrize("validation", [True, False])
def test_the_demonstrations_shown_are_the_most_helpful(loaded: LoadedModel, monkeypatch, validation: bool) -> None:
    """A draw's help is made up here, and so is how hard each query is; the latter must not matter."""
    some = split() if validation else replace(split(), validation=())
    expected = some.validation or some.train
    helped: dict[tuple[int, ...], float] = {}

    def losses(model: EncoderDecoder, task_id: str, queries: tuple[Pair, ...], shown: tuple[Pair, ...]) -> np.ndarray:
        assert queries == expected, "the test part decides nothing"
        places = tuple(sorted(next(i for i, p in enumerate(some.train) if p is pair) for pair in shown))
        helped[places] = 0.1 * (places[0] * 7 % 11 + places[1] * 5 % 11)
        hard = 100.0 * np.arange(len(queries))
        hidden = [any(pair is other for other in shown) for pair in queries]
        return np.where(hidden, np.nan, hard + helped[places])

    monkeypatch.setattr(context_only, "_losses", losses)
    best = context_only.best_demonstrations(loaded.model, some, 2, seed=0)
    chosen = tuple(sorted(best))
    assert len(set(helped.values())) > 4
    worth = sorted(helped.values())
    if validation:
        assert helped[chosen] == worth[0]
    else:
        # Where queries are missing here and there the usual loss of each is only nearly the same for all.
        assert helped[chosen] <= worth[len(worth) // 4]


def test_two_demonstrations_cannot_be_compared_and_are_shown(loaded: LoadedModel) -> None:
    some = replace(split(), train=split().train[:2], validation=())
    best = context_only.best_demonstrations(loaded.model, some, 2, seed=0)
    assert {*best} == {0, 1}


def test_losses_are_of_each_query_alone_and_of_none_that_is_shown(loaded: LoadedModel) -> None:
    some = split()
    shown = some.train[:2]
    found = context_only._losses(loaded.model, "copy", some.train, shown)
    assert np.isnan(found[:2]).all() and np.isfinite(found[2:]).all()
    for place in (2, 5, 10):
        [alone] = context_only._losses(loaded.model, "copy", some.train[place : place + 1], shown)
        assert found[place] == pytest.approx(alone, rel=1e-4)
    batch = collate([Example("copy", 5, some.train[5], shown)])
    with torch.no_grad():
        assert found[5] == pytest.approx(float(mean_loss(loaded.model(batch), batch)), rel=1e-4)


def test_what_the_base_was_trained_on_is_found_by_its_recipe(tiny, loaded: LoadedModel, tmp_path: Path) -> None:
    assert examples_seen(loaded) == []
    [bundled] = examples_seen(find_model("rotary"))
    assert (bundled.per_task, bundled.data_seed, len(bundled.tasks)) == (402, 0, 308)
    for name, recipe in {
        "first": replace(tiny, per_task=31, data_seed=5, tasks="published-train"),
        "second": replace(tiny, per_task=7, start=str(tmp_path / "first"), tasks="all"),
    }.items():
        save_model(loaded.model, tmp_path / name / "model")
        (tmp_path / name / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    own, before = examples_seen(find_model(str(tmp_path / "second")))
    assert own.validation == before.validation == (tiny.validation_per_task, tiny.validation_seed)
    assert (own.per_task, own.data_seed, len(own.tasks)) == (7, 0, 400)
    assert (before.per_task, before.data_seed, len(before.tasks)) == (31, 5, 308)
    torch.save({"recipe": tiny.to_dict(), "state_dict": loaded.model.state_dict()}, tmp_path / "last.ckpt")
    [of_checkpoint] = examples_seen(find_model(str(tmp_path / "last.ckpt")))
    assert of_checkpoint.per_task == tiny.per_task
    # Made anew from what it had started.
    again = replace(tiny, per_task=3, start=str(tmp_path / "second"), tasks="all")
    (tmp_path / "first" / "recipe.json").write_text(json.dumps(again.to_dict()))
    assert [each.per_task for each in examples_seen(find_model(str(tmp_path / "second")))] == [7, 3]
    (tmp_path / "first").rename(tmp_path / "moved")
    with pytest.raises(ArcAffinityError, match="second went on from another model: no model folder or checkpoint at"):
        examples_seen(find_model(str(tmp_path / "second")))


def test_what_the_base_was_trained_on_from_a_store_is_what_that_holds(
    tiny, loaded: LoadedModel, tmp_path: Path
) -> None:
    generate_store(tmp_path / "store", ("007bbfb7", "1190e5a7"), 5, 3)
    save_model(loaded.model, tmp_path / "run" / "model")
    recipe = replace(tiny, examples=str(tmp_path / "store"))
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    held = Seen(frozenset(("007bbfb7", "1190e5a7")), 0, 0, source=str(tmp_path / "store"))
    assert examples_seen(find_model(str(tmp_path / "run"))) == [held]
    # What chose the weights counts as much as what trained them; as many that were generated may have made room for it.
    chosen = replace(tiny, per_task=9, data_seed=7, validate_on=str(tmp_path / "store"))
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(chosen.to_dict()))
    generated, of_store = examples_seen(find_model(str(tmp_path / "run")))
    assert (generated.per_task, generated.data_seed, generated.validation) == (9 + 10, 7, (0, 0))
    assert of_store == held
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(ArcAffinityError, match=r"run was trained or validated on \S+store, where nothing is any more"):
        examples_seen(find_model(str(tmp_path / "run")))
    file = str(task_file(tmp_path))
    for examples, seen in {
        "arc-agi-1/training": [],
        "arc-agi-2/training": [],
        file: [Seen(frozenset(("task",)), 0, 0, source=file)],
        "re-arc": [Seen(frozenset(task_ids()), 4, 0)],
    }.items():
        recipe = replace(tiny, examples=examples)
        (tmp_path / "run" / "recipe.json").write_text(json.dumps(recipe.to_dict()))
        assert examples_seen(find_model(str(tmp_path / "run"))) == seen


def test_of_copies_and_merged_models_nothing_is_known(tiny, loaded: LoadedModel, tmp_path: Path) -> None:
    assert without_recipe(find_model("rotary")) is None
    shutil.copytree(find_model("rotary").source, tmp_path / "copy")
    assert without_recipe(find_model(str(tmp_path / "copy"))) == "copy"
    # Nor of what began with such a one; an adapter has seen what its base has.
    save_model(loaded.model, tmp_path / "run" / "model")
    recipe = replace(tiny, start=str(tmp_path / "copy"))
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    assert without_recipe(find_model(str(tmp_path / "run"))) == "copy"
    tuned = fine_tune(find_model("rotary"), split(), replace(QUICK, steps=1), SIZED)
    save_adapter(tuned.adapter, tmp_path / "adapter")
    adapted = find_model(str(tmp_path / "adapter"))
    assert without_recipe(adapted) is None and examples_seen(adapted) == examples_seen(find_model("rotary"))


@pytest.mark.parametrize("form", ["store", "json"])
def test_inputs_of_what_the_base_was_trained_on_are_kept_out_whatever_form_it_has(tmp_path: Path, form: str) -> None:
    # Without some of its seed's first examples it holds later ones in their place.
    first = generate_store(tmp_path / "first", ("25ff71a9",), 5, 3)
    make = generate_store if form == "store" else generate_json
    make(tmp_path / "trained", ("25ff71a9",), 7, 3, exclude=first)
    later = {input_key(pair.input) for pair in generate_task("25ff71a9", 12, 3).pairs[5:]}
    read = reading.read_dataset(str(tmp_path / "trained"))
    assert read.input_keys("25ff71a9") == later and not read.input_keys("00d62c1b")
    apart = replace(QUICK, unlike_in=((str(tmp_path / "trained"), read.edition),))
    generate_store(tmp_path / "asked", ("25ff71a9",), 20, 3)

    def held_out(config: FineTuneConfig) -> set[bytes]:
        [made] = Source(str(tmp_path / "asked")).splits(["25ff71a9"], config)
        return {input_key(pair.input) for pair in (*made.validation, *made.test)}

    assert held_out(QUICK) & later and not held_out(apart) & later and len(held_out(apart)) == 5
    with pytest.raises(ArcAffinityError, match="trained, on which the model was trained, has changed since"):
        Source().splits(["25ff71a9"], replace(apart, unlike_in=((str(tmp_path / "trained"), "0123456789abcdef"),)))


def test_a_store_s_examples_that_the_base_saw_are_trained_on_alone() -> None:
    task = "25ff71a9"
    some = generate_task(task, 20, 5).pairs
    plain = split_pairs(task, some, QUICK, "here")
    apart = split_pairs(task, some, replace(QUICK, unlike=11, unlike_seed=5), "here", 70)
    known = {input_key(pair.input) for pair in some[:11]}
    assert known & {input_key(pair.input) for pair in (*plain.validation, *plain.test)}
    assert known < {input_key(pair.input) for pair in apart.train}
    assert (len(apart.train), len(apart.validation), len(apart.test)) == (15, 2, 3)
    assert [some[place - 70] for place in apart.places] == list(apart.test)
    # What chose the weights is kept out too, and other seeds change nothing.
    chose = split_pairs(task, some, replace(QUICK, unlike_also=((11, 5),)), "here")
    assert not known & {input_key(pair.input) for pair in (*chose.validation, *chose.test)}
    other = split_pairs(task, some, replace(QUICK, unlike=11, unlike_seed=6, unlike_also=((2, 7),)), "here")
    assert other == plain
    with pytest.raises(ArcAffinityError, match="trained on all 20 examples of here, so that none is left to test"):
        split_pairs(task, some, replace(QUICK, unlike=20, unlike_seed=5), "here")
    # Re-arc knows nothing of tasks of one's own.
    assert split_pairs("mine", some, replace(QUICK, unlike=20, unlike_seed=5), "here").test == plain.test


def task_file(folder: Path) -> Path:
    content = {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]], "output": [[4]]}]}
    (folder / "task.json").write_text(json.dumps(content))
    return folder / "task.json"


def test_what_a_run_was_trained_on_is_found_from_anywhere(
    tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate_store(tmp_path / "store", ("007bbfb7", "1190e5a7"), 5, 3)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    train(replace(tiny, examples="store", steps=1), Path("run"), progress=False)
    monkeypatch.chdir(tmp_path / "elsewhere")
    [found] = examples_seen(find_model("../run"))
    assert found == Seen(frozenset(("007bbfb7", "1190e5a7")), 0, 0, source=str(tmp_path / "store"))


def test_no_test_input_chose_the_weights_of_the_base() -> None:
    task, seed = "a65b410d", 1_000_003
    config = replace(QUICK, per_task=50, validation=0, test=10)
    keys = frozenset(input_key(pair.input) for pair in generate_task(task, 50).pairs)
    chose = {input_key(pair.input) for pair in generate_task(task, 6, seed, keys).pairs}

    def inputs(unlike_also: tuple[tuple[int, int], ...], validation: int = 0) -> tuple[list[bytes], list[bytes]]:
        made = split_rearc(task, replace(config, unlike_also=unlike_also, validation=validation))
        assert (len(made.validation), len(made.test)) == (validation, 10)
        first, second = ([input_key(pair.input) for pair in part] for part in (made.validation, made.test))
        return first, second

    assert chose < {*inputs(())[1]}, "drawn by the seed that they are"
    assert not chose & {*inputs(((6, seed),))[1]}
    # Where they are among those that are validated by here, and where none comes, everything stays as it is.
    assert inputs(((6, seed),), 6) == inputs((), 6)
    assert inputs(((6, 7),), 3) == inputs((), 3)
    _, test = inputs(((6, seed),), 4)
    assert not chose & {*test} and chose & {*inputs((), 4)[1]}


def test_examples_that_the_base_saw_by_another_seed_are_kept_out() -> None:
    # A base trained by the seed that test inputs are drawn by has seen them all.
    config, seed = replace(QUICK, per_task=3, validation=0, test=5), 1_000_003
    seen = {input_key(pair.input) for pair in generate_task("25ff71a9", 13, seed).pairs}
    assert {input_key(pair.input) for pair in split_rearc("25ff71a9", config).test} <= seen
    apart = split_rearc("25ff71a9", replace(config, unlike=13, unlike_seed=seed))
    assert not seen & {input_key(pair.input) for pair in apart.test} and len(apart.test) == 5


def test_what_is_tuned_by_demonstrations_alone_has_settings_of_its_own() -> None:
    assert config_for(None, by_demonstrations=False) == CONFIGS["lora"]
    alone = config_for(None, by_demonstrations=True)
    assert (alone.method, alone.augment, alone.votes) == ("full", "all", 4)
    for method, config in CONFIGS.items():
        assert config_for(method, by_demonstrations=True) == config, "what is named is what is done"


def test_context_only_has_no_gradient_and_shows_one_set(loaded: LoadedModel) -> None:
    before = copy.deepcopy(loaded.model.state_dict())
    tuned = fine_tune(loaded, split(), replace(CONFIGS["context-only"], test=3), SIZED)
    assert (tuned.trained.curve, tuned.adapter, tuned.model, tuned.examples_seen) == ((), None, None, 0)
    assert {(record.adapter, record.exposure) for record in tuned.final.records} == {("context-only", None)}
    # Shown again, the demonstrations that were chosen give the same answers.
    assert tuned.demonstrations is not None
    shown = tuple(split().train[place] for place in tuned.demonstrations)
    asked = [replace(example, demonstrations=shown) for example in split().test_examples(2, 0)]
    again = SIZED.run(loaded, split(), asked, views_of(split(), CONFIGS["context-only"]))
    assert [str(r.prediction) for r in again.records] == [str(r.prediction) for r in tuned.final.records]
    assert all(torch.equal(value, before[name]) for name, value in loaded.model.state_dict().items())


def test_nothing_is_laid_over_an_adapter(loaded: LoadedModel) -> None:
    adapted = replace(loaded, adapter="00576224")
    with pytest.raises(ArcAffinityError, match="is an adapter, over which no other is laid; name its base, tiny"):
        fine_tune(adapted, split(), QUICK)


def test_withheld_answers_are_attempted_and_not_scored(loaded: LoadedModel) -> None:
    with torch.no_grad():
        # An untrained model seldom ends a grid of its own accord.
        loaded.model.context_to_logits.bias[PAD] = 3.0
    hidden = replace(split(), test=tuple(Pair(pair.input, None) for pair in split().test))
    tuned = fine_tune(loaded, hidden, QUICK)
    assert dict(tuned.final.by_protocol) == {}
    assert {record.protocol for record in tuned.final.records} == {Protocol.ARC_PRIZE}


@pytest.mark.slow
def test_views_vote_and_are_undone(loaded: LoadedModel) -> None:
    scoring = Scoring((Protocol.ARC_PRIZE,))
    tuned = fine_tune(loaded, split(), replace(QUICK, augment="all", votes=3, steps=2), scoring)
    voted = [record for record in tuned.final.records if record.prediction is not None]
    assert voted and {record.views for record in voted} == {3}
    # A copied square grid is a copy under every view, so an undone view is compared with the true output.
    assert all(record.target is not None for record in voted)


def test_views_are_left_off_where_little_is_known() -> None:
    assert len(views_of(split(), replace(QUICK, augment="kept"))) == 1
    assert len(views_of(split(), replace(QUICK, augment="all"))) > 8


def test_examples_that_differ_thirtyfold_in_size(loaded: LoadedModel) -> None:
    mixed = (*pairs(7, sides=(1,)), *pairs(3, sides=(6,)))
    some = replace(split(), train=mixed)
    loader = TaskLoader(some, replace(QUICK, batch_cells=128), 2)
    batches = list(islice(loader, 12))
    for batch in batches:
        longest = max(len(encode_grid(e.query.input)[0]) for e in batch)
        assert len(batch) == 1 or 2 * longest * len(batch) <= 128
    assert {e.query.input.size for batch in batches for e in batch} == {1, 36}
    assert fine_tune(loaded, some, replace(QUICK, steps=2), SIZED).trained.curve


def test_losses_that_are_no_numbers_are_told(loaded: LoadedModel) -> None:
    with torch.no_grad():
        loaded.model.bos_embed.fill_(float("nan"))
    with pytest.raises(ArcAffinityError, match=r"task copy: the loss is nan after \d+ steps"):
        fine_tune(loaded, split(), QUICK, SIZED)


FLOATS = [field.name for field in fields(FineTuneConfig) if isinstance(field.default, float)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"per_task": 1}, "per_task must be a whole number of 2 or more, not 1"),
        ({"rank": 2.0}, "rank must be a whole number, not 2.0"),
        ({"votes": 0}, "votes"),
        ({"augment": "al"}, 'augment must be one of none, kept, all, not "al"'),
        ({"weight_decay": -0.5}, r"weight_decay must be a number of 0.0 or more, not -0.5"),
        ({"weight_decay": 2e6}, r"weight_decay must be a number of at most 1000000.0, not 2000000.0"),
        ({"warmup_steps": -3}, "warmup_steps must be a whole number of 0 or more"),
        ({"unlike_seed": -1}, "unlike_seed must be a whole number of 0 or more"),
        ({"data_seed": -1}, "data_seed must be a whole number of 0 or more"),
        *(({name: math.nan}, f"{name} must be .*, not NaN") for name in FLOATS),
        *(({name: math.inf}, f"{name} must be .*, not Infinity") for name in FLOATS),
    ],
)
def test_settings_out_of_range(change: dict, told: str) -> None:
    settings = FineTuneConfig()
    for name, value in change.items():
        # Set behind the back of the type checker of the tests, which users do not have.
        object.__setattr__(settings, name, value)
    with pytest.raises(ArcAffinityError, match=told):
        settings.__post_init__()


def test_the_default_pattern_is_that_of_the_published_adapters() -> None:
    assert (
        FineTuneConfig().lora == LoraSpec(16, 32.0)
        and len(find_linears(EncoderDecoder(ModelConfig()), LoraSpec())) == 8
    )
