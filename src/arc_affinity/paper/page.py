"""The claims as one HTML file that needs nothing else: verdicts first, then each claim with its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from markupsafe import Markup

from arc_affinity.diagnosis.page.figures import Look
from arc_affinity.diagnosis.page.rendering import render
from arc_affinity.paper.audit.common import Evidence, Verdict
from arc_affinity.paper.claims import MANY, Claim, verdicts
from arc_affinity.paper.pictures import pictures

LOOKS: Mapping[Verdict, Look] = MappingProxyType(
    {
        Verdict.HOLDS: Look("navy", "✓"),
        Verdict.CHANGES: Look("yellow", "~"),
        Verdict.FAILS: Look("brick", "×"),
        Verdict.UNCHECKED: Look("grey", "?"),
    }
)


def claims_page(published: Sequence[Claim], ours: Sequence[Claim], evidence: Evidence) -> str:
    """Return the page's HTML."""
    values = {
        "groups": [
            ("The paper's claims", published, verdicts(published)),
            ("Our claims about them", ours, verdicts(ours)),
        ],
        "pictures": {claim: Markup(svg) for claim, svg in pictures(evidence).items()},
        "looks": LOOKS,
        "many": MANY,
    }
    return render("claims.html", "The claims of arXiv 2512.07109, checked", values, package="arc_affinity.paper")
