"""Every claim of arXiv 2512.07109 with its verdict, and our own claims about it, as values, JSON and Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from arc_affinity.paper.audit import gap, models, taxonomy, vitarc
from arc_affinity.paper.audit.common import Claim, Evidence, Verdict

MANY = 4
"""So many parts of a sentence or more are set out as a list."""


def published_claims(evidence: Evidence) -> tuple[Claim, ...]:
    """Return what the paper claims: taxonomy, fine-tunes, specialists, models."""
    statements = (*taxonomy.PUBLISHED, *gap.PUBLISHED, *vitarc.PUBLISHED, *models.PUBLISHED)
    return tuple(each.judged(evidence) for each in statements)


def our_claims(evidence: Evidence) -> tuple[Claim, ...]:
    """Return what we claim of the published figures; the paper does not."""
    return tuple(each.judged(evidence) for each in (*vitarc.OURS, *models.OURS))


def verdicts(claims: Sequence[Claim]) -> str:
    """Return how many claims have each verdict, in words."""
    found = Counter(claim.verdict for claim in claims)
    return ", ".join(f"{found[verdict]} {verdict}" for verdict in Verdict)


def as_json(published: Sequence[Claim], ours: Sequence[Claim]) -> dict[str, object]:
    """Return the claims as plain JSON values; ``figures`` hold shares as 0-1 and null where undefined."""
    return {"claims": [asdict(claim) for claim in published], "ours": [asdict(claim) for claim in ours]}


def as_markdown(published: Sequence[Claim], ours: Sequence[Claim]) -> str:
    """Return the claims as a page: tables of verdicts, then a section each."""
    lines = ["# The published claims, checked", "", "Made by `arc-affinity reproduce --out DIR`."]
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
