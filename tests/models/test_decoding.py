"""Greedy decoding against the full pass, the teacher and a script of all 900 sizes; the second attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from arc_affinity.data.batching.batch import IGNORE, Batch, collate
from arc_affinity.data.batching.tokens import encode_grid
from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.decoding import Decoded, greedy, next_best
from arc_affinity.models.encoder_decoder import EncoderDecoder, EncoderOutput
from arc_affinity.models.parts.blocks import KVCache
from arc_affinity.models.parts.losses import mask_illegal, steps_right
from arc_affinity.types import CANVAS, MAX_SIDE, PAD, VOCABULARY, Example, Grid, Pair

Build = Callable[..., EncoderDecoder]
Make = Callable[..., list[Example]]

pytestmark = pytest.mark.many_steps


def with_targets(batch: Batch, grids: list[Grid]) -> Batch:
    examples = zip(batch.examples, grids, strict=True)
    return collate([replace(e, query=Pair(e.query.input, grid)) for e, grid in examples])


def sizes_of(batch: Batch) -> list[tuple[int, int]]:
    return [each.query.output.shape for each in batch.examples]


def solved(model: EncoderDecoder, batch: Batch) -> list[bool]:
    """What one teacher-forced pass says."""
    with torch.no_grad():
        return steps_right(model(batch), batch).all(dim=1).tolist()


def exact(decoded: list[Decoded], batch: Batch) -> list[bool]:
    answers = [each.query.output for each in batch.examples]
    return [np.array_equal(each.grid, answer) for each, answer in zip(decoded, answers, strict=True)]


def teacher_forced_scores(model: EncoderDecoder, batch: Batch, grids: list[Grid], sized: bool) -> list[np.ndarray]:
    """The log-probabilities that one pass over the finished outputs gives, PAD aside where the size is given."""
    answered = with_targets(batch, grids)
    with torch.no_grad():
        logits = mask_illegal(model(answered), answered.target_positions)
    if sized:
        logits[..., PAD] = float("-inf")
    lengths = (answered.target != IGNORE).sum(dim=1).tolist()
    return [row[:n].log_softmax(dim=-1).numpy() for row, n in zip(logits, lengths, strict=True)]


def check_against_full_pass(model: EncoderDecoder, batch: Batch, decoded: list[Decoded], sized: bool) -> None:
    """Every score is what one pass over the finished output gives, and what was not given is the likeliest."""
    wanted = teacher_forced_scores(model, batch, [each.grid for each in decoded], sized)
    for scores, each in zip(wanted, decoded, strict=True):
        free = each.tokens != PAD if sized else np.ones(len(each.tokens), dtype=bool)
        np.testing.assert_allclose(each.scores[free], scores[free], atol=1e-4)
        written = scores[np.arange(len(each.tokens)), each.tokens][free]
        np.testing.assert_allclose(each.log_probabilities[free], written, atol=1e-4)
        assert each.log_likelihood == pytest.approx(written.sum(), abs=1e-3)
        assert (each.log_probabilities[~free] == 0).all()
        chosen = free & (np.arange(len(free)) >= each.begun)
        assert (scores.argmax(axis=1) == each.tokens)[chosen].all()


def test_decoding_with_a_cache_is_the_full_pass(variant: ModelConfig, build_eager: Build, examples: Make) -> None:
    batch = collate(examples())
    model = build_eager(variant)
    decoded = greedy(model, batch)
    assert len({len(each.tokens) for each in decoded}) > 1, "some should end before others"
    check_against_full_pass(model, batch, decoded, sized=False)


def test_decoding_at_a_given_size_is_the_full_pass(variant: ModelConfig, build: Build, examples: Make) -> None:
    model, batch = build(variant), collate(examples())
    decoded = greedy(model, batch, sizes=sizes_of(batch))
    assert [each.grid.shape for each in decoded] == sizes_of(batch)
    check_against_full_pass(model, batch, decoded, sized=True)


def test_decoding_does_not_depend_on_the_batch(variant: ModelConfig, build_eager: Build, examples: Make) -> None:
    model, made = build_eager(variant), examples()
    for together, example in zip(greedy(model, collate(made)), made, strict=True):
        (alone,) = greedy(model, collate([example]))
        assert together.tokens.tolist() == alone.tokens.tolist()
        assert together.log_likelihood == pytest.approx(alone.log_likelihood, abs=1e-3)


def test_decoding_does_not_look_at_targets(build_eager: Build, examples: Make) -> None:
    model, batch = build_eager(), collate(examples())
    withheld = replace(batch, target=None, target_positions=None)
    for one, other in zip(greedy(model, batch), greedy(model, withheld), strict=True):
        assert one.tokens.tolist() == other.tokens.tolist()


@pytest.mark.parametrize("size", [(30, 2), (2, 30), (30, 30), (1, 1)])
def test_given_sizes_at_the_canvas_edge(build: Build, examples: Make, size: tuple[int, int]) -> None:
    batch = collate(examples([((2, 3), size), ((3, 2), (2, 2))]))
    decoded = greedy(build(), batch, sizes=sizes_of(batch))
    assert [each.grid.shape for each in decoded] == [size, (2, 2)]


def test_exact_if_and_only_if_the_teacher_is_never_contradicted(
    some: ModelConfig, build_eager: Build, examples: Make
) -> None:
    """On answers that a model gives and on answers one cell, row or column away; what it writes no target changes."""
    model, batch = build_eager(some), collate(examples())
    decoded = greedy(model, batch)
    answers = [each.grid for each in decoded]
    assert solved(model, with_targets(batch, answers)) == [True] * 5
    for change in (recoloured, lengthened, widened):
        wrong = with_targets(batch, [change(grid) for grid in answers])
        assert solved(model, wrong) == exact(decoded, wrong) == [False] * 5


def recoloured(grid: Grid) -> Grid:
    changed = grid.copy()
    changed[-1, -1] = (changed[-1, -1] + 1) % 10
    return changed


def lengthened(grid: Grid) -> Grid:
    return np.vstack([grid, grid[-1:]])[-MAX_SIDE:] if len(grid) < MAX_SIDE else grid[:-1]


def widened(grid: Grid) -> Grid:
    return lengthened(grid.T.copy()).T.copy()


@pytest.mark.parametrize("positions", ["sinusoid", "rotary"])
def test_exact_if_and_only_if_the_teacher_agrees_while_learning(
    build: Build, build_eager: Build, examples: Make, positions: str
) -> None:
    """The same on a model that has learned some of its examples and not yet others."""
    sizes = [((2, 3), (1, 2)), ((3, 2), (2, 1)), ((1, 5), (2, 2)), ((3, 3), (1, 3)), ((5, 2), (3, 1)), ((2, 7), (2, 3))]
    model = build_eager(replace(build().config, positions=positions))
    batch = collate(examples([*sizes, *sizes]))
    optimiser = torch.optim.Adam(model.parameters(), 4e-3)
    seen = set()
    for step in range(60):
        if step % 6 == 0:
            verdicts = solved(model, batch)
            assert verdicts == exact(greedy(model, batch), batch)
            seen |= {sum(verdicts)}
        scores = mask_illegal(model(batch), batch.target_positions).flatten(0, 1)
        torch.nn.functional.cross_entropy(scores, batch.target.flatten(), ignore_index=IGNORE).backward()
        optimiser.step()
        optimiser.zero_grad()
    assert seen & set(range(1, len(batch))), f"learned none or all at once: {seen}"


class Script(EncoderDecoder):
    """Wants to write given grids: its logit is 1 for the next token of each, 0 for all others."""

    def __init__(self, grids: list[Grid]) -> None:
        super().__init__(ModelConfig(width=8, heads=2, feed_forward=3, context_width=4, context_heads=1))
        self.sequences = [encode_grid(grid) for grid in grids]
        self.tokens = np.full((len(grids), CANVAS), PAD)
        self.places = np.zeros((len(grids), CANVAS), dtype=np.int64)
        for row, (tokens, places) in enumerate(self.sequences):
            self.tokens[row, : len(tokens)], self.places[row, : len(places)] = tokens, places
        self.steps = 0

    def encode(self, batch: Batch) -> EncoderOutput:
        rows = torch.arange(len(batch), dtype=torch.float32)
        return EncoderOutput([], None, rows[:, None].expand(-1, 4))

    def new_caches(self) -> list[KVCache]:
        return []

    def step(self, written: Tensor | None, positions: Tensor, encoded: EncoderOutput, caches: list[KVCache]) -> Tensor:
        rows = encoded.context[:, 0].long().numpy()
        assert (positions.numpy() == self.places[rows, self.steps]).all(), "finished examples idle at 0"
        logits = torch.nn.functional.one_hot(torch.from_numpy(self.tokens[rows, self.steps]), VOCABULARY)
        self.steps += 1
        return logits.float()


def all_sizes() -> Iterator[tuple[int, int]]:
    yield from np.ndindex(MAX_SIDE, MAX_SIDE)


@pytest.mark.parametrize("given", [False, True])
def test_every_size_can_be_written(given: bool) -> None:
    rng = np.random.default_rng(11)
    sizes = [(rows + 1, cols + 1) for rows, cols in all_sizes()]
    grids = [rng.integers(0, 10, size, dtype=np.uint8) for size in sizes]
    pair = Pair(grids[0], None)
    batch = collate([Example("task", i, pair, (Pair(grids[0], grids[0]),)) for i in range(len(grids))])
    decoded = greedy(Script(grids), batch, sizes=sizes if given else None)
    for each, grid, (tokens, _) in zip(decoded, grids, Script(grids).sequences, strict=True):
        assert np.array_equal(each.grid, grid)
        assert each.tokens.tolist() == tokens.tolist()


@pytest.mark.parametrize("seed", [0, 3])
def test_whatever_a_model_writes_is_a_grid(build: Build, examples: Make, seed: int) -> None:
    """The first cell can be no PAD, rows cannot differ, and the canvas ends."""
    model = build(seed=seed)
    with torch.no_grad():
        model.output_bias[PAD] += seed
    for each in greedy(model, collate(examples(seed=seed))):
        assert each.grid is not None
        assert min(each.grid.shape) >= 1
        assert max(each.grid.shape) <= MAX_SIDE


def test_prefixes_are_kept(build_eager: Build, examples: Make) -> None:
    model, batch = build_eager(), collate(examples())
    prefixes = [np.array(tokens, dtype=np.int64) for tokens in ([4, 4, PAD, 7], [], [1], [2, PAD, 3, 5], [9, 8, 7, 6])]
    decoded = greedy(model, batch, prefixes=prefixes)
    for each, prefix in zip(decoded, prefixes, strict=True):
        assert each.tokens[: len(prefix)].tolist() == prefix.tolist()
        assert each.begun == len(prefix)
    assert decoded[0].grid.shape[1] == 2
    assert decoded[3].grid.shape[1] == 1
    check_against_full_pass(model, batch, decoded, sized=False)


def written_in_turn(model: EncoderDecoder, batch: Batch, count: int, given: bool) -> list[list[Decoded]]:
    """Of each example its first ``count`` outputs."""
    sizes = sizes_of(batch) if given else None
    outputs = [[each] for each in greedy(model, batch, sizes=sizes)]
    for _ in range(count - 1):
        for mine, other in zip(outputs, next_best(model, batch, outputs, sizes=sizes), strict=True):
            mine.append(other)
    return outputs


@pytest.mark.parametrize("given", [False, True])
def test_the_second_output_takes_the_closest_turn(some: ModelConfig, build_eager: Build, examples: Make, given) -> None:
    model, batch = build_eager(some), collate(examples())
    for one, other in written_in_turn(model, batch, 2, given):
        margins = [np.diff(np.sort(row)[-2:])[0] for row in one.scores]
        turn = int(np.argmin(margins))
        assert other.tokens[:turn].tolist() == one.tokens[:turn].tolist()
        assert other.tokens[turn] == one.scores[turn].argsort()[-2]
        assert other.cost == pytest.approx(margins[turn], abs=1e-5)
        assert not np.array_equal(one.grid, other.grid)
        if given:
            assert one.grid.shape == other.grid.shape


@pytest.mark.parametrize("given", [False, True])
def test_a_likelihood_is_of_the_whole_output(
    some: ModelConfig, build_eager: Build, examples: Make, given: bool
) -> None:
    """Of a branch too, whose beginning was given and not chosen: teacher forcing is the judge."""
    model, batch = build_eager(some), collate(examples())
    outputs = written_in_turn(model, batch, 3, given)
    for rank in (1, 2):
        decoded = [mine[rank] for mine in outputs]
        assert all(each.begun for each in decoded)
        check_against_full_pass(model, batch, decoded, sized=given)


@pytest.mark.parametrize("given", [False, True])
def test_many_outputs_all_differ(build_eager: Build, examples: Make, given: bool) -> None:
    model, batch = build_eager(), collate(examples())
    for mine in written_in_turn(model, batch, 7, given):
        assert all(each.grid is not None for each in mine)
        assert len({(each.grid.shape, each.grid.tobytes()) for each in mine}) == 7
        costs = [each.cost for each in mine]
        assert costs[0] == 0 and costs[1] == min(costs[1:])


def test_no_more_outputs_than_there_are(build: Build, examples: Make) -> None:
    model, batch = build(), collate(examples([((2, 3), (1, 1))]))
    (outputs,) = written_in_turn(model, batch, 10, given=True)
    assert sorted(int(each.grid[0, 0]) for each in outputs) == list(range(10))
    with pytest.raises(ArcAffinityError, match="task task output 0 has no more than 10 different answers"):
        next_best(model, batch, [outputs], sizes=[(1, 1)])
