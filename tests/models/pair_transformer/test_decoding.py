"""What is written equals what a whole pass would write, in any company; likelihoods are those of teacher forcing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from arc_affinity.models.pair_transformer.config import PairConfig
from arc_affinity.models.pair_transformer.decoding import cell_log_probabilities, likelihoods, write
from arc_affinity.models.pair_transformer.layout import (
    GRID_END,
    IGNORE,
    ROW_END,
    Written,
    grid_places,
    grid_tokens,
    lay_out,
)
from arc_affinity.models.pair_transformer.network import PairTransformer
from arc_affinity.types import Grid

pytestmark = pytest.mark.many_steps


@pytest.fixture(scope="module", params=[(1, 41), (2, 35)], ids=["once through", "looped"])
def model(request: pytest.FixtureRequest) -> PairTransformer:
    loops, seed = request.param
    torch.manual_seed(seed)
    made = PairTransformer(PairConfig(width=24, heads=3, layers=2, hidden=20, tasks=5, loops=loops)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            # Zero output weights would hide what attention does wrong.
            parameter.copy_(torch.randn_like(parameter) * 0.3)
        # Outputs end soon, and have several rows.
        made.head.weight[ROW_END:] *= 2
    return made


def grid(rows: int, cols: int, seed: int = 0) -> Grid:
    return np.random.default_rng(seed).integers(0, 10, (rows, cols)).astype(np.uint8)


QUESTIONS = [
    Written(grid(r, c, s), None, s % 5, (3 * s) % 8) for s, (r, c) in enumerate([(2, 3), (7, 5), (1, 1), (5, 7)])
]


def test_tokens_and_places_of_a_grid() -> None:
    small = np.array([[1, 2], [3, 4], [5, 6]], np.uint8)
    assert grid_tokens(small).tolist() == [1, 2, ROW_END, 3, 4, 5, 6, GRID_END]
    assert grid_places(3, 2).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [2, 0], [2, 1], [3, 0]]


def test_a_token_is_the_sum_of_what_is_known_of_it() -> None:
    tables = ("tokens", "segments", "rows", "cols", "below", "right", "tasks", "views")
    sized = PairTransformer(PairConfig(width=8, heads=2, layers=1, hidden=8, tasks=5))
    with torch.no_grad():
        for number, name in enumerate(tables):
            table = getattr(sized, name).weight
            # A table speaks in its own place of the vector, and says which of its rows it is.
            table.zero_()
            table[:, number] = torch.arange(1.0, len(table) + 1)
        batch = lay_out(QUESTIONS)
        found = sized.embed(batch) - 1
    for name, number in (("tokens", 0), ("segments", 1)):
        assert torch.equal(found[..., number], getattr(batch, name).float())
    assert torch.equal(found[..., 2:4], batch.targets.float()) and torch.equal(found[..., 4:6], batch.edges.float())
    assert torch.equal(found[..., 6], batch.tasks[:, None].float().expand_as(found[..., 6]))
    assert torch.equal(found[..., 7], batch.views[:, None].float().expand_as(found[..., 7]))


def test_every_token_of_an_output_is_predicted_for_its_own_place() -> None:
    pair = Written(grid(2, 3), grid(3, 2), 4, 6)
    batch = lay_out([pair, Written(grid(5, 5), grid(1, 2), 0, 0)])
    labelled = batch.labels[0] != IGNORE
    assert batch.labels[0][labelled].tolist() == grid_tokens(pair.output).tolist()
    assert batch.targets[0][labelled].tolist() == grid_places(3, 2).tolist()
    assert batch.tokens[0][: pair.length].tolist() == [*grid_tokens(pair.input), *grid_tokens(pair.output)[:-1]]


def test_padding_changes_nothing(model: PairTransformer) -> None:
    pairs = [Written(grid(2, 3), grid(3, 2), 1, 2), Written(grid(7, 5), grid(5, 7), 3, 4)]
    alone = [likelihoods(model, [pair])[0] for pair in pairs]
    assert likelihoods(model, pairs) == pytest.approx(alone, abs=1e-4)


def test_no_token_sees_what_comes_after_it_in_the_output(model: PairTransformer) -> None:
    first = Written(grid(4, 4), grid(4, 5), 1, 2)
    other = first.output.copy()
    other[2, 3] = (other[2, 3] + 1) % 10
    changed = Written(first.input, other, 1, 2)
    before, after = (cell_log_probabilities(model, [pair])[0] for pair in (first, changed))
    place = grid_places(4, 5).tolist().index([2, 3])
    np.testing.assert_allclose(before[: place + 1], after[: place + 1], atol=1e-5)
    assert np.abs(before[place + 1 :] - after[place + 1 :]).max() > 1e-3


def test_every_token_sees_the_whole_input(model: PairTransformer) -> None:
    first = Written(grid(4, 4), grid(2, 2), 1, 2)
    other = first.input.copy()
    other[3, 3] = (other[3, 3] + 1) % 10
    before, after = (
        cell_log_probabilities(model, [Written(each, first.output, 1, 2)])[0] for each in (first.input, other)
    )
    assert (np.abs(before - after).max(axis=1) > 1e-6).all()


def greedy_by_whole_passes(model: PairTransformer, question: Written, most: int) -> list[int]:
    """The first tokens the slow way: one whole pass for each."""
    tokens: list[int] = []
    while len(tokens) < most and GRID_END not in tokens:
        cols = tokens.index(ROW_END) if ROW_END in tokens else None
        cells = [token for token in tokens if token < 10]
        at = len(cells)
        row, col = (0, at) if cols is None else divmod(at, cols)
        # A grid that agrees with what is written so far and goes on with anything.
        width = 30 if cols is None else cols
        guess = np.zeros(30 * width, np.uint8)
        guess[:at] = cells
        output = guess.reshape(30, width)[: min(30, row + 1)]
        found = cell_log_probabilities(model, [Written(question.input, output, question.task, question.view)])[0]
        here = found[len(tokens)].copy()
        allowed = [*(range(10) if (col < 30 if cols is None else row < 30) else ())]
        allowed += [ROW_END] if cols is None and col > 0 else []
        allowed += [GRID_END] if cols is not None and col == 0 else []
        tokens.append(max(allowed, key=lambda each: here[each]))
    return tokens


def test_written_together_as_by_whole_passes(model: PairTransformer) -> None:
    answers = write(model, QUESTIONS)
    assert len({answer.grid.shape for answer in answers}) > 1
    for question, answer in zip(QUESTIONS, answers, strict=True):
        tokens = grid_tokens(answer.grid).tolist()
        # Past the first row's end, so that rows and columns of the second are predicted too.
        most = min(len(tokens), tokens.index(ROW_END) + 12)
        assert greedy_by_whole_passes(model, question, most) == tokens[:most]


def test_the_likelihood_of_what_is_written_is_that_of_teacher_forcing(model: PairTransformer) -> None:
    answers = write(model, QUESTIONS)
    told = [Written(q.input, a.grid, q.task, q.view) for q, a in zip(QUESTIONS, answers, strict=True)]
    assert [a.log_likelihood for a in answers] == pytest.approx(likelihoods(model, told), abs=1e-3)


def test_task_and_view_matter(model: PairTransformer) -> None:
    pair = Written(grid(3, 3), grid(3, 3, 1), 0, 0)
    others = [Written(pair.input, pair.output, 1, 0), Written(pair.input, pair.output, 0, 5)]
    assert len(set(likelihoods(model, [pair, *others]).round(4))) == 3


def test_an_output_that_is_cut_off_keeps_its_whole_rows(model: PairTransformer) -> None:
    whole = write(model, QUESTIONS)
    for most in (1, 2, 5, 11):
        for full, cut in zip(whole, write(model, QUESTIONS, most=most), strict=True):
            assert cut.grid.size <= most
            rows, cols = cut.grid.shape
            if cols == full.grid.shape[1]:
                np.testing.assert_array_equal(cut.grid, full.grid[:rows])
            else:
                np.testing.assert_array_equal(cut.grid[0], full.grid[0, :cols])


def test_mixed_precision_keeps_to_the_fused_kernels(model: PairTransformer, recwarn: pytest.WarningsRecorder) -> None:
    batch = lay_out([Written(grid(3, 5), grid(2, 3), 1, 0)])
    exact = model(batch)
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            mixed = model(batch)
    finally:
        torch.set_warn_always(before)
    assert not recwarn.list
    torch.testing.assert_close(mixed.float(), exact, atol=0.3, rtol=0.1)
