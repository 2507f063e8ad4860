"""Figures are well-formed, stand alone, show every number that went in, and never draw what is undefined."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from arc_affinity.drawing.charts import LANE, SWARM, Line, Point, estimates, heatmap, scatter, stacked_bars
from arc_affinity.drawing.palette import BLACK, HUES, WHITE, contrast, ink_on, stylesheet
from arc_affinity.drawing.plot import WIDTH, Frame, Series, shortened, standalone, width_of
from arc_affinity.statistics import Estimate

NS = "{http://www.w3.org/2000/svg}"
CELLS = (0.70, 0.75, 0.80, 0.85, 0.90, 0.95)
GRIDS = tuple(percent / 100 for percent in range(0, 22, 2))
SHARES = [[(7 * row + col) / 100 for col in range(6)] for row in range(11)]
AXES = ("cells", "grids")
CORNER = (0.8, 0.1)
GOOD, BAD = Series("good", "navy"), Series("bad", "brick")


def parsed(figure: str) -> ElementTree.Element:
    return ElementTree.fromstring(figure)


def words(figure: str) -> list[str]:
    return [element.text or "" for element in parsed(figure).iter(f"{NS}text")]


def marks(figure: str) -> list[ElementTree.Element]:
    return [each for each in parsed(figure).iter() if (each.get("class") or "").startswith("dot ")]


def kinds(figure: str) -> list[str]:
    return [(each.get("class") or "").removeprefix("dot ") for each in marks(figure)]


FIGURES = {
    "scatter": scatter([Point(0.83, 0.0, BAD, "<a>"), Point(0.5, 1.0)], AXES, "cells & grids", CORNER),
    "heatmap": heatmap(CELLS, GRIDS, SHARES, AXES, "thresholds", CORNER),
    "estimates": estimates(
        [Line("C1 <b>", Estimate(0.3, 0.2, 0.5, 7), GOOD), Line("A1", Estimate(None, None, None, 0, "none"))], "%", "t"
    ),
    "bars": stacked_bars([("A", {GOOD: 3, BAD: 0})], "output", "outputs"),
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
    (mark,) = [m for m in marks(scatter([Point(0.4, 0.0)], AXES, "t", CORNER)) if m.get("r") == "3.0"]
    assert float(mark.get("cx") or 0) == pytest.approx(46 + 0.4 * (WIDTH - 58), abs=0.06)
    assert float(mark.get("cy") or 0) == pytest.approx(8 + 300 * 1.07 / 1.14, abs=0.06)
    assert frame.y(1.07) == frame.top


def test_marks_of_equal_tasks_stand_in_lanes_of_their_own() -> None:
    drawn = [m for m in marks(scatter([Point(0.4, 0.0)] * 3, AXES, "t", CORNER)) if m.get("r") == "3.0"]
    heights = sorted(float(m.get("cy") or 0) for m in drawn)
    assert heights[1] - heights[0] == pytest.approx(LANE, abs=0.11)
    assert heights[2] - heights[1] == pytest.approx(LANE, abs=0.11)


def test_the_scatter_counts_its_zone_strictly() -> None:
    points = [Point(0.80, 0.0), Point(0.81, 0.10), Point(0.81, 0.09), Point(0.99, 0.0)]
    assert "4 points; 2 in the zone" in (parsed(scatter(points, AXES, "t", CORNER)).get("aria-label") or "")


def test_series_differ_in_shape_as_well_as_in_colour() -> None:
    shapes = ("circle", "square", "triangle", "diamond", "ring")
    series = [Series(shape, hue, shape) for shape, hue in zip(shapes, HUES, strict=False)]
    figure = scatter([Point(0.1 * k, 0.5, each) for k, each in enumerate(series)], AXES, "t", CORNER, "shapes:")
    assert [each.get("class") for each in marks(figure)[5:]] == [each.get("class") for each in marks(figure)[:5]]
    drawn = marks(figure)[:5]
    outlines = {(each.get("d") or "").translate(str.maketrans("", "", "0123456789. -")) for each in drawn}
    assert len(outlines) == 4  # circle and ring have no outline
    assert [each.get("class") for each in drawn] == [
        f"dot {each.hue}{' ring' if each.shape == 'ring' else ''}" for each in series
    ]


def test_very_many_points_become_marks_with_counts() -> None:
    points = [Point(0.5, 0.0, BAD)] * (SWARM + 1) + [Point(0.7, 1.0)] * 13
    figure = scatter(points, AXES, "t", CORNER)
    tips = [each.text or "" for each in parsed(figure).iter(f"{NS}title")]
    assert tips == ["1,001 points: cells 50 %, grids 0 % bad", "13 points: cells 70 %, grids 100 %"]


def test_the_heatmap_writes_every_share_and_outlines_the_published_pair() -> None:
    figure = parsed(FIGURES["heatmap"])
    cells = [each for each in figure.iter(f"{NS}rect") if each.get("class") == "cell"]
    assert len(cells) == 66
    numbers = [each.text for each in figure.iter(f"{NS}text") if (each.get("class") or "").startswith("ink ")]
    assert numbers == [f"{100 * share:.0f}" for line in SHARES for share in line]
    (chosen,) = [each for each in figure.iter(f"{NS}rect") if each.get("class") == "chosen"]
    same = cells[5 * 6 + 2]  # 10 % is the sixth of the grids, 80 % the third of the cells
    assert [float(chosen.get(key) or 0) for key in "xy"] == [float(same.get(key) or 0) for key in "xy"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    # The first two by definition, the others as WebAIM's contrast checker gives them.
    [("#000000", "#ffffff", 21), ("#1f4e96", "#1f4e96", 1), ("#767676", "#ffffff", 4.54), ("#ff0000", "#ffffff", 4.0)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, expected: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(expected, abs=0.005)


def test_words_are_legible_on_every_hue_of_a_light_and_of_a_dark_page() -> None:
    light, dark = stylesheet().split("@media (prefers-color-scheme:dark)")
    rule = re.compile(r"\.(\w+)\{--fill:(#\w{6});--ink:(#\w{6})\}")
    assert [name for name, *_ in rule.findall(light)] == list(HUES)
    assert [(name, fill) for name, fill, _ in rule.findall(dark)] == [
        (name, hue.dark) for name, hue in HUES.items() if hue.dark != hue.light
    ]
    faint = {(name, fill, ink) for name, fill, ink in rule.findall(light + dark) if contrast(fill, ink) < 4.5}
    assert faint == set()


def test_one_of_the_inks_is_legible_on_any_colour() -> None:
    greys = [f"#{level:02x}{level:02x}{level:02x}" for level in range(256)]
    assert min(contrast(ink_on(grey), grey) for grey in greys) >= 4.5
    assert f".white{{--ink:{WHITE}}}.black{{--ink:{BLACK}}}" in stylesheet()


def test_every_share_of_a_heatmap_is_legible() -> None:
    shares = [percent / 100 for percent in range(101)]
    figure = parsed(heatmap(shares, [0.1], [shares], AXES, "t", CORNER))
    fills = [e.get("style", "").removeprefix("--fill:") for e in figure.iter(f"{NS}rect") if e.get("class") == "cell"]
    kinds = [e.get("class", "") for e in figure.iter(f"{NS}text") if e.get("class", "").startswith("ink ")]
    inks = [{"ink white": WHITE, "ink black": BLACK}[kind] for kind in kinds]
    assert len(fills) == len(inks) == 101 and set(inks) == {WHITE, BLACK}
    assert min(contrast(fill, ink) for fill, ink in zip(fills, inks, strict=True)) >= 4.5


def test_the_heatmaps_first_row_is_its_lowest() -> None:
    cells = [each for each in parsed(FIGURES["heatmap"]).iter(f"{NS}rect") if each.get("class") == "cell"]
    assert float(cells[0].get("y") or 0) > float(cells[-1].get("y") or 0)


def test_an_undefined_estimate_is_said_and_not_drawn() -> None:
    lines = [Line("K1", Estimate(None, None, None, 0, "none")), Line("S1", Estimate(0.0, 0.0, 0.1, 7))]
    figure = estimates(lines, "score, %", "t")
    assert words(figure).count("undefined") == 1
    assert kinds(figure) == ["navy"]


def test_an_estimate_without_interval_has_a_mark_and_no_whisker() -> None:
    alone = estimates([Line("K1", Estimate(0.5, None, None, 1, "one task"))], "score, %", "t")
    assert "whisker" not in alone
    assert "n 1" in words(alone)
    assert "whisker" in estimates([Line("K1", Estimate(0.5, 0.4, 0.6, 7))], "score, %", "t")


def test_the_axis_ends_at_the_first_step_that_holds_every_interval_and_marked_value() -> None:
    line = Line("S1", Estimate(0.01, 0.0, 0.03, 7))
    assert "4" in words(estimates([line], "%", "t")) and "20" not in words(estimates([line], "%", "t"))
    marked = estimates([line], "%", "t", marked=[0.15])
    assert "20" in words(marked)
    (rule,) = [each for each in parsed(marked).iter(f"{NS}path") if each.get("class") == "mark"]
    ticks = [float(e.get("x") or 0) for e in parsed(marked).iter(f"{NS}text") if e.text in ("0", "20")]
    x = float((rule.get("d") or "")[1:].split(" ")[0])
    assert x == pytest.approx(ticks[0] + 0.75 * (ticks[1] - ticks[0]), abs=0.11)


def test_differences_may_be_negative_and_show_the_line_of_none() -> None:
    figure = estimates([Line("B − A", Estimate(-0.13, -0.17, -0.07, 7))], "points", "t", zero=0.0)
    assert "-13.0" in words(figure)
    assert [each for each in parsed(figure).iter(f"{NS}path") if each.get("class") == "mark"]


def test_bars_are_as_wide_as_their_counts() -> None:
    figure = stacked_bars([("A", {GOOD: 3, BAD: 11})], "output", "t")
    widths = [float(e.get("width") or 0) for e in parsed(figure).iter(f"{NS}rect") if "cell" in (e.get("class") or "")]
    assert widths == pytest.approx([WIDTH * 3 / 14, WIDTH * 11 / 14], abs=0.06)
    assert "A (14 outputs)" in words(figure)


def test_a_bar_of_nothing_is_empty() -> None:
    figure = stacked_bars([("A", {GOOD: 0})], "output", "t")
    assert not [e for e in parsed(figure).iter(f"{NS}rect") if "cell" in (e.get("class") or "")]


@pytest.mark.parametrize("length", [1, 7, 23, 131])
def test_shortened_words_fit(length: int) -> None:
    assert width_of(shortened("w" * length, 60)) <= 60
    assert shortened("seven", 60) == "seven"
