"""What long work says of itself where nobody watches a bar."""

from __future__ import annotations

import io
import time

import pytest

from arc_affinity.cli.output import bars
from arc_affinity.cli.output.bars import Bar
from arc_affinity.cli.output.terminal import Console


@pytest.fixture
def console() -> Console:
    """One that is no terminal."""
    return Console(file=io.StringIO(), width=200)


def lines(console: Console) -> list[str]:
    return console.file.getvalue().splitlines()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [0.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    return now


def test_a_line_every_half_minute_with_the_time_left_by_the_pace_of_this_run(console, clock) -> None:
    bar = Bar("Predicting", 110, "answers", console=console)
    bar.found(10)
    for seconds, pieces in ((20, 3), (31, 7), (40, 1), (90, 39)):
        clock[0] = seconds
        bar.advance(pieces)
    # Ten were there before: 10 of the other 100 took 31 s, 50 of them 90 s.
    assert lines(console) == [
        "Predicting: 20 of 110 answers, 31 s so far, about 5 min left",
        "Predicting: 60 of 110 answers, 90 s so far, about 90 s left",
    ]


def test_the_time_left_runs_down_while_a_piece_is_at_hand(console, clock) -> None:
    bar = bars.Bar("Searching", 4, "trials", console=console)
    clock[0] += 100
    bar.advance()
    told = []
    for _ in range(5):
        told.append(bar.told().rpartition("about ")[2])
        clock[0] += 40
    # A piece that takes longer than those before is not known to end.
    assert told == ["5 min left", "4 min left", "4 min left", "3 min left", "3 min left"]


def test_work_that_tells_nothing_is_told_of(console, clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one task is fine-tuned: lines come though no piece is done, and each says for how long that has been so."""
    monkeypatch.setattr(bars, "LINE_EVERY", 0.05)
    with Bar("Fine-tuning", 1, "tasks", console=console):
        for number, seconds in enumerate((40, 80), 1):
            clock[0] = seconds
            for _ in range(400):
                if len(lines(console)) == number:
                    break
                time.sleep(0.05)
    assert lines(console) == ["Fine-tuning: 0 of 1 tasks, 40 s so far", "Fine-tuning: 0 of 1 tasks, 80 s so far"]


def test_what_is_soon_over_says_nothing(console, clock) -> None:
    assert list(Bar("Classifying", 3, "tasks", console=console).over("abc")) == ["a", "b", "c"]
    assert lines(console) == []


def test_a_terminal_has_its_bar_and_no_lines(clock) -> None:
    watched = Console(file=io.StringIO(), force_terminal=True, width=200)
    bar = Bar("Diagnosing", console=watched)
    clock[0] = 99
    bar.at(0, words="Diagnosing: 7 records")
    assert watched.file.getvalue() == ""


def test_work_whose_pieces_are_not_counted_says_what_it_is(console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "LINE_EVERY", 0.0)
    with Bar("Diagnosing", console=console) as bar:
        bar.at(0, words="Diagnosing: writing [b]x[/b]")
    assert lines(console)[0] in ("Diagnosing", "Diagnosing: writing [b]x[/b]")
    assert "Diagnosing: writing [b]x[/b]" in lines(console)


def test_every_stage_has_its_own_pace(console, clock) -> None:
    """And what was done before a number was known is no part of it."""
    bar = Bar("Searching", 1.0, console=console)
    clock[0] = 40
    bar.stage("Searching", 0.5)
    clock[0] = 90
    bar.stage("Adapting pass 3", 0.2)
    clock[0] = 120
    bar.stage("Adapting pass 7", 0.8)
    assert lines(console) == [
        "Searching: 50%, 40 s so far, about 40 s left",
        "Adapting pass 3: 20%, 0 s so far",
        "Adapting pass 7: 80%, 30 s so far, about 10 s left",
    ]
    bar = Bar("Predicting", unit="answers", console=console)
    bar.at(10, 110)
    clock[0] = 151
    bar.at(20, 110)
    assert lines(console)[3:] == ["Predicting: 20 of 110 answers, 31 s so far, about 5 min left"]
