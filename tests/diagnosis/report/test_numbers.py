"""From records to the report's numbers and words: against the project's own scorer, by hand, and for bad input."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from arc_affinity.diagnosis.gap import UNLABELLED
from arc_affinity.diagnosis.page import document as page_document
from arc_affinity.diagnosis.page import tasks as page_tasks
from arc_affinity.diagnosis.page.document import page, write_figures
from arc_affinity.diagnosis.page.figures import LOOKS, figures_of
from arc_affinity.diagnosis.page.tasks import Shown
from arc_affinity.diagnosis.report.document import report_json
from arc_affinity.diagnosis.report.numbers import Report, build_report
from arc_affinity.diagnosis.report.outputs import (
    DEFINITIONS,
    NAMES,
    PICTURED,
    Collector,
    Kind,
    RecordSet,
    kind_of,
    pack,
)
from arc_affinity.diagnosis.report.words import findings, headline
from arc_affinity.drawing.palette import DIGITS, HUES, PALETTE
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import Origin, Record, make_record
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.scoring.scores import score
from arc_affinity.statistics import defined_mean
from arc_affinity.types import Example, Grid, Pair

QUERY, TARGET = [[1, 2, 3], [4, 5, 6]], [[1, 2, 3], [4, 5, 7]]


def grid(rows: list[list[int]]) -> Grid:
    return np.array(rows, np.uint8)


def record(
    task: str = "aaaa0001",
    index: int = 0,
    attempt: int = 1,
    prediction: list[list[int]] | Grid | None = None,
    *,
    query: object = QUERY,
    target: object = TARGET,
    model: str = "toy",
    protocol: Protocol = Protocol.ARC_PRIZE,
    dataset: str = "toys",
    adapter: str | None = None,
) -> Record:
    origin = Origin(model, "0123", dataset, protocol, seed=7, adapter=adapter)
    answer = None if target is None else np.array(target, np.uint8)
    example = Example(task, index, Pair(np.array(query, np.uint8), answer), ())
    return make_record(origin, example, attempt, None if prediction is None else np.array(prediction, np.uint8))


def collected(records: list[Record] | Iterator[Record], attempts: int = 2) -> tuple[RecordSet, ...]:
    collector = Collector(attempts)
    collector.add(records, "toys.jsonl")
    return collector.sets()


def report_of(records: list[Record], categories: dict[str, str] | None = None) -> Report:
    return build_report(collected(records), categories or {}, "by hand")


def random_records(tasks: int, outputs: int = 2, seed: int = 11, model: str = "toy") -> list[Record]:
    """Attempts of every kind at tasks with grids of several sizes."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(tasks):
        for index in range(1 + number % outputs):
            shape = tuple(draw.integers(2, 8, 2))
            query = draw.integers(0, 10, shape)
            target = np.where(draw.random(shape) < 0.8, query, draw.integers(0, 10, shape))
            for attempt in (1, 2):
                near = np.where(draw.random(shape) < 0.97, target, 0)
                answers = [None, query, target, near, draw.integers(0, 10, (3, 5)), draw.integers(0, 10, shape)]
                answer = answers[draw.integers(len(answers))]
                rows.append(record(f"{number:08x}", index, attempt, answer, query=query, target=target, model=model))
    return rows


@pytest.mark.parametrize(
    ("prediction", "kind"),
    [
        (TARGET, Kind.SOLVED),
        (None, Kind.NO_GRID),
        (QUERY, Kind.INPUT_COPY),
        ([[1, 2], [4, 5]], Kind.WRONG_SIZE),
        ([[0, 0, 0], [4, 5, 7]], Kind.WRONG_CELLS),
    ],
)
def test_kinds_by_hand(prediction: object, kind: Kind) -> None:
    assert kind_of(record(prediction=prediction)) is kind


def test_a_near_miss_has_95_of_100_cells_and_no_fewer() -> None:
    target = np.zeros((10, 10), np.uint8)
    for wrong, kind in ((1, Kind.NEAR_MISS), (5, Kind.NEAR_MISS), (6, Kind.WRONG_CELLS)):
        answer = target.copy()
        answer.flat[:wrong] = 3
        assert kind_of(record(query=[[5]], target=target, prediction=answer)) is kind


def test_a_copy_of_the_input_is_told_before_its_size() -> None:
    assert kind_of(record(query=[[5]], target=TARGET, prediction=[[5]])) is Kind.INPUT_COPY


def test_an_exact_copy_is_solved() -> None:
    assert kind_of(record(query=TARGET, target=TARGET, prediction=TARGET)) is Kind.SOLVED


def test_an_output_is_solved_by_any_attempt_that_counts() -> None:
    rows = [record(attempt=1, prediction=QUERY), record(attempt=2, prediction=TARGET)]
    for attempts, kind in ((2, Kind.SOLVED), (1, Kind.LOST_IN_RANKING)):
        (each,) = collected(rows, attempts)
        assert each.outputs["aaaa0001", 0].kind(attempts) is kind
        assert each.tasks["aaaa0001"].solved == (kind is Kind.SOLVED)


def test_what_is_found_and_not_chosen_is_among_the_candidates() -> None:
    rows = [record("aaaa0001", attempt=a, prediction=TARGET if a == 3 else QUERY) for a in (1, 2, 3)]
    rows += [record("aaaa0002", prediction=TARGET), record("aaaa0003", prediction=QUERY), record("aaaa0004")]
    report = report_of(rows)
    (each,) = report.sets
    assert (each.score("score").value, each.score("among_candidates").value) == (0.25, 0.5)
    told = " ".join(findings(report))
    assert "answer of 50.0 % (95 % CI 15.0 to 85.0) is among all recorded candidates (arc_prize)" in told
    assert "better ranking could win up to 25.0 points" in told


def test_what_stands_above_in_pictures_is_not_said_again() -> None:
    report = report_of([record("aaaa0001", attempt=a, prediction=TARGET if a == 3 else QUERY) for a in (1, 2, 3)])
    said, beside_pictures = findings(report), findings(report, drawn=True)
    assert [line for line in said if line not in beside_pictures] == [
        "Score 0.0 % (95 % CI 0.0 to 79.3) on 1 task within 2 attempts; protocol arc_prize: "
        "the model finds the size of the output itself.",
        "1 output not solved: lost in ranking 1 (100.0 %); by first attempts, arc_prize.",
    ]
    assert len(beside_pictures) == len(said) - 2


def test_the_scores_are_those_of_the_scorer() -> None:
    rows = random_records(29, 3)
    (each,) = report_of(rows).sets
    oracle = score(rows)
    values = {key: each.score(key).value for key in ("score", "pass_at_1", "cell_accuracy", "size_accuracy")}
    means = (oracle.solved, oracle.first_solved, oracle.cell_accuracy, oracle.size_accuracy)
    assert list(values.values()) == pytest.approx([mean.over_tasks for mean in means])
    assert each.score("strict_score").value == pytest.approx(oracle.strict)
    assert each.score("copy_accuracy").value == pytest.approx(oracle.copy_accuracy.over_tasks)
    assert each.score("change_accuracy").value == pytest.approx(oracle.change_accuracy.over_tasks)
    assert each.score("among_candidates").reason == "no more attempts are recorded"
    assert set(each.solved_whole) == set(oracle.solved_tasks)


def test_the_order_of_records_does_not_matter() -> None:
    rows = random_records(13)
    forth, back = report_of(rows), report_of(rows[::-1])
    assert json.loads(report_json(forth)) == json.loads(report_json(back))


def test_outputs_that_no_record_answers_count_as_without_a_grid() -> None:
    collector = Collector()
    collector.add([record(prediction=TARGET)], "toys.jsonl")
    asked = {(task, 0): Pair(grid(QUERY), grid(TARGET)) for task in ("aaaa0001", "aaaa0002")}
    (each,) = collector.sets(lambda _: asked)
    assert (each.missing, each.tasks["aaaa0002"].solved, each.tasks["aaaa0002"].cell_accuracy) == (1, 0.0, 0.0)
    assert each.kinds[Kind.NO_GRID] == 1
    report = build_report([each], {}, "by hand")
    assert "toy has no attempt at 1 output of the dataset; they count 0." in report.notes
    assert headline(report) == "toy solves 1 of 2 tasks, 1 output without an attempt (arc_prize)"


def test_what_was_never_asked_is_no_way_of_failing() -> None:
    collector = Collector()
    collector.add([record(prediction=QUERY)], "toys.jsonl")
    asked = {(f"aaaa000{task}", 0): Pair(grid(QUERY), grid(TARGET)) for task in range(1, 8)}
    told = headline(build_report(list(collector.sets(lambda _: asked)), {}, "by hand"))
    opening = "toy solves none of 7 tasks, 6 outputs without an attempt"
    assert told == f"{opening}; mostly it hands the input back unchanged (arc_prize)"


def test_each_set_lacks_only_what_its_own_solver_was_asked() -> None:
    """Of a store one solver is asked every example, by its place there, and another the last of each task."""
    asked = {
        "all": {("aaaa0001", 0): Pair(grid(QUERY), grid(QUERY)), ("aaaa0001", 1): Pair(grid(QUERY), grid(TARGET))},
        "last": {("aaaa0001", 0): Pair(grid(QUERY), grid(TARGET))},
    }
    rows = [
        record(prediction=QUERY, target=QUERY, model="all"),
        record(index=1, prediction=TARGET, model="all"),
        record(prediction=TARGET, model="last"),
    ]
    collector = Collector()
    collector.add(rows, "toys.jsonl")
    sets = collector.sets(lambda first: asked[first.model])
    assert [(each.subject.model, each.missing, len(each.outputs)) for each in sets] == [("all", 0, 2), ("last", 0, 1)]
    [compared, _] = build_report(sets, {}, "by hand").comparisons
    assert compared.paired.difference.n == 0, "they were asked nothing alike"
    # What nobody answered is told apart by what was asked, too.
    without = Collector()
    without.add(rows[1:], "toys.jsonl")
    report = build_report(without.sets(lambda first: asked[first.model]), {}, "by hand")
    assert report.comparisons[0].paired.difference.n == 0


def test_as_many_tasks_may_be_other_tasks() -> None:
    rows = [record(task, model=model) for model, tasks in (("a", "12"), ("b", "23")) for task in tasks]
    assert "The sets have different tasks (A 2, B 2)" in " ".join(report_of(rows).notes)
    assert "different tasks" not in " ".join(report_of([record("1"), record("1", model="b")]).notes)


def test_a_duplicate_attempt_is_refused_across_files() -> None:
    collector = Collector()
    collector.add([record(prediction=TARGET)], "a.jsonl")
    with pytest.raises(ArcAffinityError, match=r"b\.jsonl: attempt 1 at task aaaa0001 output 0 .* comes twice"):
        collector.add([record(prediction=QUERY)], "b.jsonl")


def test_two_datasets_are_refused() -> None:
    with pytest.raises(ArcAffinityError, match="'toys2' cannot be diagnosed together with those of 'toys'"):
        collected([record(), record("aaaa0002", dataset="toys2")])


def test_a_withheld_target_is_refused() -> None:
    with pytest.raises(ArcAffinityError, match="the target of task aaaa0001 output 0 is withheld"):
        collected([record(target=None, prediction=QUERY)])


def test_no_records_are_refused() -> None:
    with pytest.raises(ArcAffinityError, match="no records"):
        Collector().sets()
    with pytest.raises(ArcAffinityError, match="1 to 26 sets"):
        build_report([], {}, "by hand")


def test_shares_keep_an_interval_where_all_failed() -> None:
    estimate = defined_mean([0.0] * 400)
    assert estimate.value == 0.0
    assert estimate.low == 0.0
    # Wilson's upper end for 0 of n is z**2 / (n + z**2).
    assert estimate.high == pytest.approx(1.959964**2 / (400 + 1.959964**2))


def test_the_gap_is_of_first_attempts_and_says_what_later_ones_solve() -> None:
    """Five of six cells are right in a copy of the input; task 3 hands it back in one output of two."""
    near = [[1, 2, 3], [4, 5, 0]]
    rows = [record("aaaa0001", prediction=QUERY), record("aaaa0001", attempt=2, prediction=near)]
    rows += [record("aaaa0002", prediction=near), record("aaaa0002", attempt=2, prediction=TARGET)]
    rows += [record("aaaa0003", prediction=QUERY), record("aaaa0003", 1, prediction=near)]
    rows += [record("aaaa0004", prediction=QUERY), record("aaaa0004", attempt=2, prediction=TARGET)]
    (told,) = [line for line in findings(report_of(rows)) if line.startswith("Compositional gap")]
    assert told.startswith("Compositional gap: by first attempts 4 of 4 tasks, 100.0 %")
    assert "; in 2 of them it mostly hands the input back" in told
    assert told.endswith("; later attempts that count solve 2 of them.")


def test_none_solved() -> None:
    report = report_of([record(f"aaaa000{k}", prediction=QUERY) for k in range(7)])
    assert headline(report) == "toy solves none of 7 tasks; mostly it hands the input back unchanged (arc_prize)"
    assert "copy of the input 7 (100.0 %)" in " ".join(findings(report))


def test_all_solved() -> None:
    report = report_of([record(f"aaaa000{k}", prediction=TARGET) for k in range(7)], {"aaaa0001": "S1"})
    assert headline(report) == "toy solves all of 7 tasks (arc_prize)"
    assert "Every output is solved (arc_prize)." in findings(report)
    assert report.sets[0].concentrations["S1"].verdict.startswith("undefined")
    assert "What became of the outputs" in page(report)


def test_many_outputs_a_task_are_counted_as_outputs() -> None:
    rows = [record(index=k, prediction=TARGET if k < 3 else QUERY) for k in range(11)]
    assert headline(report_of(rows)).startswith(
        "toy solves 3 of 11 outputs of 1 task; where it fails, on 8 outputs, mostly"
    )


def test_a_category_of_one_task_has_no_interval_and_says_so() -> None:
    rows = [record(f"aaaa000{k}", prediction=QUERY) for k in range(3)]
    report = report_of(rows, {"aaaa0000": "K1", "aaaa0001": "S1", "aaaa0002": "S1"})
    ceiling = report.sets[0].ceilings["K1"].cells
    assert (ceiling.low, ceiling.high, ceiling.n) == (None, None, 1)
    assert "one task alone: no interval" in page(report)
    assert "a category of one task has no interval" in page(report)


def test_tasks_without_a_category_are_a_group_of_their_own() -> None:
    report = report_of([record(), record("aaaa0002")], {"aaaa0001": "C1"})
    assert set(report.sets[0].gaps) == {"C1", UNLABELLED}
    assert report.category_of("aaaa0002") == UNLABELLED


def test_the_size_is_not_scored_where_it_was_given() -> None:
    (each,) = report_of([record(prediction=TARGET, protocol=Protocol.SIZED)]).sets
    assert each.score("size_accuracy").value is None
    assert each.score("size_accuracy").reason == "the size is given"


def test_two_models_are_compared_on_the_tasks_that_they_share() -> None:
    solved = {"first": {1, 2}, "second": {2, 3, 4, 5}}
    rows = [
        record(f"aaaa000{k}", prediction=TARGET if k in right else QUERY, model=model)
        for model, right in solved.items()
        for k in range(7 if model == "first" else 8)
    ]
    report = report_of(rows)
    compared = next(each for each in report.comparisons if each.key == "score")
    assert (compared.first, compared.second) == ("A", "B")
    assert compared.paired.difference.value == pytest.approx((3 - 1) / 7)
    assert (compared.paired.better, compared.paired.worse, compared.paired.unpaired) == (3, 1, 1)
    assert any("A 7, B 8" in note for note in report.notes)
    assert any(line.startswith("B (second, arc_prize) minus A (first, arc_prize)") for line in findings(report))


def test_what_demonstrations_are_worth_is_told_in_cells_too() -> None:
    """The set that saw its own leads, whichever comes first."""
    names = {"toys?context=others": QUERY, "toys": TARGET}
    rows = [
        record(f"aaaa000{k}", prediction=grid if k < 3 else QUERY, dataset=name)
        for name, grid in names.items()
        for k in range(7)
    ]
    report = report_of(rows)
    assert report.dataset == "toys" and report.lead.letter == "B"
    assert "A was shown demonstrations of other tasks." in report.notes
    assert "arc_prize</code>, shown demonstrations of other tasks" in page(report)
    assert "(arc_prize, shown demonstrations of other tasks)" in headline(report_of(rows[:7]))
    assert report.sets[0].name == "toy, arc_prize, shown demonstrations of other tasks"
    [told] = [line for line in findings(report) if " minus " in line]
    score, cells = (each.paired.difference for each in report.comparisons)
    assert score.value == pytest.approx(3 / 7) and 0 < cells.value < score.value
    assert score.points() in told and f"; of the cells {cells.points()}, p" in told
    models = report_of([*rows[7:], *(replace(row, model="other", exact=False) for row in rows[7:])])
    [alone] = [line for line in findings(models) if " minus " in line]
    assert "of the cells" not in alone
    assert report_of([replace(r, dataset="toys?context=new") for r in rows[:7]]).sets[0].name.endswith("context 'new'")


def test_two_models_are_compared_by_what_both_were_asked() -> None:
    # The first was asked four outputs of the task, the second the first two of them, and got the same right.
    rows = [record(index=k, prediction=TARGET if k == 0 else QUERY, model="first") for k in range(4)]
    rows += [record(index=k, prediction=TARGET if k == 0 else QUERY, model="second") for k in range(2)]
    report = report_of(rows)
    compared = next(each for each in report.comparisons if each.key == "score")
    assert compared.paired.difference.value == 0
    assert any("2 outputs were asked of one alone, or otherwise" in note for note in report.notes)
    # Other questions under the same numbers are no pair either.
    report = report_of([record(prediction=TARGET), record(query=[[9]], prediction=TARGET, model="second")])
    compared = next(each for each in report.comparisons if each.key == "score")
    assert compared.paired.difference.value is None
    assert any("1 output was asked" in note for note in report.notes)


def test_the_headline_is_about_the_set_that_was_told_least() -> None:
    flattered = [record(prediction=TARGET, protocol=protocol) for protocol in (Protocol.TEACHER_FORCED, Protocol.SIZED)]
    report = report_of([*flattered, record(prediction=QUERY)])
    assert report.lead.protocol is Protocol.ARC_PRIZE
    assert headline(report).startswith("toy solves none of 1 task")
    assert "arc_prize" in findings(report)[0]


def test_many_sets_are_compared_with_the_first_alone() -> None:
    report = report_of([record(prediction=QUERY, model=f"model{k}") for k in range(7)])
    assert {each.first for each in report.comparisons} == {"A"}
    assert len(report.comparisons) == 6 * 2


def test_before_and_after_are_compared_within_each_protocol() -> None:
    """What fine-tuning leaves: three protocols, before and after; no difference is across protocols."""
    rows = [
        record(prediction=TARGET if adapter else QUERY, protocol=protocol, adapter=adapter)
        for adapter in (None, "lora")
        for protocol in (Protocol.TEACHER_FORCED, Protocol.SIZED, Protocol.ARC_PRIZE)
    ]
    report = report_of(rows)
    protocols = {each.letter: each.protocol for each in report.sets}
    compared = [(each.first, each.second) for each in report.comparisons if each.key == "score"]
    assert len(compared) == 3 and all(protocols[first] == protocols[second] for first, second in compared)
    assert all(each.paired.difference.value == 1 for each in report.comparisons if each.key == "score")
    assert (
        report.lead.records.subject.adapted and headline(report) == "toy with adapters solves all of 1 task (arc_prize)"
    )
    # The score on top is of the last of six sets, and so is the first mosaic beside it.
    drawn = page(report)
    assert re.findall(r'data-choose="outcome(\w)"', drawn)[0] == report.lead.letter == report.sets[-1].letter


def test_every_finding_names_its_protocol() -> None:
    report = report_of(random_records(17), {f"{k:08x}": "S1" for k in range(9)})
    numbers = [line for line in (headline(report), *findings(report)) if re.search(r"\d %|\d of", line)]
    assert len(numbers) >= 5
    assert all("arc_prize" in line for line in numbers)


def test_the_document_is_plain_json_with_the_reports_numbers() -> None:
    report = report_of(random_records(19), {f"{k:08x}": "C1" for k in range(19)})
    document = json.loads(report_json(report), parse_constant=pytest.fail)
    (each,) = document["sets"]
    assert each["scores"]["score"]["value"] == report.sets[0].score("score").value
    assert sum(each["kinds"].values()) == each["outputs"] == len(report.sets[0].records.outputs)
    assert each["by_task"]["00000003"]["category"] == "C1"
    assert set(each["kinds"]) == set(document["kinds"]) == {kind.value for kind in Kind}
    assert sum(each["gap"]["profiles"].values()) == each["tasks"] == 19
    assert sum(row["tasks"] for row in each["agreement"]["table"]) == 19


def test_grids_are_packed_row_by_row() -> None:
    assert pack(grid([[0, 1, 2], [3, 4, 9]])) == "3:012349"


def test_pictures_are_kept_of_the_first_outputs_alone() -> None:
    rows = [record(index=k, prediction=QUERY) for k in range(PICTURED + 4)]
    (each,) = collected(rows)
    assert sum(output.pictures is not None for output in each.outputs.values()) == PICTURED


def test_the_page_holds_each_grid_once_as_text_and_is_closed_to_markup() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    report = report_of([record(prediction=QUERY, model=evil, dataset=evil)], {})
    text = page(report, Shown({"aaaa0001": (Pair(grid([[7]]), grid([[8]])),)}))
    assert "<img" not in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    task = data["tasks"]["aaaa0001"]
    assert task["train"] == [["1:7", "1:8"]]
    assert task["tests"][0] == {
        "number": 1,
        "input": "3:123456",
        "target": "3:123457",
        "attempts": [[["3:123456", "input-copy"]]],
    }
    assert (tuple(data["palette"]), tuple(data["digits"])) == (PALETTE, DIGITS)
    assert set(data["kinds"]) == set(NAMES) == set(DEFINITIONS)


def test_outputs_are_numbered_within_their_task_and_each_has_what_was_given_with_it() -> None:
    """An output's index may be its place in a store; its demonstrations stand in place of the task's."""
    rows = [record(index=index, prediction=QUERY) for index in (40, 43)] + [record("aaaa0002", prediction=QUERY)]
    given = {("aaaa0001", 43): (Pair(grid([[5]]), grid([[6]])),)}
    shown = Shown({"aaaa0001": (Pair(grid([[1]]), grid([[2]])),), "aaaa0002": (Pair(grid([[3]]), grid([[4]])),)}, given)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page(report_of(rows), shown), re.DOTALL)[1])
    task = data["tasks"]["aaaa0001"]
    assert ([test["number"] for test in task["tests"]], task["outputs"], task["train"]) == ([1, 2], 2, [])
    assert [test.get("given") for test in task["tests"]] == [None, [["1:5", "1:6"]]]
    assert data["tasks"]["aaaa0002"]["train"] == [["1:3", "1:4"]]


def test_the_first_screen_has_the_score_every_task_and_an_example_of_each_outcome() -> None:
    rows = [record("aaaa0001", prediction=QUERY), record("aaaa0002", prediction=TARGET), record("aaaa0003")]
    text = page(report_of(rows, {"aaaa0002": "C1"})).split("</header>")[0]
    assert '<p class="score"><strong>33.3 %</strong>' in text and "95 % CI 6.1 to 79.2" in text and "arc_prize" in text
    chosen = re.findall(r'class="key".*?data-choose="outcomeA" data-value="([a-z-]+)"', text)
    assert chosen == ["all", "input-copy", "no-grid"]
    tiles = re.findall(r'<a class="tile ([a-z]+)" href="#task-(aaaa000\d)" aria-label="([^"]+)">(.?)</a>', text)
    assert tiles == [
        ("navy", "aaaa0002", "aaaa0002, C1 colour transform: solved", ""),
        ("pink", "aaaa0001", "aaaa0001, no category known: copy of the input", "="),
        ("grey", "aaaa0003", "aaaa0003, no category known: no grid", "–"),
    ]
    assert re.findall(r'class="card" href="#task-(aaaa000\d)"', text) == ["aaaa0002", "aaaa0001", "aaaa0003"]


def test_an_attempt_without_a_record_keeps_its_number() -> None:
    """As of a submission whose first attempt is no grid: its second one is not told as the first."""
    rows = [record(attempt=2, prediction=TARGET), record("aaaa0002", prediction=TARGET)]
    data = json.loads(re.search(r'id="data">(.*?)</script>', page(report_of(rows)), re.DOTALL)[1])
    attempts = [data["tasks"][task]["tests"][0]["attempts"] for task in ("aaaa0001", "aaaa0002")]
    assert attempts == [[[[None, "no-grid"], ["3:123457", "solved"]]], [[["3:123457", "solved"]]]]


def test_squares_and_examples_lead_to_tasks_that_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are more tasks than rows, and sets of different tasks."""
    for module in (page_document, page_tasks):
        monkeypatch.setattr(module, "LISTED", 3)
    asked = {"toy": ["aaaa0002", "aaaa0004", "aaaa0005"], "other": ["aaaa0001", "aaaa0003"]}
    rows = [record(task, prediction=TARGET, model=model) for model, tasks in asked.items() for task in tasks]
    rows.append(record("aaaa0006", prediction=QUERY))
    text = page(report_of(rows))
    assert re.findall(r'<tr id="task-(aaaa000\d)"', text) == ["aaaa0001", "aaaa0002", "aaaa0003"]
    assert re.findall(r'class="tile [a-z]+" href="#task-(aaaa000\d)"', text) == ["aaaa0002", "aaaa0001", "aaaa0003"]
    # The only copy of an input is of a task without a row.
    assert re.findall(r'class="card" href="#task-(aaaa000\d)"', text) == ["aaaa0002"]
    told = [" ".join(each.split()) for each in re.findall(r'<p class="small">(.*?)</p>', text, re.DOTALL)]
    assert told[:2] == ["A · toy, arc_prize: 4 tasks, 1 of them on this page", "B · other, arc_prize: 2 tasks"]


def test_outcomes_differ_by_hue_and_by_sign() -> None:
    assert set(LOOKS) == set(Kind)
    assert len({look.hue for look in LOOKS.values()}) == len({look.sign for look in LOOKS.values()}) == len(Kind)
    assert {look.hue for look in LOOKS.values()} <= set(HUES)


def test_a_plot_that_would_be_two_lines_is_left_out_and_the_page_says_so() -> None:
    rows = [record("aaaa0001", prediction=TARGET), record("aaaa0002", prediction=QUERY)]
    told = "a plot of cells against grids would be two lines, and is left out"
    text = page(report_of(rows))
    assert told in text and "figure-gap-A" not in text and "figure-sensitivity-A" in text
    text = page(report_of([*rows, record("aaaa0002", index=1, prediction=TARGET)]))
    assert told not in text and "figure-gap-A" in text


def test_what_has_no_affinity_has_a_mark_of_its_own() -> None:
    rows = [record("aaaa0001", prediction=TARGET), record("aaaa0002", prediction=QUERY)]
    found = figures_of(report_of(rows, {"aaaa0001": "C1", "aaaa0002": "ambiguous"}))
    drawn = next(each.svg for each in found if each.name == "categories-A")
    marks = re.findall(r'class="dot ([a-z ]+)"', drawn)
    assert marks == ["blue", "grey ring", "blue", "grey ring"], "two lines, and the same in the key"


def test_the_program_behind_an_answer_stands_with_it() -> None:
    found = replace(record(prediction=QUERY), program="mirror</script>")
    text = page(report_of([found], {}))
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert data["tasks"]["aaaa0001"]["tests"][0]["attempts"] == [[["3:123456", "input-copy", "mirror</script>"]]]


def test_the_page_may_load_nothing() -> None:
    text = page(report_of([record(prediction=QUERY)]))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    outside = re.findall(r"""(?:src|href)=["']?([^"'\s>]+)""", text)
    assert all(each.startswith("#") for each in outside)


def test_every_figure_is_a_file_and_stands_in_the_page(tmp_path) -> None:
    report = report_of(random_records(7) + random_records(7, model="other"), {"00000001": "S1"})
    written = write_figures(tmp_path / "figures", report)
    names = {path.stem for path in written}
    assert {"scores", "failures", "gap-A", "gap-B", "sensitivity-A", "categories-A", "ceilings-B"} <= names
    assert {"differences-score", "differences-cell-accuracy"} <= names
    text = page(report)
    assert all(f'id="figure-{name}"' in text for name in names)


def large_records(sets: int, tasks: int = 400) -> Iterator[Record]:
    """Attempts with the largest grids there are."""
    draw = np.random.default_rng(3)
    target = draw.integers(0, 10, (30, 30))
    answers = [np.where(draw.random((30, 30)) < 0.9, target, 0) for _ in range(2)]
    first = [record(attempt=a, prediction=answers[a - 1], query=target[::-1], target=target) for a in (1, 2)]
    for each in range(sets):
        for number in range(tasks):
            for row in first:
                yield replace(row, task_id=f"{number:08x}", model=f"model{each}")


def test_a_page_of_400_tasks_is_small_and_quick(tmp_path) -> None:
    started = time.process_time()
    report = build_report(collected(large_records(1)), {f"{k:08x}": "S3" for k in range(0, 400, 2)}, "by hand")
    demonstrations = {task: (Pair(grid([[1] * 30] * 30), grid([[2] * 30] * 30)),) * 4 for task in report.task_ids}
    size = len(page(report, Shown(demonstrations)).encode())
    report_json(report)
    assert size < 10_000_000
    assert time.process_time() - started < 20


def test_the_first_three_attempts_are_pictured() -> None:
    (each,) = collected([record(attempt=number, prediction=QUERY) for number in range(1, 6)], attempts=5)
    assert list(each.outputs["aaaa0001", 0].pictures.attempts) == [1, 2, 3]


def test_pictures_give_way_where_a_page_would_grow_too_large(monkeypatch) -> None:
    monkeypatch.setattr(page_tasks, "BUDGET", 50_000)
    report = build_report(collected(large_records(2, 23)), {}, "by hand")
    text = page(report)
    shown = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])["tasks"]
    # A task has its input, its target and two sets of two attempts, each of 900 cells.
    assert len(shown) == 50_000 // (6 * 900 + 200)
    assert text.count('<tr id="task-') == 23


@pytest.mark.slow
def test_a_million_rows_take_time_and_memory_in_proportion() -> None:
    def rows(count: int) -> Iterator[Record]:
        pair = [record(attempt=a, prediction=QUERY) for a in (1, 2)]
        for number in range(count // 2):
            for row in pair:
                yield replace(row, task_id=f"{number % 400:08x}", test_index=number // 400)

    times = []
    for count in (100_000, 1_000_000):
        started = time.process_time()
        report = build_report(collected(rows(count)), {}, "by hand")
        assert len(page(report)) < 10_000_000
        assert len(report.sets[0].records.outputs) == count // 2
        times.append(time.process_time() - started)
    assert times[1] < 15 * times[0] + 5
