"""Average adapters as the paper averages its 302, and see what is left: python runs/merged_adapters.py TUNED.

TUNED is a folder that `finetune --method lora` wrote. Measured are the loss barriers of the paper, on the bundled
sample of the foundational tasks, from the base and from each adapter's model to the average; how long the average
change is beside a single one; and, on examples of each adapter's own task that it never saw, the losses of the base, of
its own model and of the average. The figures are bundled for `reproduce`.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from arc_affinity.cli.model.merge import HELD_OUT
from arc_affinity.data.generation.rearc import generate_task, input_key
from arc_affinity.data.store.examples import ExampleStore, write_store
from arc_affinity.data.store.files import is_store
from arc_affinity.files import write_text
from arc_affinity.models.adapters.barrier import barrier, fixed_sample
from arc_affinity.models.adapters.files import load_adapter
from arc_affinity.models.adapters.merging import average
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.parts.losses import teacher_forced
from arc_affinity.models.storage.folders import find_model

BUNDLED = Path(__file__).parents[1] / "src" / "arc_affinity" / "paper" / "audit" / "our_merge.json"
SEEN, HELD_OUT_SEED, ASKED = 500, 2_000_003, 8
"""Examples of a task that may have been trained on, which are not asked; the seed of those asked, and how many."""


def loss(model: EncoderDecoder, store: ExampleStore) -> float:
    """Return the mean loss over a store, nats a token, teacher forced."""
    return teacher_forced(model, fixed_sample(store, model.config.context_pairs), model.device).loss


def length(model: EncoderDecoder, base: EncoderDecoder) -> float:
    """Return the Euclidean length of what was added to the base."""
    before = base.state_dict()
    return math.sqrt(sum(float((value - before[name]).square().sum()) for name, value in model.state_dict().items()))


def unseen(task: str, folder: Path) -> ExampleStore:
    """Make examples of a task, none of which is among its first ``SEEN``, or open those that an earlier run made."""
    out, request = folder / task, {"asked": ASKED, "seed": HELD_OUT_SEED, "unlike": SEEN}
    if not is_store(out):
        known = {input_key(pair.input) for pair in generate_task(task, SEEN).pairs}
        pairs = list(generate_task(task, ASKED, HELD_OUT_SEED, known).pairs)
        return write_store(out, {task: pairs}, {"request": request})
    store = ExampleStore.open(out)
    if store.tasks != (task,) or store.manifest.get("request") != request:
        raise SystemExit(f"error: {out} holds other examples than are asked now; remove it")
    return store


def main() -> None:
    """Measure, print and bundle the figures."""
    tuned = Path(sys.argv[1])
    folders = sorted(path.parent for path in tuned.glob("tasks/*/adapter_config.json"))
    adapters = [load_adapter(folder) for folder in folders]
    base = find_model(adapters[0].base)
    merged = average(base, adapters)
    sample = fixed_sample(ExampleStore.open(HELD_OUT), base.model.config.context_pairs)
    figures = {
        "command": f"python runs/merged_adapters.py {tuned}",
        "base": base.name,
        "tasks": [folder.name for folder in folders],
        "from_base": barrier((base.name, base.model), ("merged", merged), sample).height,
        "barriers": [],
        "lengths": [],
        "merged_length": length(merged, base.model),
        "losses": [],
    }
    for folder, adapter in zip(folders, adapters, strict=True):
        own, store = average(base, [adapter]), unseen(folder.name, tuned / "unseen")
        figures["barriers"].append(barrier((folder.name, own), ("merged", merged), sample).height)
        figures["lengths"].append(length(own, base.model))
        figures["losses"].append([loss(model, store) for model in (base.model, own, merged)])
        print(folder.name, *(round(figures[name][-1], 4) for name in ("barriers", "lengths")), figures["losses"][-1])
    write_text(BUNDLED, json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
