"""A benchmark that nobody can have trained on: fresh examples of re-arc's rules, with the answers kept apart."""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

from arc_affinity.data.generation.generate import OnTask, Rejections, generate_store
from arc_affinity.data.store.examples import ExampleStore, pair_json
from arc_affinity.documents import LARGEST
from arc_affinity.errors import ArcAffinityError, os_errors
from arc_affinity.files import new_folder, write_text

CHALLENGES = "challenges.json"
SEALED = "sealed"
SOLUTIONS = "solutions.json"
KEY = "key.json"


def generate_sealed(
    out: Path,
    tasks: Sequence[str],
    per_task: int,
    seed: int | None = None,
    workers: int = 1,
    exclude: ExampleStore | None = None,
    on_task: OnTask | None = None,
) -> Rejections:
    """Make a folder of ``challenges.json``, to be given to solvers, and ``sealed/``, to be kept from them.

    ``sealed/`` has the challenges again with ``solutions.json`` beside them, which is what scoring takes, and
    ``key.json``: the seed, by which anyone could make the answers, and the rule behind each id. The ids are new, as
    those of re-arc name the rules. All is there in the end or nothing.

    Args:
        out: the folder, absent or empty.
        tasks, workers, exclude, on_task: as in `generate_store`.
        per_task: pairs of each task, of which the last is its test.
        seed: any integer of 63 bits; drawn by the operating system unless given.

    Returns:
        The rejected tries.

    Raises:
        ArcAffinityError: ``out`` holds something, ``per_task`` is less than 2, a file would be larger than what is read
            of one, or as `generate_store`.
    """
    if per_task < 2:
        raise ArcAffinityError(f"a task needs a demonstration and a test: --per-task must be 2 or more, not {per_task}")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ArcAffinityError(f"{out} is there and is not written over; name a new folder")
    drawn = secrets.randbits(63) if seed is None else seed
    with (
        os_errors(f"cannot write {out}"),
        # A link stays one: the folder that it leads to is filled.
        new_folder(out.resolve()) as aside,
        tempfile.TemporaryDirectory(dir=aside) as scratch,
    ):
        store = generate_store(Path(scratch) / "store", tasks, per_task, drawn, workers, exclude, on_task)
        rules = dict(sorted((_new_id(task_id, drawn), task_id) for task_id in store.tasks))
        pairs = {new: [pair_json(store.pair(i)) for i in store.indices(rule)] for new, rule in rules.items()}
        challenges = {
            new: {"train": shown, "test": [{"input": asked["input"]}]} for new, (*shown, asked) in pairs.items()
        }
        solutions = {new: [asked["output"]] for new, (*_, asked) in pairs.items()}
        key = {"seed": drawn, "rules": rules, "per_task": per_task}
        rejections: Rejections = store.manifest["rejections"]
        for name, content in (
            (CHALLENGES, challenges),
            (f"{SEALED}/{CHALLENGES}", challenges),
            (f"{SEALED}/{SOLUTIONS}", solutions),
            (f"{SEALED}/{KEY}", {**key, "versions": store.manifest["versions"]}),
        ):
            text = json.dumps(content, separators=(",", ":"))
            if len(text) >= LARGEST:
                raise ArcAffinityError(
                    f"{name} would have {len(text):,} bytes, and no more than {LARGEST:,} are read of any such file; "
                    "ask for fewer tasks or examples"
                )
            write_text(aside / name, f"{text}\n")
    return rejections


def _new_id(task_id: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {task_id}".encode()).hexdigest()[:12]
