"""``train`` as users call it: flags of recipe fields, TOML, one-line errors, Ctrl-C, two processes."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from arc_affinity.data.generation.generate import generate_store
from arc_affinity.models.storage.folders import find_model, read_checkpoint
from arc_affinity.processes import cores
from arc_affinity.training.hardware import Machine
from arc_affinity.training.recipes.recipe import RECIPES, Recipe

pytestmark = pytest.mark.many_steps

TINY = """
per_task = 3
validation_per_task = 2
batch_cells = 1024
batch_examples = 7
steps = 4
validate_every = 2

[model]
width = 16
heads = 2
feed_forward = 20
decoder_layers = 1
context_width = 8
context_heads = 2
context_feed_forward = 12
context_layers = 1
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "00576224.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of examples: what a run does beside its training need not wait until some are made."""
    store = tmp_path_factory.mktemp("made") / "examples"
    generate_store(store, ("007bbfb7", "05269061", "1190e5a7"), 7)
    return store


def saved(run: Path) -> Recipe:
    return Recipe.from_dict(json.loads((run / "recipe.json").read_text()), str(run))


def test_a_run_and_the_same_again(cli, recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("train", recipe, "--out", run, "--steps", 2, "--learning-rate", "3e-3", "--model.positions", "rotary")
    done = cli(*command)
    assert (done.code, done.out) == (0, f"{run / 'model'}\n")
    assert "step 2/2" in done.err and "val/loss" in done.err
    assert {path.name for path in run.iterdir()} >= {
        "recipe.json", "data", "metrics.csv", "best.ckpt", "last.ckpt", "model"
    }  # fmt: skip
    # What looks like a number in the file's name stays text, flags come before the file, the file before defaults.
    recipe_then = saved(run)
    assert (recipe_then.name, recipe_then.steps, recipe_then.learning_rate) == ("00576224", 2, 3e-3)
    assert (recipe_then.per_task, recipe_then.model.positions, recipe_then.model.width) == (3, "rotary", 16)
    assert recipe_then.optimiser == RECIPES["champion"].optimiser
    assert find_model(str(run)).model.config == recipe_then.model
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    again = cli(*command)
    assert (again.code, again.out) == (1, "")
    assert again.err.startswith("error: ") and "add --resume to go on" in again.err and again.err.count("\n") == 1
    other = cli(*command, "--resume", "--seed", 7)
    assert other.code == 1 and "a run of another recipe (seed was 0)" in other.err
    over = cli(*command, "--resume")
    assert (over.code, over.out) == (0, f"{run / 'model'}\n"), over.err
    said, *figures = over.err.splitlines()
    assert said == "nothing to resume: the run ended after its 2 steps"
    names = ["train/loss", "val/cell_teacher_forced", "val/exact", "val/loss"]
    assert [line.partition(":")[0] for line in figures] == names
    assert {*figures} <= {*done.err.splitlines()}
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("champoin",), 1, "unknown recipe 'champoin'; did you mean 'champion'?"),
        (("smoke", "--step", 3), 2, "Unknown option: --step. Did you mean --steps?"),
        (("smoke", "--model.position", "rotary"), 2, "Did you mean --model.positions?"),
        (("smoke", "--optimiser", "sgd"), 2, '"sgd"'),
        (("smoke", "--steps", "many"), 2, "many"),
        (("smoke", "--steps", 0), 2, "flags: steps must be a whole number of 1 or more, not 0"),
        (("smoke", "--restart-steps", 7), 2, "restart_steps is of the schedule cosine-restarts"),
        (("champion", "--warmup-steps", 0), 2, "warmup_steps is of the schedule warmup-linear"),
        (("smoke", "--examples", "mine", "--tasks", "all"), 2, "flags: tasks would change nothing beside examples"),
        (
            ("smoke", "--validate-on", "arc-agi-1/training", "--validation-per-task", 3),
            2,
            "flags: validation_per_task would change nothing beside validate_on",
        ),
        (("smoke", "--curriculum", 256), 2, "--curriculum"),
        (("smoke", "--model.width", 7), 2, "width 7 does not divide into 4 heads"),
        (("smoke", "--name", "mine"), 2, "Unknown option: --name"),
        (("nowhere.toml",), 1, "cannot read nowhere.toml: No such file or directory"),
        ((), 2, "RECIPE"),
    ],
)
def test_bad_options_are_one_line(cli, tmp_path: Path, monkeypatch, arguments, code: int, told: str) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("train", *arguments)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    assert told in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps = ", "r.toml is not TOML"),
        ("name = 00576224", "r.toml is not TOML"),
        ("\xff", "r.toml: not text in UTF-8"),
        ("stepz = 3", "r.toml: unknown recipe field 'stepz'; did you mean 'steps'?"),
        ("steps = '3'", 'r.toml: steps must be a whole number, not "3"'),
        ("[model]\nwidht = 3", "r.toml: unknown model setting 'widht'; did you mean 'width'?"),
        ("[[model]]\nwidth = 3", "r.toml: model must be a table"),
        ('base = "smoke"\nrestart_steps = 3', "r.toml: restart_steps is of the schedule cosine-restarts"),
        ('examples = "mine"\nper_task = 3', "r.toml: per_task would change nothing beside examples"),
    ],
)
def test_a_bad_file_is_one_line(cli, tmp_path: Path, monkeypatch, text: str, told: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.toml").write_text(text, encoding="latin-1")
    done = cli("train", "r.toml")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    assert told in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["r.toml"]


def test_a_stopped_run_goes_on_without_its_overrides(cli, recipe: Path, examples: Path, tmp_path: Path) -> None:
    """What was changed when it began is in the run's folder; what is said otherwise now is refused."""
    run = tmp_path / "run"
    begun = ("train", recipe, "--examples", examples, "--out", run, "--steps", 2, "--model.positions", "rotary")
    assert cli(*begun).code == 0
    for command in (("train", recipe, "--out", run), ("train", run)):
        done = cli(*command, "--resume")
        assert (done.code, done.out) == (0, f"{run / 'model'}\n")
        assert "nothing to resume: the run ended after its 2 steps" in done.err
    assert "steps 2" in cli("train", recipe, "--out", run, "--resume").err
    refused = cli("train", recipe, "--out", run, "--resume", "--steps", 6)
    assert refused.code == 1 and "steps was 2" in refused.err


def test_training_on_tasks_of_ones_own(cli, recipe: Path, tmp_path: Path) -> None:
    pairs = [{"input": [[n, n + 1]], "output": [[n + 1, n]]} for n in range(5)]
    (tmp_path / "tasks").mkdir()
    for task in ("mine", "yours"):
        (tmp_path / "tasks" / f"{task}.json").write_text(json.dumps({"train": pairs[:4], "test": pairs[4:]}))
    done = cli("train", recipe, "--examples", tmp_path / "tasks", "--steps", 2, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert saved(tmp_path / "run").examples == str(tmp_path / "tasks")
    assert find_model(str(tmp_path / "run")).model.config.width == 16


def test_switches_and_stages_are_flags_too(cli, recipe: Path, tmp_path: Path, monkeypatch) -> None:
    seen: list[Recipe] = []

    def stop(chosen: Recipe, folder: Path, **_: object) -> None:
        seen.append(chosen)
        raise KeyboardInterrupt

    monkeypatch.setattr("arc_affinity.training.pretraining.pretrain.train", stop)
    flags = ("--model.no-read-ends", "--model.flat-positions", "--curriculum", 256, 11, 640, 6)
    done = cli("train", "champion", *flags)
    assert (done.code, done.err) == (130, "error: interrupted; the same command with --resume resumes\n")
    [chosen] = seen
    assert (chosen.model.read_ends, chosen.model.flat_positions, chosen.model.pre_norm) == (False, True, True)
    assert chosen.curriculum == ((256, 11), (640, 6))


def test_no_stages_at_all(cli, tmp_path: Path, monkeypatch) -> None:
    """What the bundled recipes hold is of re-arc's grids; one's own may all be larger."""
    pairs = [{"input": [[n] * 16] * 16, "output": [[n] * 16] * 16} for n in range(6)]
    (tmp_path / "mine.json").write_text(json.dumps({"train": pairs[:5], "test": pairs[5:]}))
    seen: list[Recipe] = []

    def stop(recipe: Recipe, *_: object, **__: object) -> None:
        seen.append(recipe)
        raise KeyboardInterrupt

    monkeypatch.setattr("arc_affinity.training.pretraining.pretrain.make_trainer", stop)
    command = ("train", "rotary", "--examples", tmp_path / "mine.json", "--validation-per-task", 2)
    done = cli(*command, "--out", tmp_path / "run")
    assert (done.code, done.out) == (1, "")
    assert "curriculum: nothing for its stage of 384 tokens for 6 validations" in done.err
    assert "none (--no-curriculum)" in done.err and done.err.count("\n") == 1
    assert cli(*command, "--no-curriculum", "--out", tmp_path / "run").code == 130
    [chosen] = seen
    assert chosen.curriculum == ()


def test_processes_that_were_not_asked_for_may_be_others(cli, recipe: Path, monkeypatch) -> None:
    spreads: list[Callable[[int], Machine] | None] = []

    def stop(*_: object, spread: Callable[[int], Machine] | None, **__: object) -> None:
        spreads.append(spread)
        raise KeyboardInterrupt

    monkeypatch.setattr("arc_affinity.training.pretraining.pretrain.train", stop)
    cli("train", recipe, "--threads", 3)
    cli("train", recipe, "--threads", 3, "--processes", 1)
    [found, asked] = spreads
    assert found is not None and found(5) == Machine(5, 3, 0)
    assert asked is None


def test_help_tells_every_field(cli) -> None:
    page = " ".join(cli("train", "--help").out.split())
    assert "--per-task INT" in page and "--model.no-pre-norm" in page
    assert "Steps between two validations" in page


def test_a_full_disk_is_one_line(cli, recipe: Path, examples: Path, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        done = cli("train", recipe, "--examples", examples, "--out", tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (done.code, done.out) == (1, "")
    last = done.err.splitlines()[-1]
    assert last.startswith("error: cannot write ") and last.endswith("File too large")
    assert "Traceback" not in done.err
    assert not (tmp_path / "run" / "model" / "model.safetensors").exists()


def started(*arguments: object, until: Callable[[], bool]) -> subprocess.Popen[str]:
    """The command in a process group of its own, at the moment when something is so."""
    command = [sys.executable, "-m", "arc_affinity.cli.main", *map(str, arguments)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 300
    while not until():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(recipe: Path, examples: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("train", recipe, "--examples", examples, "--out", run, "--steps", 100_000, "--processes", 1)
    process = started(*command, until=lambda: (run / "last.ckpt").exists())
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "error: interrupted; the same command with --resume resumes"
    assert err.count("error") == 1 and "Traceback" not in err
    assert read_checkpoint(run / "last.ckpt")["global_step"] >= 2
    assert not list(run.glob(".*"))


@pytest.mark.slow
def test_two_processes_train_and_resume_as_one_unbroken_run(cli_process, recipe: Path, tmp_path: Path) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    two, options = ("--processes", 2), ("--steps", 40, "--validate-every", 4)
    done = cli_process("train", recipe, "--out", straight, *options, *two)
    assert done.code == 0, done.err
    assert done.out == f"{straight / 'model'}\n"  # the second process is silent
    command = ("train", recipe, "--out", broken, *options)
    process = started(*command, *two, until=lambda: (broken / "last.ckpt").exists())
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert read_checkpoint(broken / "last.ckpt")["global_step"] < 40
    # So small batches would be given one process, but this run had two.
    resumed = cli_process(*command, "--resume", *(two if cores() < 2 else ()))
    assert (resumed.code, "processes" in resumed.err) == (0, False), resumed.err
    for name in ("metrics.csv", "model/model.safetensors"):
        assert (broken / name).read_bytes() == (straight / name).read_bytes()
    with (straight / "metrics.csv").open(newline="") as file:
        assert [row["step"] for row in csv.DictReader(file) if row["val/loss"]] == [str(s) for s in range(4, 41, 4)]


@pytest.mark.slow
def test_two_processes_stop_together_and_one_of_them_tells(recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = started(
        "train", recipe, "--out", run, "--processes", 2, "--steps", 100_000,
        until=lambda: (run / "last.ckpt").exists(),
    )  # fmt: skip
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert [line for line in err.splitlines() if "error" in line] == [
        "error: interrupted; the same command with --resume resumes"
    ]


def test_examples_may_be_a_dataset_of_the_data_folder(cli, recipe: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "arc-agi-2" / "training").mkdir(parents=True)
    pairs = [{"input": [[n]], "output": [[n, n]]} for n in range(6)]
    (tmp_path / "arc-agi-2" / "training" / "a.json").write_text(json.dumps({"train": pairs[:5], "test": pairs[5:]}))
    monkeypatch.setenv("ARC_AFFINITY_DATA", str(tmp_path))
    done = cli("train", recipe, "--examples", "arc-agi-2/training", "--out", tmp_path / "run", "--processes", "1")
    assert done.code == 0, done.err
