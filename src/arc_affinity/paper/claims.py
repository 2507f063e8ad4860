"""Every claim of arXiv 2512.07109 with its verdict, and our own claims about it, as values, JSON and Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from arc_affinity.documents import fit, read_toml
from arc_affinity.paper.audit import gap, models, taxonomy, vitarc
from arc_affinity.paper.audit.common import Evidence, Finding, Verdict

STATEMENTS = Path(__file__).parent / "claims.toml"
"""What is claimed, with the published figures."""

CHECKS: Mapping[str, Callable[[Evidence], Finding]] = MappingProxyType(
    {
        "category-counts": taxonomy.category_counts,
        "rule-classifier": taxonomy.rule_classifier,
        "ambiguous-by-hand": taxonomy.ambiguous_by_hand,
        "low-affinity-tasks": taxonomy.low_affinity_tasks,
        "affinity-levels": taxonomy.affinity_levels,
        "empirical-affinity": taxonomy.empirical_levels,
        "visual-classifier": taxonomy.visual_classifier,
        "s3-split": taxonomy.s3_split,
        "fine-tunes-302": gap.fine_tunes,
        "compositional-gap": gap.gap,
        "gap-sensitivity": gap.gap_sensitivity,
        "a2-zero": gap.a2_zero,
        "694f12f3": gap.best_a2,
        "failures-base-rate": gap.base_rates,
        "vitarc-affinity": vitarc.specialists,
        "pre-training-15": models.pre_training_15,
        "pre-training-150": models.pre_training_150,
        "arc-agi-2": models.arc_2,
        "merged-adapters": models.merged_adapters,
        "affinity-or-length": vitarc.affinity_or_length,
        "teacher-forcing": models.teacher_forcing,
        "size-given": models.size_given,
        "leaked-context": models.leaked_context,
    }
)
"""What judges each claim of `STATEMENTS`."""

HEAD = """\
Made by `arc-affinity reproduce --out DIR`; `--reference DIR` names the folder of published tables, without which fewer
claims can be checked. Grids of our own models count by their first attempts, by whatever protocol."""

MANY = 4
"""So many parts of a sentence or more are set out as a list."""


@dataclass(frozen=True)
class Statement:
    """A claim before it is checked: what is claimed, the published figures, and what it takes to check it."""

    id: str
    claim: str
    published: str
    needed: str


@dataclass(frozen=True)
class Claim:
    """A claim with its verdict (see `Finding`); ``needed`` says what it would take where it could not be checked."""

    id: str
    claim: str
    published: str
    reproduced: str
    audited: str
    verdict: Verdict
    why: str
    command: str
    figures: Mapping[str, float | None]
    needed: str


def published_claims(evidence: Evidence) -> tuple[Claim, ...]:
    """Return what the paper claims: taxonomy, fine-tunes, specialists, models."""
    return _judged("published", evidence)


def our_claims(evidence: Evidence) -> tuple[Claim, ...]:
    """Return what we claim of the published figures; the paper does not."""
    return _judged("ours", evidence)


def _judged(group: str, e: Evidence) -> tuple[Claim, ...]:
    claims = []
    for said in fit(read_toml(STATEMENTS)[group], list[Statement], str(STATEMENTS)):
        found = CHECKS[said.id](e)
        command = f"{found.measured_by}; {e.command}" if found.measured_by else e.command
        needed = said.needed if found.verdict is Verdict.UNCHECKED else ""
        told = (found.reproduced, found.audited, found.verdict, found.why, command, found.figures, needed)
        claims.append(Claim(said.id, said.claim, said.published, *told))
    return tuple(claims)


def verdicts(claims: Sequence[Claim]) -> str:
    """Return how many claims have each verdict, in words."""
    found = Counter(claim.verdict for claim in claims)
    return ", ".join(f"{found[verdict]} {verdict}" for verdict in Verdict)


def as_json(published: Sequence[Claim], ours: Sequence[Claim]) -> dict[str, object]:
    """Return the claims as plain JSON values; ``figures`` hold shares as 0-1 and null where undefined."""
    return {"claims": [asdict(claim) for claim in published], "ours": [asdict(claim) for claim in ours]}


def as_markdown(published: Sequence[Claim], ours: Sequence[Claim]) -> str:
    """Return the claims as a page: tables of verdicts, then a section each."""
    lines = ["# The published claims, checked", "", HEAD]
    for title, claims in (("The paper's claims", published), ("Our claims about them", ours)):
        lines += ["", f"## {title}", "", f"{len(claims)} claims: {verdicts(claims)}.", ""]
        lines += ["| claim | published | verdict |", "|---|---|---|"]
        lines += [f"| {claim.claim} | {claim.published} | {claim.verdict} |" for claim in claims]
    for claim in (*published, *ours):
        lines += ["", f"## {claim.id}", "", claim.claim + ".", ""]
        for name, text in (
            ("published", claim.published),
            ("reproduced", claim.reproduced),
            ("audited", claim.audited),
        ):
            parts = text.split("; ")
            head = f"- **{name}**:"
            lines += [head, *(f"  - {part}" for part in parts)] if len(parts) >= MANY else [f"{head} {text}"]
        lines.append(f"- **verdict**: {claim.verdict}: {claim.why}")
        if claim.needed:
            lines.append(f"- **needed to check it**: {claim.needed}")
        lines.append(f"- **command**: `{claim.command}`")
    return "\n".join(lines) + "\n"
