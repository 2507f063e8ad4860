"""``arc-affinity reproduce``: the published claims of arXiv 2512.07109, checked one by one."""

from __future__ import annotations

import json as jsonlib
import shlex
from pathlib import Path
from types import MappingProxyType

from rich.text import Text

from arc_affinity.cli.output.files import check_folder, check_outputs
from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.data.generation.rearc import generator_source, task_ids, verifier_source
from arc_affinity.files import write_text
from arc_affinity.paper.audit.common import Evidence, Verdict
from arc_affinity.paper.audit.scores import our_scores
from arc_affinity.paper.claims import Claim, as_json, as_markdown, our_claims, published_claims, verdicts
from arc_affinity.paper.page import claims_page
from arc_affinity.paper.published import published_reference
from arc_affinity.taxonomy.by_code.rules import MANUAL, classify_all, classify_source
from arc_affinity.text import printable

WRITTEN = ("claims.json", "claims.md", "claims.html")

STYLES = MappingProxyType(
    {Verdict.HOLDS: "green", Verdict.CHANGES: "yellow", Verdict.FAILS: "red", Verdict.UNCHECKED: "dim"}
)


def reproduce(*, reference: Path | None = None, out: Path | None = None, json: bool = False) -> None:
    """Check the published claims.

    Every claim of arXiv 2512.07109 as published, as reproduced from the published data, and audited with its fault
    repaired, with a verdict: holds, holds with changes, does not hold, or cannot be checked, and why; then what we
    claim of the published figures. The published labels come along; claims about fine-tunes and specialists need the
    published tables as well.

    Args:
        reference: Folder of the published package's data: lora_302_tasks.csv, vitarc_400.csv, split_308_92.json; and
            any taxonomy_labels*.json and s3_subtypes*.json, whose labels go before those that come along.
        out: Folder to write claims.html, claims.json and claims.md to.
        json: Print one JSON document and nothing else.
    """
    check_folder(out)
    if out is not None:
        # A link there may lead to the data.
        check_outputs([out / name for name in WRITTEN], [] if reference is None else reference.glob("*"))
    evidence = _evidence(reference)
    published, ours = published_claims(evidence), our_claims(evidence)
    document = jsonlib.dumps(as_json(published, ours), indent=2, allow_nan=False)
    if out is not None:
        texts = (document + "\n", as_markdown(published, ours), claims_page(published, ours, evidence))
        for name, text in zip(WRITTEN, texts, strict=True):
            write_text(out / name, text)
    if json:
        print(document)
        return
    console = Console()
    for claim in (*published, *ours):
        console.print(_block(claim))
    console.print(f"{len(published)} published claims: {verdicts(published)}")
    console.print(f"{len(ours)} of our own: {verdicts(ours)}")
    if out is not None:
        say_path(console, "", out, ": claims.html, claims.json, claims.md")


def _evidence(folder: Path | None) -> Evidence:
    """All that the claims are judged by; what they cannot import is measured here."""
    tasks = task_ids()
    named = "" if folder is None else f" --reference {printable(shlex.quote(str(folder)))}"
    return Evidence(
        reference=published_reference(folder, tasks),
        code_labels={task: decision.category for task, decision in classify_all().items()},
        rule_labels={task: classify_source(generator_source(task)).category for task in MANUAL},
        manual=MANUAL,
        verifier_lines={task: len(verifier_source(task).splitlines()) for task in tasks},
        scores=our_scores(),
        command=f"arc-affinity reproduce{named}",
    )


def _block(claim: Claim) -> Text:
    """A claim as it is shown: its id and verdict, and what that rests on."""
    text = Text.assemble((claim.id, "bold"), ": ", (str(claim.verdict), STYLES[claim.verdict]), f"\n{claim.claim}\n")
    for name, words in (
        ("published", claim.published),
        ("reproduced", claim.reproduced),
        ("audited", claim.audited),
        ("because", claim.why),
        ("needed", claim.needed),
        ("command", claim.command),
    ):
        if words:
            text.append(f"  {name:<10}  ", "dim").append(f"{words}\n")
    return text
