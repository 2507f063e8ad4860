"""Figures are well-formed, stand alone, show every number that went in, and never draw what is undefined."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from arc_affinity.drawing.charts import (
    LANE,
    SWARM,
    Curve,
    Estimate,
    Part,
    Point,
    curves,
    estimates,
    gap_scatter,
    sensitivity_heatmap,
    stacked_bars,
)
from arc_affinity.drawing.svg import WIDTH, Frame, shortened, standalone, width_of

NS = "{http://www.w3.org/2000/svg}"
CELLS = (0.70, 0.75, 0.80, 0.85, 0.90, 0.95)
GRIDS = tuple(percent / 100 for percent in range(0, 22, 2))
SHARES = [[(7 * row + col) / 100 for col in range(6)] for row in range(11)]


def parsed(figure: str) -> ElementTree.Element:
    return ElementTree.fromstring(figure)


def words(figure: str) -> list[str]:
    return [element.text or "" for element in parsed(figure).iter(f"{NS}text")]


def marks(figure: str) -> list[ElementTree.Element]:
    return [each for each in parsed(figure).iter() if (each.get("class") or "").startswith("dot ")]


def kinds(figure: str) -> list[str]:
    return [(each.get("class") or "").removeprefix("dot ") for each in marks(figure)]


FIGURES = {
    "scatter": gap_scatter([Point(0.83, 0.0, "low", "<a>"), Point(0.5, 1.0)], 0.8, 0.1, "cells & grids"),
    "heatmap": sensitivity_heatmap(CELLS, GRIDS, SHARES, (0.8, 0.1), "thresholds"),
    "estimates": estimates([Estimate("C1 <b>", 0.3, 0.2, 0.5, "n 7", "high"), Estimate("A1", None)], "t", "score, %"),
    "bars": stacked_bars([("A", [Part("solved", "solved", 3), Part("no grid", "no-grid", 0)])], "outputs"),
    "curves": curves([Curve("low", "low", [(1, 0.1, 0.0, 0.2), (5, 0.3, 0.2, 0.4)])], "curves", "cells, %"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_well_formed_and_told_in_words(name: str) -> None:
    figure = parsed(FIGURES[name])
    assert figure.tag == f"{NS}svg"
    assert figure.get("role") == "img"
    assert len(figure.get("aria-label") or "") > 10
    x, y, width, height = map(float, (figure.get("viewBox") or "").split())
    assert (x, y, width) == (0, 0, WIDTH)
    assert height > 50
    assert "nan" not in FIGURES[name].lower()


@pytest.mark.parametrize("name", FIGURES)
def test_a_file_of_its_own_brings_its_style_and_loads_nothing(name: str) -> None:
    text = standalone(FIGURES[name])
    figure = parsed(text)
    assert figure[0].tag == f"{NS}style"
    assert figure[1].get("class") == "ground"
    assert text.replace("http://www.w3.org/2000/svg", "").count("http") == 0


def test_a_task_stands_where_its_accuracies_are() -> None:
    frame = Frame(46, 8, WIDTH - 46 - 12, 300, y_range=(-0.07, 1.07))
    (mark,) = [m for m in marks(gap_scatter([Point(0.4, 0.0)], 0.8, 0.1, "t")) if m.get("r") == "3"]
    assert float(mark.get("cx") or 0) == pytest.approx(46 + 0.4 * (WIDTH - 58), abs=0.06)
    assert float(mark.get("cy") or 0) == pytest.approx(8 + 300 * 1.07 / 1.14, abs=0.06)
    assert frame.y(1.07) == frame.top


def test_marks_of_equal_tasks_stand_in_lanes_of_their_own() -> None:
    drawn = [m for m in marks(gap_scatter([Point(0.4, 0.0)] * 3, 0.8, 0.1, "t")) if m.get("r") == "3"]
    heights = sorted(float(m.get("cy") or 0) for m in drawn)
    assert heights[1] - heights[0] == pytest.approx(LANE, abs=0.11)
    assert heights[2] - heights[1] == pytest.approx(LANE, abs=0.11)


def test_the_scatter_counts_its_gap_strictly() -> None:
    points = [Point(0.80, 0.0), Point(0.81, 0.10), Point(0.81, 0.09), Point(0.99, 0.0)]
    assert "4 tasks; 2 in the gap" in (parsed(gap_scatter(points, 0.8, 0.1, "t")).get("aria-label") or "")


def test_levels_differ_in_shape_as_well_as_in_colour() -> None:
    points = [Point(0.1 * k, 0.5, level) for k, level in enumerate(("high", "medium", "low", "very low", None))]
    drawn = marks(gap_scatter(points, 0.8, 0.1, "t"))[:5]
    assert {each.tag for each in drawn} == {f"{NS}circle", f"{NS}path"}
    outlines = {(each.get("d") or "").translate(str.maketrans("", "", "0123456789. -")) for each in drawn}
    assert len(outlines) == 4  # two circles have no outline: high and unknown, of different colours
    assert len({each.get("class") for each in drawn}) == 5


def test_very_many_tasks_become_marks_with_counts() -> None:
    points = [Point(0.5, 0.0)] * (SWARM + 1) + [Point(0.7, 1.0)] * 13
    figure = gap_scatter(points, 0.8, 0.1, "t")
    tips = [each.text or "" for each in parsed(figure).iter(f"{NS}title")]
    assert tips == [
        f"{SWARM + 1} tasks: 50 % of cells, 0 % exact (affinity unknown)",
        "13 tasks: 70 % of cells, 100 % exact (affinity unknown)",
    ]


def test_the_heatmap_writes_every_share_and_outlines_the_published_pair() -> None:
    figure = parsed(FIGURES["heatmap"])
    cells = [each for each in figure.iter(f"{NS}rect") if each.get("class") == "cell"]
    assert len(cells) == 66
    numbers = [each.text for each in figure.iter(f"{NS}text") if (each.get("class") or "").startswith("on-")]
    assert numbers == [f"{100 * share:.0f}" for line in SHARES for share in line]
    (chosen,) = [each for each in figure.iter(f"{NS}rect") if each.get("class") == "chosen"]
    same = cells[5 * 6 + 2]  # 10 % is the sixth of the grids, 80 % the third of the cells
    assert [float(chosen.get(key) or 0) for key in "xy"] == [float(same.get(key) or 0) for key in "xy"]


def test_the_heatmaps_first_row_is_its_lowest() -> None:
    cells = [each for each in parsed(FIGURES["heatmap"]).iter(f"{NS}rect") if each.get("class") == "cell"]
    assert float(cells[0].get("y") or 0) > float(cells[-1].get("y") or 0)


def test_an_undefined_share_of_the_heatmap_is_a_dash() -> None:
    figure = sensitivity_heatmap((0.7,), (0.1,), [[None]], (0.8, 0.1), "t")
    assert "–" in words(figure)
    assert "0" not in words(figure)


def test_an_undefined_estimate_is_said_and_not_drawn() -> None:
    figure = estimates([Estimate("K1", None, note="n 0"), Estimate("S1", 0.0, 0.0, 0.1)], "t", "score, %")
    assert words(figure).count("undefined") == 1
    assert kinds(figure) == ["main"]


def test_an_estimate_without_interval_has_a_mark_and_no_whisker() -> None:
    alone = estimates([Estimate("K1", 0.5, note="n 1, no interval")], "t", "score, %")
    assert "whisker" not in alone
    assert "n 1, no interval" in words(alone)
    assert "whisker" in estimates([Estimate("K1", 0.5, 0.4, 0.6)], "t", "score, %")


def test_differences_may_be_negative_and_show_the_line_of_none() -> None:
    figure = estimates([Estimate("B − A", -0.13, -0.17, -0.07)], "t", "points", (-0.2, 0.2), zero=0.0)
    assert "-13.0" in words(figure)
    assert [each for each in parsed(figure).iter(f"{NS}path") if each.get("class") == "mark"]


def test_bars_are_as_wide_as_their_counts() -> None:
    figure = stacked_bars([("A", [Part("solved", "solved", 3), Part("wrong size", "wrong-size", 11)])], "t")
    widths = [float(e.get("width") or 0) for e in parsed(figure).iter(f"{NS}rect") if "cell" in (e.get("class") or "")]
    assert widths == pytest.approx([WIDTH * 3 / 14, WIDTH * 11 / 14], abs=0.06)
    assert "A (14 outputs)" in words(figure)


def test_a_bar_of_nothing_is_empty() -> None:
    figure = stacked_bars([("A", [Part("solved", "solved", 0)])], "t")
    assert not [e for e in parsed(figure).iter(f"{NS}rect") if "cell" in (e.get("class") or "")]


def test_a_curve_of_one_epoch_is_a_point() -> None:
    figure = curves([Curve("all tasks", None, [(3, 0.5, None, None)])], "t", "cells, %")
    assert len(marks(figure)) == 1
    assert "band" not in figure


def test_a_band_runs_along_the_upper_ends_and_back_along_the_lower_ones() -> None:
    figure = curves([Curve("A", None, [(0, 0.5, 0.25, 0.75), (2, 0.6, 0.5, 1.0)])], "t", "share")
    (band,) = [each for each in parsed(figure).iter(f"{NS}path") if (each.get("class") or "").startswith("band")]
    corners = [tuple(map(float, corner.split())) for corner in (band.get("d") or "").strip("Mz").split("L")]
    (first, upper), (last, top), (again, middle), (begun, lower) = corners
    assert first == begun < last == again
    quarter = upper - top
    assert quarter > 0
    assert (middle - top, lower - top) == pytest.approx((2 * quarter, 3 * quarter), abs=0.11)


def test_names_of_lines_that_end_alike_do_not_overlap() -> None:
    lines = [Curve(name, "low", [(1, 0.1, None, None), (2, 0.5, None, None)]) for name in ("first", "second")]
    places = {e.text: float(e.get("y") or 0) for e in parsed(curves(lines, "t", "%")).iter(f"{NS}text")}
    assert abs(places["first"] - places["second"]) >= 14


@pytest.mark.parametrize("length", [1, 7, 23, 131])
def test_shortened_words_fit(length: int) -> None:
    assert width_of(shortened("w" * length, 60)) <= 60
    assert shortened("seven", 60) == "seven"
