"""Labels and answers compared, with numbers counted by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arc_affinity.errors import ArcAffinityError
from arc_affinity.taxonomy.categories import AMBIGUOUS, CODES
from arc_affinity.taxonomy.validation import Answer, compare, low_share, read_labels

LABELS = {"a": "S3", "b": "S3", "c": "C1", "d": "ambiguous", "e": "A2", "f": "S3"}


def said(category: str, subtype: str | None = None) -> Answer:
    return Answer(category, subtype, "a rule", "because", 0.5)


ANSWERS = {
    "a": said("S3", "S3-A"),
    "b": said("C1"),
    "c": said("C1"),
    "d": said("K1"),
    "e": said(AMBIGUOUS),
    "f": said("S3"),
}


def test_counts_by_hand():
    found = compare(LABELS, ANSWERS)
    assert (found.agreed, len(found.labels), found.accuracy) == (3, 5, 0.6)
    assert (found.ambiguous, found.abstained) == (("d",), 1)
    assert found.terms == ("S3", "C1", "A2", AMBIGUOUS)
    assert dict(found.confusion) == {("S3", "S3"): 2, ("S3", "C1"): 1, ("C1", "C1"): 1, ("A2", AMBIGUOUS): 1}
    s3, c1, a2 = found.quality()
    assert (s3.precision, s3.recall, s3.f1) == (1.0, 2 / 3, 0.8)
    assert (c1.precision, c1.recall, c1.f1) == (0.5, 1.0, 2 / 3)
    assert (a2.precision, a2.recall, a2.f1) == (None, 0.0, 0.0)
    assert found.macro_f1 == pytest.approx((0.8 + 2 / 3) / 3)
    assert [(each.task, each.label, each.answer, each.reason) for each in found.disagreements] == [
        ("b", "S3", "C1", "because"),
        ("e", "A2", AMBIGUOUS, "because"),
    ]


def test_subtypes_are_judged_as_subtypes():
    found = compare({"a": "S3-A", "b": "S3-B", "f": "S3-B"}, {**ANSWERS, "f": said("S3", "S3-A")})
    assert found.answers == {"a": "S3-A", "b": "C1", "f": "S3-A"}
    assert found.agreed == 1


def test_subtypes_are_judged_by_their_category_where_no_answer_decides_one():
    labels = {"a": "S3-A", "b": "S3-B", "c": "C1", "d": "ambiguous"}
    found = compare(labels, {task: replace(answer, subtype=None) for task, answer in ANSWERS.items()})
    assert (found.labels, found.by_category) == ({"a": "S3", "b": "S3", "c": "C1"}, ("a", "b"))
    assert (found.agreed, found.terms) == (2, ("S3", "C1"))
    assert [(each.task, each.label, each.answer) for each in found.disagreements] == [("b", "S3", "C1")]
    assert compare(labels, ANSWERS).by_category == ()


def test_nothing_but_ambiguous_labels():
    found = compare({"d": "ambiguous"}, ANSWERS)
    assert (found.accuracy, found.macro_f1, found.quality()) == (None, None, ())


@given(st.dictionaries(st.text("ab", min_size=1), st.tuples(st.sampled_from(CODES), st.sampled_from(CODES))))
def test_accuracy_is_the_share_of_equal_ones(pairs):
    found = compare(
        {t: label for t, (label, _) in pairs.items()}, {t: said(answer) for t, (_, answer) in pairs.items()}
    )
    assert found.agreed == sum(label == answer for label, answer in pairs.values())
    assert sum(found.confusion.values()) == len(pairs)
    assert sum(each.agreed for each in found.quality()) == found.agreed


def test_the_share_of_low_affinity():
    assert low_share(["S3", "A1", "A2", "C1", AMBIGUOUS]) == 0.6
    assert low_share([]) is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ("[1]", "must be a JSON object"),
        ("{}", "no labels"),
        ('{"a": "unknown"}', "no labels"),
        ('{"a": {"rule": "grids"}}', r'task a: \{"rule": "grids"\} is no category'),
        ('{"a": 3}', "task a: 3 is no category"),
        ('{"a": "S4"}', r"task a: unknown category 'S4'; did you mean"),
        ('{"aaa1": "S3"}', r"unknown task 'aaa1'; did you mean 'aaa2'"),
        ('{"a": "S3", "a": "C1"}', "not JSON|twice"),
    ],
)
def test_bad_label_files(tmp_path, content, told):
    path = tmp_path / "labels.json"
    path.write_text(content)
    with pytest.raises(ArcAffinityError, match=told) as error:
        read_labels(path, ["a", "aaa2"])
    assert str(path) in str(error.value)


def test_a_missing_label_file(tmp_path):
    with pytest.raises(ArcAffinityError, match="cannot read"):
        read_labels(tmp_path / "none.json", ["a"])


def test_labels_come_sorted_and_of_every_form(tmp_path):
    path = tmp_path / "labels.json"
    written = {"category": "S3", "rule": "box drawn"}
    entries = {
        "b": "S3-B",
        "a": "ambiguous",
        "c": {**written, "subtype": "S3-A"},
        "e": {**written, "subtype": None},
        "d": "unknown",
    }
    path.write_text(json.dumps(entries))
    wanted = [("a", "ambiguous"), ("b", "S3-B"), ("c", "S3-A"), ("e", "S3")]
    assert list(read_labels(path, [*entries]).items()) == wanted
