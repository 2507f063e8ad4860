"""Answers of a model: what each protocol shows it, attempts that differ, and nothing that depends on batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from arc_affinity.data.batching import demonstrations as context
from arc_affinity.data.batching.batch import collate
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.predicting import attempts
from arc_affinity.evaluation.predicting import predict as module
from arc_affinity.evaluation.predicting.asking import (
    Asking,
    Question,
    answers_to,
    check_answerable,
    digest,
    questions_of_store,
    questions_of_tasks,
)
from arc_affinity.evaluation.predicting.attempts import Attempt, answer
from arc_affinity.evaluation.predicting.predict import predict
from arc_affinity.evaluation.records.record import Origin, Record
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.decoding import greedy, next_best
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.types import PAD, Grid, Pair, Task

pytestmark = pytest.mark.many_steps

ORIGIN = Origin("tiny", "0123", "toy", Protocol.ARC_PRIZE, seed=3)


def grid(rows: int, cols: int, seed: int) -> Grid:
    return np.random.default_rng(seed).integers(0, 10, (rows, cols)).astype(np.uint8)


def pair(seed: int, rows: int, cols: int) -> Pair:
    return Pair(grid(rows, cols, seed), grid(cols, rows, seed + 1))


def task(number: int, tests: int = 1) -> Task:
    """A task of 3 to 5 demonstrations, of a size of its own."""
    rows, cols = 1 + number % 5, 2 + number % 3
    shown = tuple(pair(100 * number + 2 * k, rows, cols) for k in range(3 + number % 3))
    asked = tuple(pair(100 * number + 50 + 2 * k, rows, cols + k) for k in range(tests))
    return Task(f"t{number}", shown, asked, "toy")


TASKS = (task(1), task(2, tests=2), task(3), task(5), task(7, tests=3))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let small models compute in one thread: several would wait for each other longer than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model() -> EncoderDecoder:
    """A small model that ends a row after one to three cells and a grid after one row, unless told its size."""
    torch.manual_seed(13)
    sizes = {"width": 16, "heads": 2, "feed_forward": 20, "decoder_layers": 2}
    of_context = {"context_width": 8, "context_heads": 2, "context_feed_forward": 12, "context_layers": 1}
    made = EncoderDecoder(ModelConfig(**sizes, **of_context, positions="sinusoid+rotary"))
    with torch.no_grad():
        made.context_to_logits.bias[PAD] = 4.25
    return made.eval()


def ask(model: EncoderDecoder, asking: Asking, tasks: tuple[Task, ...] = TASKS) -> list[Record]:
    questions = questions_of_tasks(tasks, 2, asking)
    origin = replace(ORIGIN, protocol=asking.protocol)
    return [record for _, records in predict(model, questions, origin, asking) for record in records]


def shown(records: list[Record]) -> list[object]:
    """Records without what rounding may change."""
    return [
        (r.task_id, r.test_index, r.attempt, None if r.prediction is None else r.prediction.tolist(), r.votes)
        for r in records
    ]


@pytest.mark.parametrize("wrong", [{"attempts": 1001}, {"attempts": 0}, {"views": 0}, {"seed": -1}, {"seed": 2**63}])
def test_what_records_could_not_tell_is_not_asked(wrong: dict[str, int]) -> None:
    with pytest.raises(ArcAffinityError, match=f"{next(iter(wrong))} must be a whole number"):
        Asking(**wrong)


@pytest.mark.parametrize("protocol", Protocol)
def test_every_test_output_is_answered_in_order(model: EncoderDecoder, protocol: Protocol) -> None:
    records = ask(model, Asking(protocol))
    attempts = 1 if protocol is Protocol.TEACHER_FORCED else 2
    wanted = [(t.id, i, k + 1) for t in TASKS for i in range(len(t.test)) for k in range(attempts)]
    assert [(r.task_id, r.test_index, r.attempt) for r in records] == wanted
    assert {r.protocol for r in records} == {protocol}
    for record in records:
        pair = next(t for t in TASKS if t.id == record.task_id).test[record.test_index]
        assert np.array_equal(record.input, pair.input) and np.array_equal(record.target, pair.output)
        if protocol is not Protocol.ARC_PRIZE:
            assert record.prediction.shape == pair.output.shape


@pytest.mark.parametrize(
    ("asking", "each"),
    [
        (Asking(attempts=3), 3),
        (Asking(views=3, attempts=1), 3),
        (Asking(views=4, attempts=3), 8),  # a view has no more than two votes
        (Asking(Protocol.TEACHER_FORCED, attempts=2), 1),
    ],
)
def test_as_many_answers_are_told_as_were_promised(model: EncoderDecoder, asking: Asking, each: int) -> None:
    questions, told = questions_of_tasks(TASKS[:2], 2, asking), []
    list(predict(model, questions, replace(ORIGIN, protocol=asking.protocol), asking, tell=told.append))
    assert sum(told) == answers_to(questions, asking) == 3 * each


def test_the_model_chooses_the_size_under_arc_prize(model: EncoderDecoder) -> None:
    first = [r for r in ask(model, Asking()) if r.attempt == 1]
    assert len({r.prediction.shape for r in first}) > 1
    assert not all(r.size_match for r in first)


@pytest.mark.parametrize("protocol", [Protocol.ARC_PRIZE, Protocol.SIZED])
def test_attempts_differ_and_have_likelihoods(model: EncoderDecoder, protocol: Protocol) -> None:
    records = ask(model, Asking(protocol))
    for first, second in zip(records[::2], records[1::2], strict=True):
        assert not np.array_equal(first.prediction, second.prediction)
        assert first.log_likelihood <= 0 and second.log_likelihood <= 0
    assert [r.attempt for r in ask(model, Asking(protocol, attempts=1))] == [1] * 8


def test_batches_do_not_change_answers(model: EncoderDecoder) -> None:
    together = ask(model, Asking())
    alone = ask(model, Asking(batch_examples=1))
    tight = ask(model, Asking(batch_cells=1))
    assert shown(together) == shown(alone) == shown(tight)
    for a, b in zip(together, alone, strict=True):
        assert a.log_likelihood == pytest.approx(b.log_likelihood, abs=1e-4)


def test_an_answer_is_greedy_decoding_of_the_question_alone(model: EncoderDecoder) -> None:
    first = [r for r in ask(model, Asking(attempts=1)) if r.attempt == 1]
    places = [(t, i) for t in TASKS for i in range(len(t.test))]
    for record, (of, index) in zip(first, places, strict=True):
        example = context.from_task(of, index, pairs=2, seed=0)
        [decoded] = greedy(model, collate([example]))
        assert np.array_equal(record.prediction, decoded.grid)


def test_targets_are_never_looked_at_under_arc_prize(model: EncoderDecoder) -> None:
    asking = Asking(views=2)
    withheld = tuple(replace(t, test=tuple(replace(p, output=None) for p in t.test)) for t in TASKS)
    blind = ask(model, asking, withheld)
    assert shown(blind) == shown(ask(model, asking))
    assert {r.exact for r in blind} == {None}


@pytest.mark.parametrize("protocol", [Protocol.SIZED, Protocol.TEACHER_FORCED])
def test_the_other_protocols_need_the_target(model: EncoderDecoder, protocol: Protocol) -> None:
    asking = Asking(protocol)
    hidden = replace(TASKS[1], test=(TASKS[1].test[0], replace(TASKS[1].test[1], output=None)))
    questions = questions_of_tasks([TASKS[0], hidden], 2, asking)
    told = f"task t2 output 1 has no true output, which protocol {protocol} needs"
    with pytest.raises(ArcAffinityError, match=told):
        check_answerable(questions, protocol)
    with pytest.raises(ArcAffinityError, match=told):
        answer(model, questions, asking, asking.seen())
    check_answerable(questions, Protocol.ARC_PRIZE)


def own_answers(model: EncoderDecoder, protocol: Protocol) -> tuple[Task, ...]:
    """The tasks, every other one with the model's own answers of that protocol in place of the true ones."""
    written = {(r.task_id, r.test_index): r.prediction for r in ask(model, Asking(protocol, attempts=1))}
    return tuple(
        t if k % 2 else replace(t, test=tuple(Pair(p.input, written[t.id, i]) for i, p in enumerate(t.test)))
        for k, t in enumerate(TASKS)
    )


def test_teacher_forced_is_exact_where_the_sized_answer_is(model: EncoderDecoder) -> None:
    tasks = own_answers(model, Protocol.SIZED)
    forced = ask(model, Asking(Protocol.TEACHER_FORCED), tasks)
    sized = ask(model, Asking(Protocol.SIZED, attempts=1), tasks)
    assert [r.exact for r in forced] == [r.exact for r in sized]
    assert [r.exact for r in sized].count(True) >= 3
    for a, b in zip(forced, sized, strict=True):
        if not a.exact:
            # Up to the first error both saw the same.
            wrong = int(np.argmax((a.prediction != a.target).ravel()))
            assert np.array_equal(a.prediction.ravel()[: wrong + 1], b.prediction.ravel()[: wrong + 1])


def test_views_vote(model: EncoderDecoder) -> None:
    """Each view, of a draw of demonstrations of its own, votes for its two answers; by hand, one view at a time."""
    asking = Asking(views=5, attempts=3)
    records = ask(model, asking)
    for of in TASKS:
        for index in range(len(of.test)):
            votes: Counter[str] = Counter()
            for r, view in enumerate(asking.seen()):
                example = view.apply_example(context.from_task(of, index, pairs=2, seed=0, round=r))
                batch = collate([example])
                [first] = greedy(model, batch)
                [second] = next_best(model, batch, [[first]])
                votes.update(str(view.inverse.apply(each.grid).tolist()) for each in (first, second))
            own = [r for r in records if (r.task_id, r.test_index) == (of.id, index)]
            assert [votes[str(r.prediction.tolist())] for r in own] == sorted(votes.values(), reverse=True)[:3]
            assert [r.votes for r in own] == sorted(votes.values(), reverse=True)[:3]
            assert {r.views for r in own} == {5}


def test_views_of_a_task_with_two_demonstrations_are_no_copies() -> None:
    two = replace(TASKS[0], train=TASKS[0].train[:2])
    [question] = questions_of_tasks([two], 2, Asking(views=8))
    assert np.array_equal(question[0].query.input, two.test[0].input)
    assert len({(e.query.input.shape, e.query.input.tobytes()) for e in question}) == 8
    shapes = Counter(e.query.input.shape for e in question)
    assert shapes == {(2, 3): 4, (3, 2): 4}, "turned as well as recoloured"


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("protocol", [Protocol.ARC_PRIZE, Protocol.SIZED])
def test_as_many_attempts_as_were_asked_for(model: EncoderDecoder, protocol: Protocol, views: int) -> None:
    records = ask(model, Asking(protocol, attempts=7, views=views))
    assert [r.attempt for r in records] == [1, 2, 3, 4, 5, 6, 7] * 8
    assert len({(r.task_id, r.test_index, str(r.prediction)) for r in records}) == 7 * 8


def test_what_views_agree_on_comes_once(model: EncoderDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two views have two grids between them; a third comes from the first view alone, which gives those two again."""
    grids = [np.full((2, 2), colour, np.uint8) for colour in (3, 5, 7)]
    asking = Asking(views=2, attempts=3)
    numbers: list[int] = []

    def attempts_at(
        _model: object, examples: list, _asking: Asking, number: int, _tell: object = None
    ) -> list[list[Attempt]]:
        numbers.append(number)
        given = [[Attempt(grid, -1.0 - k) for k, grid in enumerate(grids[:number])] for _ in examples]
        if number == 2:
            undo = asking.seen()[1]
            given[1] = [replace(each, grid=undo.apply(each.grid)) for each in given[1]]
        return given

    monkeypatch.setattr(attempts, "attempts_at", attempts_at)
    question = questions_of_tasks([TASKS[0]], 2, asking)
    [found] = answer(model, question, asking, asking.seen())
    assert numbers == [2, 3]
    assert [(each.grid.max(), each.votes) for each in found] == [(3, 2), (5, 2), (7, None)]


def test_the_seed_draws_other_demonstrations() -> None:
    [here], [there] = (questions_of_tasks([TASKS[3]], 2, Asking(seed=seed)) for seed in (0, 1))
    assert digest([here]) == digest(questions_of_tasks([TASKS[3]], 2, Asking()))
    assert digest([here]) != digest([there])


def test_a_digest_covers_all_that_is_asked_and_shown() -> None:
    [[example]] = questions_of_tasks([TASKS[0]], 2, Asking())
    other = Pair(grid(2, 2, 5), grid(2, 2, 6))
    changed: list[Question] = [
        (replace(example, task_id="t9"),),
        (replace(example, index=1),),
        (replace(example, query=replace(example.query, output=None)),),
        (replace(example, query=other),),
        (replace(example, demonstrations=(other, *example.demonstrations[1:])),),
        (example, example),
    ]
    assert len({digest([question]) for question in [(example,), *changed]}) == 7


def test_finished_tasks_are_left_out_and_the_others_the_same(
    model: EncoderDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 3)  # t1 and t2; t3, t5 and t7
    asking = Asking()
    questions = questions_of_tasks(TASKS, 2, asking)
    whole = dict(predict(model, questions, ORIGIN, asking))
    assert list(whole) == ["t1", "t2", "t3", "t5", "t7"]
    left = dict(predict(model, questions, ORIGIN, asking, done={"t1", "t2", "t5"}))
    assert list(left) == ["t3", "t7"]
    for name, records in left.items():
        assert [r.to_json() for r in records] == [r.to_json() for r in whole[name]]


def test_nothing_is_decoded_for_a_chunk_that_is_done(model: EncoderDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "answer", None)
    asking = Asking()
    assert not list(predict(model, questions_of_tasks(TASKS, 2, asking), ORIGIN, asking, {t.id for t in TASKS}))


def test_a_model_in_training_mode_answers_the_same(model: EncoderDecoder) -> None:
    once = shown(ask(model, Asking()))
    assert shown(ask(model.train(), Asking())) == once
    assert not model.training


def test_demonstrations_of_other_tasks_take_the_place_of_a_tasks_own(tmp_path) -> None:
    write_store(tmp_path / "s", {f"t{n}": [pair(3 * n + k, 2, 3) for k in range(3)] for n in range(3)})
    store, asking = ExampleStore.open(tmp_path / "s"), Asking(views=2)
    for questions in (
        [questions_of_tasks(TASKS, 2, asking, shown) for shown in ("drawn", "others")],
        [questions_of_store(store, 2, asking, shown) for shown in ("drawn", "others")],
    ):
        inputs_of: dict[str, set[bytes]] = {}
        for question in questions[0]:
            for example in question[:1]:
                inputs_of.setdefault(example.task_id, set()).update(p.input.tobytes() for p in example.demonstrations)
        given: dict[str, set[str]] = {}
        for own, other in zip(*questions, strict=True):
            assert (own[0].task_id, own[0].index) == (other[0].task_id, other[0].index)
            assert np.array_equal(own[1].query.input, other[1].query.input)
            seen = {pair.input.tobytes() for pair in other[0].demonstrations}
            givers = {task for task, inputs in inputs_of.items() if inputs & seen}
            given.setdefault(own[0].task_id, set()).update(givers)
        assert all(len(givers) == 1 and task not in givers for task, givers in given.items())
        assert set().union(*given.values()) == set(given), "each task's are shown in the place of one other's"
    draws = {tuple(p.input.tobytes() for p in each[0].demonstrations) for each in questions[1][:3]}
    assert len(draws) == 3, "each example of a store has a draw of its own"
    with pytest.raises(ArcAffinityError, match="the dataset has one alone"):
        questions_of_tasks(TASKS[:1], 2, asking, "others")


@pytest.mark.parametrize("shown", ["drawn", "others", "first"])
def test_chosen_tasks_are_asked_the_same_and_no_others_are_drawn(tmp_path, monkeypatch, shown) -> None:
    write_store(tmp_path / "s", {f"t{n}": [pair(3 * n + k, 2, 3) for k in range(3)] for n in range(3)})
    store, asking = ExampleStore.open(tmp_path / "s"), Asking(views=2)
    every = questions_of_store(store, 2, asking, shown)
    drawn, from_store = [], context.from_store
    monkeypatch.setattr(
        context, "from_store", lambda *given, **more: drawn.append(given[1]) or from_store(*given, **more)
    )
    some = questions_of_store(store, 2, asking, shown, {"t1"})
    assert digest(some) == digest(question for question in every if question[0].task_id == "t1")
    assert set(drawn) == (set(range(9)) if shown == "others" else {3, 4, 5})
    if shown != "first":
        tasks = questions_of_tasks(TASKS, 2, asking, shown, [TASKS[1].id])
        of_all = questions_of_tasks(TASKS, 2, asking, shown)
        assert digest(tasks) == digest(question for question in of_all if question[0].task_id == TASKS[1].id)


def test_questions_of_a_store_ask_every_example(tmp_path) -> None:
    write_store(tmp_path / "s", {"t1": [pair(k, 2, 3) for k in (1, 5, 9)], "t2": [pair(k, 4, 3) for k in (2, 7)]})
    store = ExampleStore.open(tmp_path / "s")
    questions = questions_of_store(store, 2, Asking(views=3))
    assert [(q[0].task_id, q[0].index, len(q)) for q in questions] == [
        ("t1", 0, 3), ("t1", 1, 3), ("t1", 2, 3), ("t2", 3, 3), ("t2", 4, 3)
    ]  # fmt: skip
    for question in questions:
        for example in question:
            query = example.query.input.tolist()
            assert example.query.output is not None
            assert query not in [p.input.tolist() for p in example.demonstrations]
