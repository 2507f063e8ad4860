"""``reproduce`` as users call it: on a small folder made by hand, and on the published data."""

from __future__ import annotations

import json

import pytest

from arc_affinity.data.generation.rearc import task_ids
from arc_affinity.data.splits import published_split
from arc_affinity.paper.published import published_reference

CSV = """\
task_id,num_examples,epochs,seconds,early_stopped,base_grid_pct,base_cell_pct,final_grid_pct,final_cell_pct
007bbfb7,400,71,314.9,1,2.0,83.8,1.75,87.9
017c7c7b,400,56,591.1,1,9.5,96.1,23.0,98.4
"""


@pytest.fixture
def folder(tmp_path):
    reference = tmp_path / "reference"
    reference.mkdir()
    (reference / "lora_302_tasks.csv").write_text(CSV)
    (reference / "taxonomy_labels_some.json").write_text('{"007bbfb7": "C1"}')
    return reference


def test_json_is_one_document_and_files_hold_the_same(cli, tmp_path, folder):
    out = tmp_path / "out"
    done = cli("reproduce", "--reference", folder, "--out", out, "--json")
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out)
    claims = {claim["id"]: claim for claim in document["claims"]}
    assert claims["compositional-gap"]["figures"] == {"gap": 1.0, "tasks": 2.0, "share": 0.5}
    assert claims["compositional-gap"]["verdict"] == "does not hold"
    assert claims["vitarc-affinity"]["verdict"] == "cannot be checked"
    assert json.loads((out / "claims.json").read_text()) == document
    assert (out / "claims.md").read_text().startswith("# The published claims, checked")
    assert (out / "claims.html").read_text().startswith("<!doctype html>")


def test_a_link_to_the_data_is_not_written_to(cli, tmp_path, folder):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "claims.md").symlink_to(folder / "lora_302_tasks.csv")
    done = cli("reproduce", "--reference", folder, "--out", tmp_path / "out")
    assert done.code == 1 and "which is to be read" in done.err
    assert (folder / "lora_302_tasks.csv").read_text() == CSV


def test_the_terminal_shows_every_claim_with_its_verdict(cli, folder):
    done = cli("reproduce", "--reference", folder)
    assert done.code == 0
    for words in (
        "compositional-gap: does not hold",
        "published",
        "reproduced",
        "audited",
        "19 published claims: ",
        "4 of our own: ",
    ):
        assert words in done.out


def test_bad_folders_end_in_one_line(cli, tmp_path, folder):
    (folder / "taxonomy_labels_some.json").write_text('{"007bbfb7": "Q1"}')
    out = tmp_path / "out"
    for reference, told in ((folder, "unknown category 'Q1'"), (tmp_path / "none", "no such folder")):
        done = cli("reproduce", "--reference", reference, "--out", out)
        assert (done.code, done.out) == (1, "")
        (line,) = done.err.splitlines()
        assert told in line
    assert not out.exists()


def test_the_published_labels_come_with_the_package(cli, tmp_path, monkeypatch):
    """Wherever it is called, with nothing beside it; the tables are told to be missing."""
    monkeypatch.chdir(tmp_path)
    done = cli("reproduce", "--out", "out", "--json")
    assert done.code == 0, done.err
    claims = {claim["id"]: claim for claim in json.loads(done.out)["claims"]}
    assert "not at hand" not in claims["category-counts"]["why"]
    assert claims["category-counts"]["command"] == "arc-affinity reproduce"
    assert claims["compositional-gap"]["verdict"] == "cannot be checked"


def test_labels_of_a_folder_go_before_those_that_come_along(tmp_path):
    ids = task_ids()
    (tmp_path / "lora_302_tasks.csv").write_text(CSV)
    bundled = published_reference(None, ids)
    assert (len(bundled.labels or ()), len(bundled.subtypes or ())) == (400, 108)
    assert published_reference(tmp_path, ids).labels == bundled.labels
    (tmp_path / "taxonomy_labels_some.json").write_text('{"007bbfb7": "A2"}')
    found = published_reference(tmp_path, ids)
    assert found.labels == {**bundled.labels, "007bbfb7": "A2"} and found.subtypes == bundled.subtypes


def test_recipes_train_by_the_published_split(shared):
    split = published_reference(shared / "reference", task_ids())
    assert split.train == frozenset(published_split().train)


def test_the_published_data(cli, shared):
    done = cli("reproduce", "--reference", shared / "reference", "--json")
    assert done.code == 0
    claims = {claim["id"]: claim for claim in json.loads(done.out)["claims"]}
    assert claims["compositional-gap"]["figures"]["gap"] == 210
    assert claims["gap-sensitivity"]["figures"]["pairs_over_half"] == 43
    ours = {claim["id"]: claim for claim in json.loads(done.out)["ours"]}
    # Program length against affinity, on the same specialists.
    figures = ours["affinity-or-length"]["figures"]
    assert figures["length"] > 0.4 > figures["affinity"]
    assert "NaN" not in done.out
