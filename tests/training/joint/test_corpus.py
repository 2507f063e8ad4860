"""What is trained on: nothing of the answers asked, every pair once a pass, views that keep what the rule names."""

from __future__ import annotations

from collections import Counter

import numpy as np

from arc_affinity.data.symmetry.augment import DIHEDRALS, fixed_colours
from arc_affinity.models.pair_transformer.layout import lay_out
from arc_affinity.training.joint.corpus import (
    Corpus,
    Lesson,
    demonstrations_of,
    length_of,
    whole_lesson,
)
from arc_affinity.types import Grid, Pair, Task


def grid(rows: int, cols: int, seed: int, colours: int = 10) -> Grid:
    return np.random.default_rng(seed).integers(0, colours, (rows, cols)).astype(np.uint8)


def lesson(number: int, pairs: int, more: int = 0) -> Lesson:
    def drawn(count: int, base: int) -> tuple[Pair, ...]:
        return tuple(Pair(grid(2 + i % 3, 3, base + i), grid(3, 2 + i % 2, base + 50 + i)) for i in range(count))

    return Lesson(f"t{number}", drawn(pairs, 100 * number), frozenset({0}), drawn(more, 1000 * number + 7))


def test_colours_that_only_outputs_have_stay() -> None:
    task = Task(
        "x",
        (Pair(np.array([[0, 1]], np.uint8), np.array([[1, 7]], np.uint8)),),
        (Pair(np.array([[2, 7]], np.uint8), np.array([[9, 9]], np.uint8)),),
    )
    # 7 is in the test's input; 9 is in the test's output alone, which is not looked at.
    assert fixed_colours(task) == {0}
    assert fixed_colours(Task("x", task.train, (Pair(np.array([[2, 0]], np.uint8), None),))) == {0, 7}


def test_a_task_asked_gives_its_demonstrations_and_no_more() -> None:
    answer = grid(3, 3, 9)
    task = Task("x", (Pair(grid(2, 2, 1), grid(2, 2, 2)),), (Pair(grid(3, 3, 3), answer),))
    assert demonstrations_of(task).pairs == task.train
    assert demonstrations_of(task).more == ()
    assert whole_lesson(task).pairs == (*task.train, *task.test)


def test_every_pair_comes_once_a_pass_and_some_of_the_others() -> None:
    corpus = Corpus((lesson(1, 5, more=11), lesson(2, 3)), drawn=4, seed=3)
    first, second = corpus.batches(0, 60), corpus.batches(1, 60)
    items = [item for batch in first for item in batch]
    assert len(items) == len(set(items)) == 5 + 4 + 3
    own = {(item.lesson, item.pair) for item in items if item.pair < (5, 3)[item.lesson]}
    assert own == {(0, i) for i in range(5)} | {(1, i) for i in range(3)}
    assert first != second
    assert first == Corpus((lesson(1, 5, more=11), lesson(2, 3)), drawn=4, seed=3).batches(0, 60)
    drawn = {item.pair for n in range(20) for batch in corpus.batches(n, 60) for item in batch if item.lesson == 0}
    assert drawn == set(range(16))


def test_no_batch_has_more_tokens_than_allowed_and_lengths_are_those_laid_out() -> None:
    corpus = Corpus((lesson(1, 9), lesson(2, 7)), copies=3)
    for batch in corpus.batches(0, 70):
        laid = lay_out([corpus.view(item, 0) for item in batch])
        assert laid.tokens.numel() <= 70
        assert laid.tokens.shape[1] == max(length_of(corpus.pair(item)) for item in batch)
    counts = Counter((item.lesson, item.pair) for batch in corpus.batches(0, 70) for item in batch)
    assert set(counts.values()) == {3}


def test_long_pairs_are_left_out() -> None:
    corpus = Corpus((lesson(1, 6),), longest=15)
    kept = [corpus.pair(item) for batch in corpus.batches(0, 100) for item in batch]
    assert kept
    assert all(length_of(pair) <= 15 for pair in kept)
    assert len(kept) < 6


def test_a_view_turns_input_and_output_alike_and_keeps_the_fixed_colours() -> None:
    one = Lesson("x", (Pair(grid(4, 3, 5), grid(2, 5, 6)),), frozenset({0, 4}))
    corpus = Corpus((one,), seed=8)
    seen = set()
    for number in range(200):
        (item,) = corpus.batches(number, 1000)[0]
        written = corpus.view(item, number)
        seen.add(written.view)
        shape = DIHEDRALS[written.view].inverse
        recoloured = [
            (shape.apply(written.input), one.pairs[0].input),
            (shape.apply(written.output), one.pairs[0].output),
        ]
        table: dict[int, int] = {}
        for changed, original in recoloured:
            for new, old in zip(changed.ravel().tolist(), original.ravel().tolist(), strict=True):
                assert table.setdefault(old, new) == new
        assert table.get(0, 0) == 0
        assert table.get(4, 4) == 4
    assert seen == set(range(8))
    assert corpus.view(item, 0).input.tobytes() != corpus.view(item, 1).input.tobytes()
