"""What long work says of itself: a bar with the time left on a terminal, elsewhere a line every half minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import rich.console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from arc_affinity.cli.output.terminal import Console
from arc_affinity.text import printable

LINE_EVERY = 30.0
"""Seconds between two lines of progress where nobody watches a bar."""

T = TypeVar("T")


class Lines:
    """Says every half minute how far work is, also while the work tells nothing; silent on a terminal.

    What is over within half a minute is not worth a line. ``words`` are asked for anew for every line.
    """

    def __init__(self, console: rich.console.Console, words: Callable[[], str] = str) -> None:
        self.console, self.words = console, words
        self._said, self._over = time.monotonic(), threading.Event()

    def __enter__(self) -> Lines:
        if not self.console.is_terminal:
            threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def tell(self, words: str) -> None:
        """Note what is being done, and say it if the last line is half a minute old."""
        self.words = lambda: words
        self.say()

    def say(self) -> None:
        """Say how far the work is, if the last line is half a minute old."""
        now = time.monotonic()
        if not self.console.is_terminal and now - self._said >= LINE_EVERY and (words := self.words()):
            self._said = now
            self.console.print(Text(printable(words)), highlight=False, soft_wrap=True)

    def _watch(self) -> None:
        while not self._over.wait(max(LINE_EVERY, 0.05)):
            self.say()


class Stages:
    """What is being done, where its pieces cannot be counted: on one line of a terminal that is gone at the end."""

    def __init__(self, words: str, console: Console | None = None) -> None:
        self.words = words
        self.console = console or Console(stderr=True)
        self.status, self.lines = self.console.status(words), Lines(self.console, lambda: words)

    def __enter__(self) -> Stages:
        self.status.start()
        self.lines.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.__exit__()
        self.status.stop()

    def tell(self, words: str) -> None:
        """Show what is being done."""
        self.status.update(printable(f"{self.words}: {words}"))
        self.lines.tell(f"{self.words}: {words}")


class Bar:
    """Counts pieces of work, with the time left by the pace so far."""

    def __init__(self, words: str, total: int, unit: str, *, done: int = 0, console: Console | None = None) -> None:
        self.words, self.total, self.unit = words, total, unit
        self.begun_at = self.done = done
        self.console = console or Console(stderr=True)
        self.begun = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), _Words(self))
        self.progress = Progress(*columns, console=self.console, disable=not self.console.is_terminal, transient=True)
        self._row = self.progress.add_task(words, total=total, completed=done)
        self._lines = Lines(self.console, lambda: f"{self.words}: {self.told()}")

    def __enter__(self) -> Bar:
        self.begun = time.monotonic()
        self.progress.start()
        self._lines.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.__exit__()
        if self.console.is_terminal:  # elsewhere old releases of rich would write an empty line
            self.progress.stop()

    def advance(self, pieces: int = 1) -> None:
        """Note that so many more are done."""
        self.done = min(self.total, self.done + pieces)
        self.progress.update(self._row, completed=self.done)
        self._lines.say()

    def over(self, pieces: Iterable[T]) -> Iterator[T]:
        """Yield the pieces, each noted when the next one is asked for."""
        with self:
            for piece in pieces:
                yield piece
                self.advance()

    def told(self) -> str:
        """Return how much is done, for how long it has been going on, and how long it will."""
        spent, now_done = time.monotonic() - self.begun, self.done - self.begun_at
        left = f", about {_duration(spent / now_done * (self.total - self.done))} left" if now_done else ""
        return f"{self.done:,} of {self.total:,} {self.unit}, {_duration(spent)} so far{left}"


class _Words(ProgressColumn):
    """What a bar tells, made anew as time goes on."""

    def __init__(self, bar: Bar) -> None:
        super().__init__()
        self.bar = bar

    def render(self, task: Task) -> Text:
        """Return the words."""
        return Text(self.bar.told())


def _duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
