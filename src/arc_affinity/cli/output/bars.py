"""What long work says of itself: a bar with the time left on a terminal, elsewhere a line every half minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import rich.console
from rich.progress import BarColumn, Progress, RenderableColumn
from rich.text import Text

from arc_affinity.cli.output.terminal import Console
from arc_affinity.text import printable

LINE_EVERY = 30.0
"""Seconds between two lines of progress where nobody watches a bar; what is over sooner is not worth a line."""

T = TypeVar("T")


class Bar:
    """How far work is, with the time left by the pace so far.

    Args:
        words: what is being done.
        total: pieces of work; 0 where they cannot be counted.
        unit: what the pieces are; without one a share of the whole is told.
        console: where to say it; stderr unless given.
    """

    def __init__(
        self,
        words: str,
        total: float = 0,
        unit: str = "",
        *,
        console: rich.console.Console | None = None,
    ) -> None:
        self.words, self.total, self.unit = words, total, unit
        self.begun_at: float = 0
        self.done: float = 0
        self.console = console or Console(stderr=True)
        self.begun = self._noted = self._said = time.monotonic()
        columns = (RenderableColumn(self), BarColumn())
        self.progress = Progress(*columns, console=self.console, disable=not self.console.is_terminal, transient=True)
        self._row = self.progress.add_task("", total=total or None)
        self._over = threading.Event()

    def __enter__(self) -> Bar:
        self.begun = time.monotonic()
        self.progress.start()
        if not self.console.is_terminal:
            threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self.console.is_terminal:  # elsewhere old releases of rich would write an empty line
            self.progress.stop()

    def found(self, done: float) -> None:
        """Note how many pieces an earlier run has done: they are no part of this one's pace."""
        self.begun_at = done
        self.at(done)

    def advance(self, pieces: float = 1) -> None:
        """Note that so many more are done."""
        self.at(min(self.total, self.done + pieces))

    def at(self, done: float, total: float | None = None, words: str | None = None) -> None:
        """Note how many pieces are done, of how many, and what is being done, where these have changed."""
        if total is not None and total != self.total:
            # What was done before this run is no part of its pace.
            self.total, self.begun_at, self.begun = total, done, time.monotonic()
        if done != self.done:
            self._noted = time.monotonic()
        self.done, self.words = done, words or self.words
        self.progress.update(self._row, completed=done, total=self.total or None)
        self._say()

    def stage(self, words: str, done: float = 0) -> None:
        """Begin another piece of work, or note the words for the one that is going on."""
        if words.split()[0] != self.words.split()[0]:
            self.begun, self.begun_at = time.monotonic(), done
        self.at(done, words=words)

    def over(self, pieces: Iterable[T]) -> Iterator[T]:
        """Yield the pieces, each noted when the next one is asked for."""
        with self:
            for piece in pieces:
                yield piece
                self.advance()

    def told(self) -> str:
        """Return what is being done, how much of it is done, for how long it has gone on, and how long it will."""
        if not self.total:
            return self.words
        spent, now_done = time.monotonic() - self.begun, self.done - self.begun_at
        left = f", about {_duration(self._left(now_done))} left" if now_done > 0 else ""
        much = f"{self.done:,} of {self.total:,} {self.unit}" if self.unit else f"{self.done / self.total:.0%}"
        return f"{self.words}: {much}, {_duration(spent)} so far{left}"

    def _left(self, now_done: float) -> float:
        """Seconds left by the pace of what is done; the piece at hand is taken to be as long as those before."""
        pace, remaining = (self._noted - self.begun) / now_done, self.total - self.done
        at_hand = time.monotonic() - self._noted
        return max(pace * remaining - at_hand, pace * (remaining - 1), 0)

    def __rich__(self) -> Text:
        return Text(printable(self.told()))

    def _say(self) -> None:
        """Say how far the work is, if nobody watches a bar and the last line is half a minute old."""
        now = time.monotonic()
        if not self.console.is_terminal and now - self._said >= LINE_EVERY:
            self._said = now
            self.console.print(self, highlight=False, soft_wrap=True)

    def _watch(self) -> None:
        while not self._over.wait(max(LINE_EVERY, 0.05)):
            self._say()


def _duration(seconds: float) -> str:
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
