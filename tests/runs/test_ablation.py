"""The ablation family: each variant is its parent but for what it says, and what was done is kept."""

from __future__ import annotations

import re
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from arc_affinity.models.encoder_decoder import EncoderDecoder

SCRIPT = Path(__file__).parents[2] / "runs" / "ablation.py"
made = runpy.run_path(str(SCRIPT))
FAMILY, recipe_of, interval = made["FAMILY"], made["recipe_of"], made["interval"]


@pytest.mark.parametrize("name", [name for name in FAMILY if name != "champion"])
def test_a_variant_differs_from_its_parent_in_what_it_names(name: str) -> None:
    parent, own = (recipe_of(each, Path("examples"), 7, 3) for each in (FAMILY[name].parent, name))
    theirs, mine = parent.flat(), own.flat()
    assert {field for field in mine if mine[field] != theirs[field]} == {"name", *FAMILY[name].changes}
    if name in ("tokens", "tied"):
        assert EncoderDecoder(own.model).parameter_count() == pytest.approx(1_644_975, rel=0.01)


def test_the_parent_of_all_is_the_champion_on_a_short_course() -> None:
    champion = recipe_of("champion", Path("examples"), 7, 3)
    assert replace(champion.model, context_pairs=2) == made["RECIPES"]["champion"].model
    assert (champion.steps, champion.restart_steps, champion.validate_every, champion.seed) == (7, 7, 2, 3)


def test_intervals_by_hand() -> None:
    # The deviation of 1, 2, 3 is 1, and t of two degrees of freedom is 4.303: 4.303 / sqrt(3) = 2.484.
    assert interval([1.0, 2.0, 3.0]) == "2.00 ± 2.48"
    assert interval([1.25]) == "1.25"


def test_the_table_tells_what_was_asked_and_the_difference_of_each_seed() -> None:
    result, table_of = made["Result"], made["overall"]
    found = {
        "champion": [result(10, loss, {}) for loss in (1.0, 2.0)],
        "line": [result(9, loss, {}) for loss in (1.5, 2.5)],
    }
    head, _, *rows = (line.strip("| ").split(" | ") for line in table_of(found))
    assert head[5:] == ["validation loss", "validation loss, less the parent's"]
    assert rows[1][3:] == ["9", "2", "2.00 ± 6.35", "0.50 ± 0.00"]


def test_without_the_size_given_there_is_no_table_by_category() -> None:
    found = {"champion": [made["Result"](10, 1.0, {})]}
    assert list(made["by_category"](found, {})) == []


@pytest.mark.slow
def test_runs_are_kept_and_tabulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = ["--steps", "2", "--tasks", "4", "--per-task", "7", "--asked", "2"]

    def table(*flags: str) -> dict[str, list[str]]:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(tmp_path), *sizes, *flags])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        rows = re.findall(r"^\| (.+) \|$", (tmp_path / "table.md").read_text(), re.MULTILINE)
        return {row.split(" | ")[0]: row.split(" | ") for row in rows if row.split(" | ")[0] in FAMILY}

    assert list(table("--seeds", "1", "--variants", "champion")) == ["champion"]
    kept = tmp_path / "champion-0" / "arc_prize.jsonl.gz"
    written = kept.stat().st_mtime_ns
    both = table("--seeds", "2", "--variants", "champion", "no-context")
    assert list(both) == ["champion", "no-context"]
    assert kept.stat().st_mtime_ns == written
    assert len(list(tmp_path.glob("*-[01]/*.jsonl.gz"))) == 2 * 2 * 3
    with pytest.raises(SystemExit, match="examples of other settings"):
        table("--per-task", "9")
