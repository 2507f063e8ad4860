"""Claims that need a model: ours supplies the numbers, since no published weights exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from scipy.stats import binomtest

from arc_affinity.diagnosis.affinity import SIGNIFICANT
from arc_affinity.documents import read_json
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.paper.audit.common import Evidence, Finding, Verdict, unchecked, within
from arc_affinity.paper.audit.scores import DRAWN, FIRST, Contrast, OurScore, contrasts
from arc_affinity.statistics import Estimate, false_discovery, known_mean, mean, paired, share
from arc_affinity.text import percent

MERGE = Path(__file__).parent / "our_merge.json"
"""What averaging our own adapters came to (docs/log.md, 26)."""

SEPARATED = 0.5
"""Loss barrier above which the paper calls two models separated."""

NO_SCORES = "no scores of our own at hand"
UNPUBLISHED = "neither weights nor predictions of the published run exist"
MANY, FEW = ("champion", "rotary"), ("champion-15", "rotary-15")
"""Our models of 150 (in the end 400) and of 15 samples of each of the 308 tasks, as the published ones; rotary
has other positions. Runs with other seeds are called champion-seed1 and the like."""

FIVE_RUNS = 835
"""Outputs of the five published runs on ARC-AGI-2, 167 each: fewer of ours tell 0.34 % from nothing even less."""

FIRST_CELL = "the first cell is given and not scored, which tells all of an output of one colour"

PRECISE = 20
"""Outputs of each of the 92 tasks by which 3.25 % of grids can be told from 2.5 %."""

ALIKE = 0.005
"""Two exact shares that differ by less are called the same: one or two examples of 360 may fall either way (ours)."""


CHOSEN = {"rotary": "its weights kept over those of two later trainings, which had fewer grids there (1.68 and 1.36 %)"}
"""How weights of ours were chosen on the tasks that they are scored on, where they were (docs/log.md, 32 and 36)."""


def pre_training_15(e: Evidence) -> Finding:
    """Our own models on the same tasks; one that learned from as few samples may come as far."""
    remark = f"one epoch of one run, chosen on the 92 tasks that it is scored on; {FIRST_CELL}"
    found = _unpublished(e, "unseen92", remark)
    return _where_reached(found, e, FEW, exact=0.0234, cells=0.716, samples="as many")


def pre_training_150(e: Evidence) -> Finding:
    """Our own models on the same tasks; one of the same data may come as far."""
    remark = f"two epochs of one run, each chosen on the 92 tasks that they are scored on; {FIRST_CELL}"
    found = _unpublished(e, "unseen92", remark)
    return _where_reached(found, e, MANY, exact=0.0325, cells=0.818, samples="400 in place of 150")


def _where_reached(
    found: Finding, e: Evidence, models: Sequence[str], *, exact: float, cells: float, samples: str
) -> Finding:
    """Give a claim a verdict where one of our ``models`` has as many cells and as many grids, or not surely fewer.

    Few outputs would not tell fewer from as many: those scored on less than `PRECISE` of each task decide nothing, and
    grids have to be surely above none. Runs of ours that fall short refute nothing, as they were trained on two cores
    for hours.
    """
    scored = [score for score in _forced(e, "unseen92", models) if score.outputs >= PRECISE * score.tasks]
    for ours in scored:
        grids, its_cells = as_published(ours)
        if its_cells >= cells and (grids.low or 0) > 0 and (grids.high or 0) >= exact:
            positions = ", whose positions are not the paper's," if ours.model.startswith("rotary") else ""
            grids_told = "as many" if (grids.value or 0) >= exact else "not surely fewer"
            why = (
                f"our run {ours.model}{positions} has as many cells, and {grids_told} grids, with {samples} samples of "
                f"the same tasks, {CHOSEN.get(ours.model, 'no epoch chosen on the 92')}: grid {grids.percent(2)}, "
                f"cell {percent(its_cells)}{_first_cell(ours)}"
            )
            why += "".join(f"; {other.model}: {_told_as_published(other)}" for other in scored if other is not ours)
            return replace(found, verdict=Verdict.CHANGES, why=why, measured_by=ours.command)
    return found


def arc_2(e: Evidence) -> Finding:
    """The interval over seeds is not one over tasks; our own runs decide once they are as many."""
    remark = (
        "the interval tells how 5 seeds differ, not how few grids are right: 3 of 5 x 167 outputs, the whole number "
        f"nearest to 0.34 %, is {share(3, FIVE_RUNS).percent(2)} (Wilson)"
    )
    found = _unpublished(e, "arc2", remark)
    ours = _forced(e, "arc2", MANY)
    outputs = sum(s.outputs for s in ours)
    if outputs < FIVE_RUNS:
        return found
    together = share(*map(sum, zip(*map(_hits_as_published, ours), strict=True)))
    why = f"our {len(ours)} runs together: grid {together.percent(2)}, outputs of all runs counted"
    verdict = Verdict.CHANGES if within(together, 0.0034) else Verdict.FAILS
    return replace(
        found, verdict=verdict, why=f"{why}; the published interval is of seeds", measured_by=ours[0].command
    )


def _forced(e: Evidence, dataset: str, models: Sequence[str]) -> list[OurScore]:
    """Scores by the published protocol of some of our models, all their seeds."""
    way = (dataset, Protocol.TEACHER_FORCED, DRAWN)
    scores = [s for s in e.scores if (s.dataset, s.protocol, s.context) == way]
    return [s for s in scores if s.model.partition("-seed")[0] in models]


def as_published(score: OurScore) -> tuple[Estimate, float]:
    """Exact grids and cells of a teacher-forced score, measured as published, without the first cell, where known."""
    shares = score.by_task_but_first() or score.by_task()
    # Where tasks are not told one by one, outputs are taken for independent: an interval too narrow to flatter.
    grids = mean([*shares.values()]) if shares else share(*_hits_as_published(score))
    return grids, score.cells if score.but_first is None else score.but_first.cells


def _told_as_published(score: OurScore) -> str:
    grids, cells = as_published(score)
    return f"grid {percent(grids.value, 2)}, cell {percent(cells)}"


def _first_cell(score: OurScore) -> str:
    """What the first cell, which the published figures leave out, costs."""
    known = score.but_first is not None
    return f" (the first cell left out, as published; with it grid {percent(score.exact, 2)})" if known else ""


def _hits_as_published(score: OurScore) -> tuple[int, int]:
    """How many outputs are exact, and of how many that count."""
    if score.but_first is None:
        return _hits(score), score.outputs
    right, counted = (int(each, 16).bit_count() for each in (score.but_first.right, score.but_first.counted))
    return right, counted


def _hits(score: OurScore) -> int:
    """How many outputs are exact; by the mean over tasks, which is not over outputs, where they are not told."""
    return int(score.right, 16).bit_count() if score.right is not None else round(score.exact * score.outputs)


def exact_of(score: OurScore) -> Estimate:
    """The exact grids of a score; tasks are the units, as outputs of one task go together."""
    shares = score.by_task()
    return mean([*shares.values()]) if shares else known_mean(score.exact, score.tasks)


@dataclass(frozen=True)
class OurMerge:
    """Our own adapters of the published kind, averaged; ``command`` measured them.

    Attributes:
        command: what measured.
        base: the model that they are of.
        tasks: one adapter's each.
        from_base: loss barrier from the base to the average, nats a token.
        barriers: from each adapter's model to the average.
        lengths: of the changes by each adapter, Euclidean.
        merged_length: of their average.
        losses: of the base, of an adapter's own model and of the average, on unseen examples of its task.
    """

    command: str
    base: str
    tasks: tuple[str, ...]
    from_base: float
    barriers: tuple[float, ...]
    lengths: tuple[float, ...]
    merged_length: float
    losses: tuple[tuple[float, float, float], ...]


def our_merge() -> OurMerge:
    """Return the bundled figures."""
    return read_json(MERGE, OurMerge)


def merged_adapters(_: Evidence) -> Finding:
    """The published adapters cannot be had; ours are averaged likewise, and asked whether anything is left of them."""
    ours = our_merge()
    highest = max(ours.from_base, *ours.barriers)
    base, own, merged = (fmean(column) for column in zip(*ours.losses, strict=True))
    kept = (base - merged) / (base - own)
    short = ours.merged_length / fmean(ours.lengths)
    below = highest < SEPARATED
    why = (
        f"our {len(ours.tasks)} adapters of {ours.base}: largest barrier {highest:.4f}, "
        f"{'below' if below else 'above'} the threshold; but the average keeps "
        f"{percent(kept, 0) if kept > 0 else 'nothing'} of what they gain on their own tasks"
    )
    audited = (
        f"the average is {percent(short, 0)} as long as one of its adapters ({percent(len(ours.tasks) ** -0.5, 0)} if "
        f"they had nothing in common), so near the base that a small barrier is expected; "
        f"loss on unseen examples of their tasks {base:.3f} before, {own:.3f} by each one's own adapter, "
        f"{merged:.3f} by the average; the threshold is a convention"
    )
    figures = {"largest_barrier": highest, "kept": kept, "length": short, "adapters": len(ours.tasks)}
    # The barrier is what is published: that nothing is left of the adapters changes its meaning, not whether it is so.
    verdict = Verdict.CHANGES if below else Verdict.FAILS
    return Finding(verdict, why, "no published adapters; ours", audited, figures, ours.command)


def teacher_forcing(e: Evidence) -> Finding:
    """How much of the gap between cells and grids goes away when the same model decodes freely."""
    found = list(contrasts(e.scores, Protocol.TEACHER_FORCED, Protocol.SIZED))
    if not found:
        return unchecked(NO_SCORES)
    parts = [_protocol_part(each) for each in found]
    audited = "; ".join(f"{_place(c.first)}: {_forced_cells(c)}" for c in found)
    known = [part for part in parts if part is not None]
    alike = all(abs(c.first.exact - c.second.exact) < ALIKE for c in found)
    why = f"{percent(min(known), 0)} to {percent(max(known), 0)} of the gap is the protocol's" if known else "no gap"
    why += "; exact match is the same either way" if alike else "; exact match differs, which it should not"
    figures = {_place(c.first): part for c, part in zip(found, parts, strict=True)}
    verdict = Verdict.HOLDS if known and min(known) > 0 else Verdict.FAILS
    return Finding(verdict, why, "published means: see fine-tunes-302", audited, figures, found[0].first.command)


def size_given(e: Evidence) -> Finding:
    """What is lost when the model has to find the size itself, first attempts on both sides."""
    found = list(contrasts(e.scores, Protocol.SIZED, Protocol.ARC_PRIZE))
    if not found:
        return unchecked(NO_SCORES)
    audited = "; ".join(
        f"{_place(c.first)}: exact {percent(c.first.exact, 2)} with the size given, "
        f"{percent(c.second.exact, 2)} without (size right in {percent(c.second.size)})"
        for c in found
    )
    # Where no grid is right with the size given, none can be lost.
    some = [c for c in found if c.first.exact > 0]
    lower, surely = sum(c.second.exact < c.first.exact for c in some), _raised(some, 1)
    why = (
        f"without the size, exact match is lower in {lower} of the {len(some)} comparisons of our models that have any "
        f"grid right, by more than chance would in {surely}"
    )
    verdict = Verdict.HOLDS if surely and lower == len(some) else Verdict.CHANGES if lower else Verdict.FAILS
    figures = {f"{_place(c.first)}: loss": c.first.exact - c.second.exact for c in found}
    return Finding(verdict, why, "not from the data at hand", audited, figures, found[0].second.command)


def leaked_context(e: Evidence) -> Finding:
    """The same model shown the first two pairs of a task, the query among them, or others."""
    found = [contrast for protocol in Protocol for contrast in contrasts(e.scores, protocol, protocol, (FIRST, DRAWN))]
    if not found:
        why = f"{NO_SCORES} with the leaking context" if e.scores else NO_SCORES
        return unchecked(why, "two examples of each task see their own answer: 0.5 % of 400 examples, 13 % of 15")
    audited = "; ".join(
        f"{_place(c.first)}, {c.first.protocol}: exact {percent(c.first.exact, 2)} leaked, "
        f"{percent(c.second.exact, 2)} not, cells {percent(c.first.cells)} and {percent(c.second.cells)}"
        for c in found
    )
    surely, perhaps = (_raised(found, which) for which in (1, 0))
    why = (
        f"the leak raises exact match, by more than chance would, in {surely} of {len(found)} comparisons of our models"
    )
    if perhaps > surely:
        why += f", and perhaps in {perhaps - surely} more, whose outputs are not told one by one"
    figures = {f"{_place(c.first)}, {c.first.protocol}: gain": c.first.exact - c.second.exact for c in found}
    # That our models gain nothing says little of the published ones, which learned with the leak.
    verdict = Verdict.HOLDS if surely else Verdict.UNCHECKED
    return Finding(verdict, why, "not from the data at hand", audited, figures, found[0].first.command)


def _raised(found: Sequence[Contrast], which: int) -> int:
    """How many contrasts are gains by more than chance gives, all tests counted; ``which`` bound of p is taken."""
    p = {str(number): _paired_p(contrast)[which] for number, contrast in enumerate(found)}
    adjusted = false_discovery(p).values()
    return sum(
        c.first.exact > c.second.exact and p is not None and p < SIGNIFICANT
        for c, p in zip(found, adjusted, strict=True)
    )


def _paired_p(contrast: Contrast) -> tuple[float, float]:
    """Least and greatest p that two results on the same tasks can have.

    They are one where the outputs are told one by one: signs are flipped task by task (`statistics.paired`), as outputs
    of one task go together. Where only sums are known, so many outputs may have changed sides: from none but those of
    the difference to as many as there can be (McNemar 1947, exact and two-sided, which takes outputs for independent).
    """
    first, second = contrast.first, contrast.second
    shares = first.by_task(), second.by_task()
    if shares[0] and shares[1]:
        p = paired(shares[0], shares[1]).p
        return (1.0, 1.0) if p is None else (p, p)
    hits, others = _hits(first), _hits(second)
    both_ways = min(hits, others, first.outputs - hits, first.outputs - others)
    gained, lost = max(0, hits - others), max(0, others - hits)
    return _sign_test(gained, lost), _sign_test(gained + both_ways, lost + both_ways)


def _sign_test(gained: int, lost: int) -> float:
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def _unpublished(e: Evidence, dataset: str, remark: str) -> Finding:
    """A claim about a run that cannot be had, with our own models on the like data beside it."""
    ours = [s for s in e.scores if s.dataset == dataset and s.context == DRAWN]
    why = UNPUBLISHED if ours else f"{UNPUBLISHED}; {NO_SCORES}"
    return unchecked(why, f"{remark}; our models: {_scores(ours)}")


def _scores(scores: Sequence[OurScore]) -> str:
    listed = [
        f"{_place(s)}, {s.protocol}: grid {percent(s.exact, 2)}{_or_without(s)}, cell {percent(s.cells)} ({s.tasks} "
        f"tasks, {s.outputs} outputs)"
        for s in scores
    ]
    return "; ".join(listed) or NO_SCORES


def _or_without(score: OurScore) -> str:
    return "" if score.but_first is None else f" ({percent(score.but_first.exact, 2)} but for the first cell)"


def _protocol_part(contrast: Contrast) -> float | None:
    """Share of the teacher-forced gap (cells minus grids) that free running closes; None where there is no gap."""
    gap = contrast.first.cells - contrast.first.exact
    return (contrast.first.cells - contrast.second.cells) / gap if gap > 0 else None


def _forced_cells(contrast: Contrast) -> str:
    forced, free = contrast.first, contrast.second
    return (
        f"cells {percent(forced.cells)} teacher forced, {percent(free.cells)} free running, exact "
        f"{percent(forced.exact, 2)} and {percent(free.exact, 2)}, {percent(_protocol_part(contrast), 0)} of the gap"
    )


def _place(score: OurScore) -> str:
    return f"{score.model}, {score.data}"
