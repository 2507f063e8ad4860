"""Every published claim of arXiv 2512.07109: as published, reproduced from the published data, and audited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from arc_affinity.paper.audit.common import Claim, Evidence, Verdict
from arc_affinity.paper.audit.gap import gap_claims
from arc_affinity.paper.audit.models import model_claims
from arc_affinity.paper.audit.taxonomy import taxonomy_claims
from arc_affinity.paper.audit.vitarc import vitarc_claims


def all_claims(evidence: Evidence) -> tuple[Claim, ...]:
    """Return every claim with its verdict: taxonomy, fine-tunes, specialists, models, and the audits among them."""
    return (
        *taxonomy_claims(evidence),
        *gap_claims(evidence),
        *vitarc_claims(evidence),
        *model_claims(evidence),
    )


def counted(claims: Sequence[Claim]) -> str:
    """Return how many claims have each verdict, in words."""
    found = Counter(claim.verdict for claim in claims)
    return ", ".join(f"{found[verdict]} {verdict}" for verdict in Verdict)


def as_json(claims: Sequence[Claim]) -> dict[str, object]:
    """Return the claims as plain JSON values; ``figures`` hold shares as 0-1 and null where undefined."""
    return {"claims": [asdict(claim) for claim in claims]}


MANY = 4
"""So many parts of a sentence or more are set out as a list."""


def as_markdown(claims: Sequence[Claim]) -> str:
    """Return the claims as a page: a table of verdicts, then a section each."""
    lines = ["# The published claims, checked", "", "Made by `arc-affinity reproduce --out DIR`.", ""]
    lines += [f"{len(claims)} claims: {counted(claims)}.", ""]
    lines += ["| claim | published | verdict |", "|---|---|---|"]
    lines += [f"| {claim.claim} | {claim.published} | {claim.verdict} |" for claim in claims]
    for claim in claims:
        lines += ["", f"## {claim.id}", "", claim.claim + ".", ""]
        for name in ("published", "reproduced", "audited"):
            lines += _listed(f"- **{name}**: ", asdict(claim)[name])
        lines.append(f"- **verdict**: {claim.verdict}: {claim.why}")
        lines.append(f"- **command**: `{claim.command}`")
    return "\n".join(lines) + "\n"


def _listed(head: str, text: str) -> list[str]:
    """A line; of many parts, one line each."""
    parts = text.split("; ")
    return [head.rstrip(), *(f"  - {part}" for part in parts)] if len(parts) >= MANY else [head + text]
