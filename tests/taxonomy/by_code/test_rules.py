"""Each rule on a generator made for it, agreement with the published labels, and sources that are not there."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from arc_affinity.data.generation import rearc
from arc_affinity.errors import ArcAffinityError
from arc_affinity.taxonomy.by_code import rules as code
from arc_affinity.taxonomy.by_code.rules import BY_HAND, MANUAL, RULES, classify, classify_all, classify_source
from arc_affinity.taxonomy.categories import CODES

pytestmark = pytest.mark.many_steps

MADE = {
    "box drawn": ("gi = canvas(0, (h, w))", "bx = box(inds)", "go = fill(gi, 3, bx)"),
    "region merged": ("res = merge(objs)", "go = fill(gi, 3, res)"),
    "only filled": ("gi = canvas(0, (h, w))", "go = fill(gi, 3, inds)"),
    "loop on a length": ("while len(inds) > 0 and k < 5:", "    inds = rest(inds)", "go = paint(gi, obj)"),
    "placing loop": (
        "while succ < num and tr < maxtr:",
        "    tr += 1",
        "    if obj.issubset(inds):",
        "        go = paint(go, obj)",
    ),
    "set algebra": ("go = paint(gi, objs)", "go = replace(go, 1, len(set(inds) & other))"),
    "topology drawn": ("gi = paint(gi, obj)", "go = fill(gi, 3, connect(a, b))"),
    "object composed": ("x = asobject(hmirror(gi))", "go = paint(gi, x)"),
    "object taken": ("x = asobject(gi)", "go = paint(gi, x)"),
    "concatenated": ("go = hconcat(gi, gi)",),
    "grown by neighbours": ("x = mapply(neighbors, inds)", "go = replace(gi, 1, 2)"),
    "scaled": ("go = upscale(gi, 3)",),
    "painted": ("go = paint(gi, obj)",),
    "turned": ("go = rot90(gi)",),
    "nothing else": ("go = replace(gi, 1, 2)",),
}


def made(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"def generate_made(rng, diff_lb, diff_ub):\n{body}    return {{'input': gi, 'output': go}}\n"


def test_every_rule_has_a_generator_here():
    assert list(MADE) == [rule.name for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_a_rule_decides_what_it_is_for(rule):
    decided = classify_source(made(*MADE[rule.name]))
    assert (decided.rule, decided.category, decided.confidence) == (rule.name, rule.category, rule.confidence)
    assert decided.reason or rule.name == "nothing else"


def test_formatting_does_not_matter():
    plain = made("bx = box(inds)", "go = fill(gi, 3, bx)")
    spread = plain.replace("box(inds)", "box(\n        inds,\n    )  # the frame")
    assert classify_source(plain) == classify_source(spread)


def test_only_the_end_counts():
    far = ["x = connect(a, b)", *(f"k{i} = {i}" for i in range(code.END)), "go = rot90(gi)"]
    assert classify_source(made(*far)).rule == "turned"
    assert classify_source(made("bx = box(inds)", *far[1:])).rule == "turned"
    assert classify_source(made(*far[1:], "bx = box(inds)")).rule == "box drawn"


def test_what_is_drawn_from_is_no_set_algebra():
    drawn = made("x = rng.choice(totuple(set(inds) - other))", "go = rot90(gi)")
    assert classify_source(drawn).rule == "turned"


def test_subtypes():
    assert classify_source(made(*MADE["box drawn"])).subtype == "S3-A"
    assert classify_source(made(*MADE["grown by neighbours"])).subtype == "S3-B"
    followed = made("x = mapply(neighbors, inds)", "go = fill(gi, 3, connect(a, b))")
    assert classify_source(followed).subtype == "S3-B"
    painted = made("bx = box(inds)", "go = paint(gi, obj)")
    assert classify_source(painted).subtype == "S3-B"
    assert classify_source(made(*MADE["turned"])).subtype is None


def test_all_400_are_decided():
    decided = classify_all()
    assert sorted(decided) == list(rearc.task_ids())
    assert {each.category for each in decided.values()} == set(CODES)
    assert all((each.subtype is not None) == (each.category == "S3") for each in decided.values())
    assert all(0 < each.confidence <= 1 for each in decided.values())
    # A line a kind of decision, with its tasks: reports and trained classifiers rest on these.
    kinds: dict[str, list[str]] = {}
    for task, each in decided.items():
        kinds.setdefault(f"{each.subtype or each.category}, {each.rule}", []).append(task)
    told = [f"{kind}: {' '.join(tasks)}" for kind, tasks in sorted(kinds.items())]
    assert told == (Path(__file__).parent / "decisions.txt").read_text(encoding="utf-8").splitlines()


def test_of_blocks_the_statement_in_them_is_the_reason():
    far = [f"k{i} = {i}" for i in range(code.END)]
    assert classify_source(made(*far, "if a > 3:", "    go = rot90(gi)")).reason == "go = rot90(gi)"


def test_the_14_ambiguous_tasks_have_their_manual_category():
    assert len(MANUAL) == 14
    for task, category in MANUAL.items():
        decided = classify(task)
        assert (decided.category, decided.rule) == (category, BY_HAND)
        assert decided.reason.startswith("the rules say ")


def test_agreement_with_the_published_labels(shared):
    labels = json.loads((shared / "reference" / "taxonomy_labels_dev.json").read_text())
    judged = {task: label for task, label in labels.items() if label != "ambiguous"}
    agreed = sum(classify(task).category == label for task, label in judged.items())
    assert agreed >= 0.97 * len(judged)
    assert {task for task, label in labels.items() if label == "ambiguous"} <= set(MANUAL)


def test_agreement_with_the_published_subtypes(shared):
    labels = json.loads((shared / "reference" / "s3_subtypes_dev.json").read_text())
    agreed = sum(classify(task).subtype == label for task, label in labels.items())
    assert agreed >= 0.90 * len(labels)


def test_confidence_is_how_often_the_rule_agreed(shared):
    labels = json.loads((shared / "reference" / "taxonomy_labels_dev.json").read_text())
    tried, right = Counter(), Counter()
    for task, label in labels.items():
        decided = classify(task)
        if label != "ambiguous":
            tried[decided.rule] += 1
            right[decided.rule] += decided.category == label
    for rule in RULES:
        assert rule.confidence == pytest.approx((right[rule.name] + 1) / (tried[rule.name] + 2), abs=0.0051)


def test_an_unknown_task():
    with pytest.raises(ArcAffinityError, match=r"unknown task '00d62c1c'; did you mean '00d62c1b'\?"):
        classify("00d62c1c")


def test_a_source_that_cannot_be_found(monkeypatch):
    def lost(function):
        raise OSError("could not get source code")

    monkeypatch.setattr(rearc.inspect, "getsource", lost)
    with pytest.raises(ArcAffinityError, match="source of the generator of 00d62c1b cannot be found"):
        classify("00d62c1b")


def test_other_sources_are_refused():
    with pytest.raises(ArcAffinityError, match="not Python"):
        classify_source("def f(:")
