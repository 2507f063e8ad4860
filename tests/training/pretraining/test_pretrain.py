"""Runs: the same numbers however often they are broken off, and nothing of another's overwritten."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.utilities import rank_zero_only

from arc_affinity.data.batching.datamodule import StoreDataModule
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.data.symmetry.augment import TrainingViews
from arc_affinity.data.symmetry.canonical import digest_of_pairs
from arc_affinity.errors import ArcAffinityError
from arc_affinity.locks import working_in
from arc_affinity.models.parts.losses import teacher_forced
from arc_affinity.models.storage.folders import find_model, load_model, read_checkpoint
from arc_affinity.training.hardware import Machine
from arc_affinity.training.pretraining import pretrain, trainer
from arc_affinity.training.pretraining.module import GridModule
from arc_affinity.training.pretraining.pretrain import feeding, train
from arc_affinity.training.pretraining.run_folder import BEST, LAST, METRICS, MODEL
from arc_affinity.training.pretraining.stores import TASK_SETS, prepare_stores
from arc_affinity.training.recipes.files import RECIPE, read_recipe
from arc_affinity.training.recipes.recipe import Recipe, UntrainableError

RunFolder = Callable[[str], Path]

pytestmark = [
    pytest.mark.many_steps,
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec"),
]


class StopBefore(Callback):
    """Presses Ctrl-C before some step (from 0)."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise KeyboardInterrupt


class Watch(Callback):
    """Notes the weights after every step."""

    def __init__(self) -> None:
        self.weights: list[dict[str, torch.Tensor]] = []

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        self.weights.append({name: value.clone() for name, value in module.state_dict().items()})


def rows(run: Path) -> list[dict[str, str]]:
    with (run / METRICS).open(newline="") as file:
        return list(csv.DictReader(file))


def weights(run: Path) -> bytes:
    return (run / MODEL / "model.safetensors").read_bytes()


def assert_same(a: object, b: object, where: str) -> None:
    """Equality of nested checkpoints, tensors bit for bit."""
    assert type(a) is type(b), where
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, pair in enumerate(zip(a, b, strict=True)):
            assert_same(*pair, f"{where}/{i}")
    else:
        assert a == b, where


def quick(recipe: Recipe, out: Path, **settings: Any) -> pretrain.Outcome:
    return train(recipe, out, progress=False, **settings)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"steps": 18}, marks=pytest.mark.slow),
        {
            "curriculum": ((1024, 1), (1400, 1)),
            "ema_decay": 0.5,
            "schedule": "warmup-linear",
            "warmup_steps": 5,
            "optimiser": "muon",
            "model.positions": "sinusoid+rotary",
            "model.alignment": 2.0,
            "steps": 20,  # the last stretch is a short one
        },
    ],
    ids=["champion", "average and stages"],
)
def test_a_run_broken_off_thrice_equals_an_unbroken_one(
    tiny: Recipe, run_folder: RunFolder, changes: dict[str, Any]
) -> None:
    recipe = tiny.overridden(changes)
    straight, broken = run_folder("straight"), run_folder("broken")
    quick(recipe, straight)
    for step in (3, 9, 15):  # before the first checkpoint; in the second and in the third stretch
        with pytest.raises(KeyboardInterrupt):
            quick(recipe, broken, resume=True, callbacks=[StopBefore(step)])
    quick(recipe, broken, resume=True)
    assert weights(broken) == weights(straight)
    assert (broken / METRICS).read_text() == (straight / METRICS).read_text()
    for name in (BEST, LAST):
        assert_same(read_checkpoint(broken / name), read_checkpoint(straight / name), name)
    assert [row["step"] for row in rows(broken) if row["val/loss"]] == [
        str(step) for step in (*range(6, recipe.steps, 6), recipe.steps)
    ]
    assert [row["step"] for row in rows(broken) if row["train/loss"]][:1] == ["10"]


def test_best_and_last_are_what_they_are_called(tiny: Recipe, run_folder: RunFolder) -> None:
    # The rate sinks to next to nothing at step 9, and then leaps up and spoils what was learned.
    changes = {"steps": 12, "validate_every": 3, "learning_rate": 1.0, "restart_steps": 9}
    recipe, run = tiny.overridden(changes), run_folder("run")
    outcome = quick(recipe, run)
    assert outcome.model == run / MODEL
    validated = [row for row in rows(run) if row["val/loss"]]
    best = min(validated, key=lambda row: float(row["val/loss"]))
    assert best is not validated[-1]  # so that the two differ
    assert read_checkpoint(run / BEST)["global_step"] == int(best["step"])
    assert read_checkpoint(run / LAST)["global_step"] == 12
    assert outcome.metrics["val/loss"] == float(validated[-1]["val/loss"])
    assert find_model(str(run)).name == "run"


def test_the_model_kept_is_the_average_without_the_weight_of_pad(tiny: Recipe, run_folder: RunFolder) -> None:
    recipe = tiny.overridden({"steps": 4, "validate_every": 4, "ema_decay": 0.75, "precision": "32-true"})
    run, watch = run_folder("run"), Watch()
    quick(recipe, run, callbacks=[watch])
    average = watch.weights[0]
    for later in watch.weights[1:]:
        average = {name: 0.75 * value + 0.25 * later[name] for name, value in average.items()}
    kept = read_checkpoint(run / BEST)["state_dict"]
    assert kept.keys() == average.keys()
    for name, value in average.items():
        torch.testing.assert_close(kept[name], value)
    # The model folder answers with the loss that was logged, so both the average and PAD are in it.
    assert loss_of_a_token(recipe, run, Machine()) == pytest.approx(float(rows(run)[-1]["val/loss"]), rel=1e-4)


def loss_of_a_token(recipe: Recipe, run: Path, machine: Machine) -> float:
    """The validation loss of a run's model in nats a token, whatever the batches."""
    stores = [ExampleStore.open(run / "data" / name) for name in ("train", "validation")]
    batches = StoreDataModule(*stores, feeding(recipe, machine)).val_dataloader()
    return teacher_forced(load_model(run / MODEL).eval(), batches, torch.device("cpu")).loss


def test_a_recipe_decides_whether_views_are_drawn(tiny: Recipe) -> None:
    asked: list[TrainingViews] = ["none", "all"]
    assert [feeding(tiny.overridden({"augment": each})).augment for each in asked] == asked


def test_the_validation_loss_is_that_of_a_token_however_the_examples_are_cut_into_batches(
    tiny: Recipe, run_folder: RunFolder
) -> None:
    recipe, run = tiny.overridden({"steps": 6, "precision": "32-true"}), run_folder("run")
    quick(recipe, run)
    told = float(rows(run)[-1]["val/loss"])
    module, stores = GridModule(load_model(run / MODEL), recipe.overridden({"pad_weight": 1.0})), run / "data"
    validation = ExampleStore.open(stores / "validation")
    for batch_examples, processes in ((1, 1), (3, 1), (7, 1), (7, 3), (1000, 1)):
        cut = recipe.overridden({"batch_examples": batch_examples})
        machine = Machine(processes=processes)
        trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
                          enable_checkpointing=False)  # fmt: skip
        examples = StoreDataModule(validation, validation, feeding(cut, machine))
        [found] = trainer.validate(module, datamodule=examples, verbose=False)
        assert found["val/loss"] == pytest.approx(loss_of_a_token(cut, run, machine), rel=1e-4)
        assert found["val/loss"] == pytest.approx(told, rel=1e-4)


def test_a_run_shorter_than_a_stretch_is_validated_and_kept(tiny: Recipe, run_folder: RunFolder) -> None:
    run = run_folder("run")
    quick(tiny.overridden({"steps": 2}), run)
    assert [row["step"] for row in rows(run) if row["val/loss"]] == ["2"]
    assert (run / MODEL / "model.safetensors").exists()


def test_a_finished_run_is_left_as_it_is(tiny: Recipe, run_folder: RunFolder) -> None:
    recipe, run = replace(tiny, steps=2), run_folder("run")
    told = quick(recipe, run).metrics
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(ArcAffinityError, match="holds a run already; add --resume to go on"):
        quick(recipe, run)
    again = quick(recipe, run, resume=True)
    assert again.was_over and again.metrics == told and len(told) == 4
    # A kill may come between the last checkpoint and the model.
    shutil.rmtree(run / MODEL)
    assert quick(recipe, run, resume=True).was_over
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    # Who is done may remove the examples.
    shutil.rmtree(run / "data")
    assert quick(recipe, run, resume=True).was_over
    assert not (run / "data").exists()


def test_a_run_can_start_from_another_ones_model(tiny: Recipe, run_folder: RunFolder, tmp_path: Path) -> None:
    first, second = run_folder("first"), run_folder("second")
    quick(replace(tiny, steps=1), first)
    watch = Watch()
    still = tiny.overridden({"start": str(first), "steps": 1, "learning_rate": 0})
    quick(still, second, callbacks=[watch])
    for name, value in load_model(first / MODEL).state_dict().items():
        torch.testing.assert_close(load_model(second / MODEL).state_dict()[name], value)


def test_a_start_may_have_another_dropout(tiny: Recipe, run_folder: RunFolder) -> None:
    first, second = run_folder("first"), run_folder("second")
    quick(replace(tiny, steps=1), first)
    changed = {"start": str(first), "steps": 1, "learning_rate": 0, "model.encoder_dropout": 0.25}
    quick(tiny.overridden(changed), second)
    began, ended = load_model(first / MODEL), load_model(second / MODEL)
    assert (ended.config.encoder_dropout, began.config.encoder_dropout) == (0.25, tiny.model.encoder_dropout)
    for name, value in began.state_dict().items():
        torch.testing.assert_close(ended.state_dict()[name], value)


def test_a_wrong_start_is_told_before_the_examples_are_made(tiny: Recipe, finished: Path, tmp_path: Path) -> None:
    other = tiny.overridden({"start": str(finished), "model.width": 32})
    with pytest.raises(UntrainableError, match="run has other parts than the recipe's model: width .*, here 32$"):
        quick(other, tmp_path / "run")
    for name in ("rotaty", "no/model"):
        with pytest.raises(ArcAffinityError, match=name):
            quick(replace(tiny, start=name), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_curriculum_without_examples_is_told_before_the_training_and_can_be_corrected(
    tiny: Recipe, run_folder: RunFolder
) -> None:
    run, late = run_folder("run"), ((1024, 1), (3, 1))
    told = "curriculum: nothing for its stage of 3 tokens for 1 validations, as no task has two .*--no-curriculum"
    with pytest.raises(ArcAffinityError, match=told):
        quick(tiny.overridden({"steps": 2, "curriculum": late}), run)
    with pytest.raises(ArcAffinityError, match="of another recipe .*per_task was 5"):
        quick(tiny.overridden({"steps": 2, "per_task": 6}), run)
    corrected = tiny.overridden({"steps": 2, "curriculum": late[:1]})
    quick(corrected, run)
    assert read_recipe(run / RECIPE) == corrected
    with pytest.raises(ArcAffinityError, match="of another recipe .*curriculum was"):
        quick(tiny.overridden({"steps": 2}), run, resume=True)


def test_where_no_step_was_saved_another_recipe_begins(tiny: Recipe, run_folder: RunFolder) -> None:
    """As after the first step's batch was too much for the memory."""
    run, straight, other = run_folder("run"), run_folder("straight"), tiny.overridden({"seed": 7})
    with pytest.raises(KeyboardInterrupt):
        quick(tiny, run, callbacks=[StopBefore(1)])
    assert (run / METRICS).exists() and not (run / LAST).exists()
    quick(other, run)
    quick(other, straight)
    assert weights(run) == weights(straight)
    assert (run / METRICS).read_text() == (straight / METRICS).read_text()
    with pytest.raises(ArcAffinityError, match="of another recipe .*seed was 7"):
        quick(tiny, run, resume=True)


def test_a_run_from_a_start_that_is_gone_goes_on_from_anywhere(
    tiny: Recipe, finished: Path, run_folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, broken = run_folder("straight"), run_folder("broken")
    shutil.copytree(finished / MODEL, tmp_path / "begun")
    monkeypatch.chdir(tmp_path)
    recipe = replace(tiny, start="begun", steps=8, validate_every=4)
    quick(recipe, straight)
    with pytest.raises(KeyboardInterrupt):
        quick(recipe, broken, callbacks=[StopBefore(5)])
    (tmp_path / "begun").rename(tmp_path / "moved")
    quick(recipe, broken, resume=True)
    assert weights(broken) == weights(straight)
    assert (broken / METRICS).read_text() == (straight / METRICS).read_text()
    assert read_recipe(broken / RECIPE).start == str(tmp_path / "begun")
    # What has moved may be called by its new place.
    assert quick(replace(recipe, start="moved"), broken, resume=True).was_over
    shutil.copytree(tmp_path / "moved", tmp_path / "begun")
    with pytest.raises(ArcAffinityError, match="of another recipe .*start was"):
        quick(replace(recipe, start="moved"), broken, resume=True)
    # A run that noted the path as it was given is the same run.
    for run in (straight, broken):
        (run / RECIPE).write_text(json.dumps(recipe.to_dict()))
        content = read_checkpoint(run / LAST)
        torch.save({**content, "recipe": recipe.to_dict()}, run / LAST)
        assert quick(recipe, run, resume=True).was_over


def test_a_loss_that_is_no_number_ends_the_run(tiny: Recipe, run_folder: RunFolder) -> None:
    class Poison(Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
            if trainer.global_step == 3:
                with torch.no_grad():
                    module.model.bos_embed.fill_(float("nan"))

    run = run_folder("run")
    with pytest.raises(UntrainableError, match="the loss is nan at step 4"):
        quick(replace(tiny, steps=6, validate_every=2), run, callbacks=[Poison()])
    assert {read_checkpoint(run / name)["global_step"] for name in (BEST, LAST)} == {2}


def test_threads_are_as_asked_for_while_it_trains(tiny: Recipe, run_folder: RunFolder) -> None:
    class Count(Callback):
        threads = 0

        def on_train_batch_start(self, *_: Any) -> None:
            self.threads = torch.get_num_threads()

    count = Count()
    quick(tiny.overridden({"steps": 1}), run_folder("run"), callbacks=[count], machine=Machine(threads=3))
    assert (count.threads, torch.get_num_threads()) == (3, 1)


def test_tensorboard_is_written_where_it_is_installed(tiny: Recipe, run_folder: RunFolder) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = run_folder("run")
    with pytest.raises(KeyboardInterrupt):
        quick(tiny, run, callbacks=[StopBefore(21)])
    quick(tiny, run, resume=True)
    found = events.EventAccumulator(str(run / "tensorboard")).Reload()
    # Lightning counts steps from 0 here.
    assert [event.step for event in found.Scalars("val/loss")] == [5, 11, 17, 23]
    assert [event.step for event in found.Scalars("train/loss")] == [9, 19, 23]


def test_ctrl_c_works_again_after_a_run_was_interrupted(tiny: Recipe, run_folder: RunFolder) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        quick(tiny, run_folder("run"), callbacks=[StopBefore(1)])
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(("first", "raised"), [(True, KeyboardInterrupt), (False, SystemExit)])
def test_lightnings_exit_is_an_interruption_of_the_first_process(first: bool, raised: type[BaseException]) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(raised), trainer.interrupts_raised(SimpleNamespace(is_global_zero=first)):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise SystemExit
    assert signal.getsignal(signal.SIGINT) is before


def test_sigterm_is_an_interruption_too(tiny: Recipe, run_folder: RunFolder) -> None:
    class Terminate(Callback):
        def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        quick(tiny, run_folder("run"), callbacks=[Terminate()])


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_run_goes_on_afterwards(tiny: Recipe, run_folder: RunFolder) -> None:
    recipe, straight, run = replace(tiny, steps=8), run_folder("straight"), run_folder("run")
    quick(recipe, straight)

    class Fill(Callback):
        def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
            if trainer.global_step == 7:
                resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(ArcAffinityError, match=r"cannot write .*\.ckpt: File too large"):
            quick(recipe, run, callbacks=[Fill()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert read_checkpoint(run / LAST)["global_step"] == 6
    assert not list(run.glob(".*"))
    quick(recipe, run, resume=True)
    assert weights(run) == weights(straight)


@pytest.fixture(scope="module")
def finished(tiny: Recipe, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of two steps."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(examples, folder / "run" / "data")
    quick(replace(tiny, steps=2), folder / "run")
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def test_a_run_of_another_recipe_is_refused_by_the_fields_that_differ(tiny: Recipe, run: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    other = tiny.overridden({"steps": 3, "seed": 7, "model.width": 32})
    with pytest.raises(ArcAffinityError, match="holds a run of another recipe") as caught:
        quick(other, run, resume=True)
    for told in ("seed was 0", "steps was 2", "model.width was 16"):
        assert told in str(caught.value)
    assert str(caught.value).count(" was ") == 3
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_whose_examples_are_not_to_be_found_leaves_its_folder_free(tiny: Recipe, tmp_path: Path) -> None:
    for name in ("arc-agi-2/training", "no-such-folder"):
        with pytest.raises(ArcAffinityError, match=name):
            train(tiny.overridden({"examples": name}), tmp_path / "run", data_dir=tmp_path)
        assert not [path for path in (tmp_path / "run").rglob("*") if path.is_file()]


def digests(store: ExampleStore) -> list[str]:
    return [digest_of_pairs([store.pair(i)]) for i in range(len(store))]


def test_examples_of_other_tasks_decide_which_weights_are_kept(tiny: Recipe, examples: Path, tmp_path: Path) -> None:
    chosen = tiny.overridden({"validate_on": str(examples / "validation"), "examples": str(tmp_path / "own")})
    store = ExampleStore.open(examples / "train")
    # As many of each as there are: none is held out.
    write_store(tmp_path / "own", {f"x{task}": [store.pair(i) for i in store.indices(task)] for task in store.tasks})
    first = store.tasks[0]
    known = [store.pair(i) for i in store.indices(first)][:2]
    write_store(tmp_path / "known", {first: known})
    trained, validated = prepare_stores(chosen, tmp_path / "data")
    assert len(trained) == len(store) and {f"x{task}" for task in validated.tasks} == set(trained.tasks)
    assert [validated.pair(i).input.tolist() for i in range(len(validated))] == [
        pair.input.tolist() for pair in map(ExampleStore.open(examples / "validation").pair, range(len(validated)))
    ]
    generating = tiny.overridden({"validate_on": str(tmp_path / "known")})
    generated, given = prepare_stores(generating, tmp_path / "generated", workers=1)
    assert len(given) == 2 and len(generated.indices(first)) == tiny.per_task
    made = [generated.pair(i).input.tobytes() for i in generated.indices(first)]
    assert not {pair.input.tobytes() for pair in known} & {*made}, "what decides is not trained on"
    # Under another id the same pairs are none to train on either.
    pairs = [generated.pair(i) for i in generated.indices(first)]
    write_store(tmp_path / "renamed", {"other": pairs[:2]})
    again, _ = prepare_stores(
        tiny.overridden({"validate_on": str(tmp_path / "renamed")}), tmp_path / "again", workers=1
    )
    asked, made = digests(ExampleStore.open(tmp_path / "renamed")), digests(again)
    assert len(asked) == 2 and len(made) == len(again) and not {*asked} & {*made}
    assert again.manifest["rejections"][first]["excluded"] == 2
    with pytest.raises(ArcAffinityError, match="examples of these tasks are trained on too"):
        prepare_stores(chosen.overridden({"validate_on": str(tmp_path / "own")}), tmp_path / "same")
    assert not (tmp_path / "same").exists()
    with pytest.raises(ArcAffinityError, match="no-such-folder"):
        prepare_stores(tiny.overridden({"validate_on": "no-such-folder"}), tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"stepz": 3}', "\xff"])
def test_a_damaged_recipe_is_told(tiny: Recipe, run: Path, content: str) -> None:
    (run / RECIPE).write_text(content, encoding="latin-1")
    with pytest.raises(ArcAffinityError, match=r"recipe\.json"):
        quick(replace(tiny, steps=2), run, resume=True)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def no_archive(content: bytes) -> bytes:
    return b"\x80\x04."


@pytest.mark.parametrize("damage", [cut, flip, no_archive, lambda _: b""])
def test_a_damaged_checkpoint_is_told_and_left(tiny: Recipe, run: Path, damage: Callable[[bytes], bytes]) -> None:
    content = damage((run / LAST).read_bytes())
    (run / LAST).write_bytes(content)
    with pytest.raises(ArcAffinityError, match=r"last\.ckpt"):
        quick(replace(tiny, steps=2), run, resume=True)
    assert (run / LAST).read_bytes() == content


def test_a_checkpoint_of_another_run_is_refused(tiny: Recipe, run: Path) -> None:
    content = read_checkpoint(run / LAST)
    torch.save({**content, "recipe": {**content["recipe"], "seed": 1}}, run / LAST)
    with pytest.raises(ArcAffinityError, match=r"last\.ckpt is not a checkpoint of this run"):
        quick(replace(tiny, steps=2), run, resume=True)


def first_moment(content: dict[str, Any]) -> dict[str, Any]:
    return next(iter(content["optimizer_states"][0]["state"].values()))


TAMPERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no optimiser": lambda c: c.update(optimizer_states=[]),
    "an optimiser of nothing": lambda c: c["optimizer_states"][0].clear(),
    "another shape": lambda c: first_moment(c).update(exp_avg=torch.zeros(3)),
    "no number": lambda c: first_moment(c)["exp_avg_sq"].fill_(float("nan")),
    "weights missing": lambda c: c["state_dict"].pop("model.bos_embed"),
    "weights of another shape": lambda c: c["state_dict"].update({"model.bos_embed": torch.zeros(2, 2)}),
    "no weights": lambda c: c.update(state_dict=None),
    "no loops": lambda c: c.pop("loops"),
    "loops of nothing": lambda c: c["loops"].update(fit_loop={}),
    "no schedule": lambda c: c.update(lr_schedulers=[]),
    "callbacks that are none": lambda c: c.update(callbacks=3),
}


@pytest.fixture(scope="module")
def half(tiny: Recipe, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was broken off after the checkpoint of step 2."""
    folder = tmp_path_factory.mktemp("half") / "run"
    shutil.copytree(examples, folder / "data")
    with pytest.raises(KeyboardInterrupt):
        quick(replace(tiny, steps=4, validate_every=2), folder, callbacks=[StopBefore(3)])
    return folder


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_a_tampered_checkpoint_is_refused_and_left(tiny: Recipe, half: Path, tmp_path: Path, tamper: Callable) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    content = read_checkpoint(run / LAST)
    tamper(content)
    torch.save(content, run / LAST)
    before = {path: path.read_bytes() for path in run.rglob("*.ckpt")}
    with pytest.raises(ArcAffinityError, match=r"last\.ckpt is no (whole )?checkpoint"):
        quick(replace(tiny, steps=4, validate_every=2), run, resume=True)
    assert {path: path.read_bytes() for path in run.rglob("*.ckpt")} == before


def settled(monkeypatch: pytest.MonkeyPatch, room: int) -> list[Machine]:
    """On what machines runs would train, which end there; it has room for so many processes."""
    machines: list[Machine] = []

    def stop(*_: Any, machine: Machine, **__: Any) -> None:
        machines.append(machine)
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrain, "make_trainer", stop)
    monkeypatch.setattr(pretrain, "room", lambda: room)
    return machines


@pytest.mark.parametrize(
    ("had", "room", "asked", "taken"),
    [(2, 2, None, 2), (1, 5, None, 1), (2, 1, None, 3), (2, 2, 1, 1), (None, 5, None, 3), (None, 5, 2, 2)],
)
def test_a_run_goes_on_in_as_many_processes_as_it_had(
    tiny: Recipe,
    half: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    had: int | None,
    room: int,
    asked: int | None,
    taken: int,
) -> None:
    run = shutil.copytree(half, tmp_path / "run")
    content = read_checkpoint(run / LAST)
    assert content.pop("processes") == 1
    torch.save({**content, "processes": had} if had else content, run / LAST)
    machines = settled(monkeypatch, room)
    recipe = replace(tiny, steps=4, validate_every=2)
    with pytest.raises(KeyboardInterrupt):
        quick(recipe, run, resume=True, machine=Machine(asked or 3), spread=None if asked else Machine)
    assert machines == [Machine(taken)]
    note = f"the run had {had} processes and goes on in {taken}, so it ends with other numbers; --processes {had} keeps"
    assert (note in caplog.text) is (had not in (None, taken)) is bool(caplog.text)


def test_no_more_processes_train_than_there_are_batches_for(
    tiny: Recipe, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tiny.overridden({"batch_cells": 60_000, "batch_examples": 64})
    middling = tiny.overridden({"batch_cells": 4_096, "batch_examples": 24})
    small_first = middling.overridden({"curriculum": ((150, 1),)})
    machines = settled(monkeypatch, 4)
    for name, recipe in (("one", large), ("all", middling), ("stage", small_first)):
        with pytest.raises(KeyboardInterrupt):
            quick(recipe, run_folder(name), machine=Machine(4), spread=Machine)
    assert machines == [Machine(1), Machine(4), Machine(1)]
    told = r"too few batches for 4 processes in some pass; ask for \d \(--processes\)"
    with pytest.raises(ArcAffinityError, match=told):
        quick(large, run_folder("asked"), machine=Machine(4))
    assert len(machines) == 3, "before there is a trainer"


@pytest.mark.parametrize("processes", [None, "2", -1, 2.5])
def test_a_checkpoint_of_no_number_of_processes_is_refused(tiny: Recipe, run: Path, processes: object) -> None:
    torch.save({**read_checkpoint(run / LAST), "processes": processes}, run / LAST)
    with pytest.raises(ArcAffinityError, match=r"last\.ckpt is no whole checkpoint: its processes are"):
        quick(replace(tiny, steps=2), run, resume=True)


@pytest.mark.parametrize("step", [None, "2", -1, 2.5])
def test_a_checkpoint_without_its_step_is_refused(tiny: Recipe, run: Path, step: object) -> None:
    torch.save({**read_checkpoint(run / LAST), "global_step": step}, run / LAST)
    with pytest.raises(ArcAffinityError, match=r"last\.ckpt is no whole checkpoint: its step is"):
        quick(replace(tiny, steps=2), run, resume=True)


def test_half_files_of_a_killed_save_are_cleared_away(tiny: Recipe, run: Path) -> None:
    (run / ".last.ckpt.x1y2").write_bytes(b"half")
    quick(replace(tiny, steps=2), run, resume=True)
    assert not list(run.glob(".*"))


@pytest.mark.parametrize("name", ["notes.txt", LAST, METRICS])
def test_a_folder_with_other_things_is_refused(tiny: Recipe, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ArcAffinityError, match=f"holds {name}, which is not of a run; choose an empty folder"):
        quick(tiny, tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


class Norms(Callback):
    """The norm of each step's gradient as the optimiser gets it."""

    def __init__(self) -> None:
        self.norms: list[float] = []

    def on_before_zero_grad(self, trainer: Any, module: Any, optimiser: Any) -> None:
        grads = [parameter.grad.flatten() for parameter in module.parameters() if parameter.grad is not None]
        if grads:
            self.norms.append(float(torch.linalg.vector_norm(torch.cat(grads))))


def test_no_step_has_a_longer_gradient_than_the_recipe_allows(tiny: Recipe, run_folder: RunFolder) -> None:
    watch = Norms()
    quick(tiny.overridden({"steps": 3, "gradient_clip": 0.01}), run_folder("run"), callbacks=[watch])
    assert watch.norms and max(watch.norms) <= 0.01001


def test_a_folder_that_cannot_be_written_is_told(tiny: Recipe, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(ArcAffinityError, match="cannot write .*file"):
            quick(tiny, folder)


def test_more_processes_than_gpus_are_refused(tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ArcAffinityError, match="processes is 2, but there are 1 GPUs; set it to at most 1"):
        quick(tiny, tmp_path / "run", machine=Machine(processes=2))
    assert not (tmp_path / "run").exists(), "before any work"


@pytest.mark.parametrize(
    "variables",
    [
        {
            "SLURM_NTASKS": "1",
            "SLURM_JOB_NAME": "train",
            "SLURM_PROCID": "0",
            "SLURM_LOCALID": "0",
            "SLURM_NODEID": "0",
        },
        {"SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "1"},
        {"SLURM_PROCID": "3"},
    ],
)
@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_of_slurm_trains_in_the_processes_that_are_asked_for(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], processes: int
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rank_zero_only, "rank", int(variables.get("SLURM_PROCID", 0)))  # as Lightning finds it
    made = trainer.make_trainer(tiny, tmp_path, [], 0, progress=False, machine=Machine(processes))
    assert (made.world_size, made.global_rank, made.num_nodes) == (processes, 0, 1)
    assert rows(tmp_path) == [], "metrics are this process's to write"


def test_another_number_of_processes_than_was_asked_for_is_refused(
    tiny: Recipe, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "world_size", 3)
    with pytest.raises(ArcAffinityError, match="processes is 1, but Lightning counts 3"):
        quick(tiny, run_folder("run"))


def test_every_task_of_a_job_of_slurm_holds_its_folder(
    tiny: Recipe, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 2)
    run = run_folder("run")
    with working_in(run), pytest.raises(ArcAffinityError, match="another process"):
        quick(tiny, run)


KILLED = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from arc_affinity.training.pretraining.pretrain import train
from arc_affinity.training.pretraining.stores import TASK_SETS
from arc_affinity.training.recipes.recipe import Recipe
import json
TASK_SETS["foundational"] = lambda: sys.argv[3:]
renamed = Path.replace
saves = []
def replace(self, target):
    saves.append(target)
    if len([path for path in saves if Path(path).name == "last.ckpt"]) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return renamed(self, target)
Path.replace = replace
if __name__ == "__main__":
    train(Recipe.from_dict(json.loads(sys.argv[1]), "argument"), Path(sys.argv[2]), progress=False)
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_save_costs_one_stretch(tiny: Recipe, run_folder: RunFolder) -> None:
    recipe, straight, run = replace(tiny, steps=8, validate_every=2), run_folder("straight"), run_folder("run")
    quick(recipe, straight)
    arguments = (json.dumps(recipe.to_dict()), run, *TASK_SETS["foundational"]())
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert read_checkpoint(run / LAST)["global_step"] == 2
    assert list(run.glob(f".{LAST}.*"))
    quick(recipe, run, resume=True)
    assert weights(run) == weights(straight)
    assert (run / METRICS).read_text() == (straight / METRICS).read_text()
