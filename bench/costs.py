"""What commands cost, for docs/costs.md: wall and processor time, peak memory, bytes written.

    python bench/costs.py [OUT]

The baseline of every row is the first, `--version`: what starting the program costs. Processor time counts all
processes; memory is the largest of them.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = (
    "--version",
    "data show 007bbfb7",
    "classify 00d62c1b",
    "classify 009d5c81 00576224 --by grids --dataset arc-agi-1/evaluation",
    "data generate --out OUT/store --set foundational --per-task 100 --seed 0",
    "predict rotary --dataset arc-agi-1/training --tasks 007bbfb7 0d3d703e 25ff71a9 --out OUT/records.jsonl",
    "score OUT/records.jsonl --dataset arc-agi-1/training",
    "diagnose OUT/records.jsonl --out OUT/report.html",
    "finetune rotary --dataset arc-agi-1/evaluation --tasks 00576224 --out OUT/00576224",
    "train smoke --out OUT/smoke",
    "solve --dataset arc-agi-1/training --tasks 25ff71a9 0d3d703e d511f180 --budget 60s --out OUT/solve",
    "solve --dataset arc-agi-1/training --sources search --budget 30s --tasks 25ff71a9 0d3d703e --out OUT/search",
)


def cost(words: list[str], out: Path) -> tuple[float, float, float, float]:
    """Wall and processor seconds, peak megabytes and megabytes written of a command."""
    size = written(out)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    # One process between, so that the peak is this command's and not the largest so far.
    script = (
        "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, "
        "stderr=subprocess.DEVNULL).returncode; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); "
        "sys.exit(code)"
    )
    program = [sys.executable, "-m", "arc_affinity", *words]
    done = subprocess.run([sys.executable, "-c", script, *program], capture_output=True, text=True, check=True)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, processor, int(done.stdout) / 1024, (written(out) - size) / 1e6


def written(out: Path) -> int:
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    print("| command | wall | processor | peak memory | written |\n|---|---|---|---|---|")
    try:
        for command in COMMANDS:
            words = command.replace("OUT/", f"{out}/").split()
            wall, processor, memory, size = cost(words, out)
            print(f"| `{command}` | {wall:.1f} s | {processor:.1f} s | {memory:,.0f} MB | {size:.1f} MB |", flush=True)
    finally:
        if len(sys.argv) == 1:
            shutil.rmtree(out)


if __name__ == "__main__":
    main()
