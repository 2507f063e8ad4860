"""Write the table of scores into a model card: python runs/card.py NAME SCORES.

SCORES is a folder of what `arc-affinity score --json` printed, named NAME.DATASET.PROTOCOL.score.json. The section
"## Scores" of the card of the bundled model NAME is replaced; everything else in it stays as written.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

ZOO = Path(__file__).parents[1] / "src" / "arc_affinity" / "models" / "zoo"
DATASETS = {
    "held18": "18 foundational tasks, {} held-out examples each",
    "unseen92": "92 tasks of the published validation split, {} examples each",
    "arc1": "ARC-AGI-1 evaluation",
    "arc2": "ARC-AGI-2 public evaluation",
}
PROTOCOLS = ("arc_prize", "sized", "teacher_forced")
HEAD = (
    "| dataset | outputs | protocol | exact, %, attempts | exact, %, first attempt | cells, % | size, % |",
    "|---|---|---|---|---|---|---|",
)


def told(dataset: str, score: dict) -> str:
    """Return what a score's dataset is called."""
    return DATASETS[dataset].format(score["outputs"] // score["tasks"])


def row(dataset: str, protocol: str, path: Path) -> str:
    """Return one line of the table: means over tasks."""
    (score,) = json.loads(path.read_text())["scores"]
    exact, first = score["solved"]["over_tasks"], score["pass_at_1"]["over_tasks"]
    cells, size = score["cell_accuracy"]["over_tasks"], score["size_accuracy"]["over_tasks"]
    tries = 1 if protocol != "arc_prize" else 2
    given = "given" if protocol != "arc_prize" else f"{100 * size:.1f}"
    figures = f"{100 * exact:.2f} ({tries}) | {100 * first:.2f} | {100 * cells:.2f} | {given}"
    return f"| {told(dataset, score)} | {score['outputs']} | {protocol} | {figures} |"


def asked_alone(paths: Mapping[tuple[str, str], Path]) -> list[str]:
    """Return a line that tells where ``arc_prize`` was asked, if that is in a part of the table alone."""
    there = {(dataset, protocol) for (dataset, protocol), path in paths.items() if path.exists()}
    asked = [words.partition(",")[0] for dataset, words in DATASETS.items() if (dataset, "arc_prize") in there]
    if not asked or len(asked) == len({dataset for dataset, _ in there}):
        return []
    *first, last = asked
    return [f"`arc_prize` was asked on {', '.join(first)}{' and ' if first else ''}{last} alone."]


def as_published(paths: Mapping[tuple[str, str], Path]) -> list[str]:
    """Return a line on exact grids by the published measurement, which leaves the first cell of each out."""
    measured = []
    for dataset in DATASETS:
        path = paths[dataset, "teacher_forced"]
        (score,) = json.loads(path.read_text())["scores"] if path.exists() else [{}]
        exact = score.get("exact_but_first", {}).get("over_tasks")
        measured += [] if exact is None else [f"{DATASETS[dataset].partition(',')[0]} {100 * exact:.2f} %"]
    return (
        [f"Exact as arXiv 2512.07109 measured, without the first cell: {', '.join(measured)}.", ""] if measured else []
    )


def main() -> None:
    """Rewrite the card."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    paths = {(d, p): folder / f"{name}.{d}.{p}.score.json" for d in DATASETS for p in PROTOCOLS}
    rows = [row(d, p, path) for (d, p), path in paths.items() if path.exists()]
    note = "Means over tasks; cells and size are of the first attempt. Demonstrations are drawn with seed 0."
    card = ZOO / name / "README.md"
    before, _, rest = card.read_text().partition("## Scores\n")
    _, mark, after = rest.partition("\n## ")
    lines = [f"{before}## Scores\n", note, *asked_alone(paths), "", *HEAD, *rows, "", *as_published(paths)]
    card.write_text("\n".join(lines) + mark + after)


if __name__ == "__main__":
    main()
