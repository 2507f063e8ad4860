"""Every reader under random damage: what is not taken is refused in one line, never by another exception.

`FUZZ_SEED` in the environment takes other inputs, `FUZZ_NUMBER` another number of each reader's.
"""

from __future__ import annotations

import copy
import gzip
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from arc_affinity.cli.data.generate import read_categories
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.data.generation.generate import read_manifest
from arc_affinity.data.splits import Split, balance
from arc_affinity.data.store.examples import ExampleStore, write_npz, write_store
from arc_affinity.errors import ArcAffinityError
from arc_affinity.evaluation.records.record import Origin, make_record, read_records
from arc_affinity.evaluation.records.writer import RecordWriter
from arc_affinity.evaluation.scoring.metrics import Protocol
from arc_affinity.evaluation.scoring.scores import score_each
from arc_affinity.evaluation.submission import Requirements, read_given
from arc_affinity.models.adapters.files import load_adapter, save_adapter
from arc_affinity.models.adapters.lora import Adapter, Factors
from arc_affinity.models.adapters.spec import LoraSpec
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import find_model, load_model, save_model
from arc_affinity.taxonomy.by_grids.classifier import WEIGHTS
from arc_affinity.taxonomy.by_grids.classifier import load as load_classifier
from arc_affinity.training.finetuning.many_tasks import read_results, summary
from arc_affinity.training.recipes.files import load_recipe, read_recipe
from arc_affinity.training.recipes.recipe import Recipe
from arc_affinity.types import Example, Pair, Task

NUMBER = int(os.environ.get("FUZZ_NUMBER", "60"))
SEED = int(os.environ.get("FUZZ_SEED", "7"))

MARKS = {"@int": "9" * 5000, "@inf": "1e999", "@nan": "NaN", "@deep": "[" * 5000 + "]" * 5000, "@half": r'"\ud800"'}
VALUES = [
    None,
    True,
    -1,
    0,
    1,
    11,
    2.5,
    10**9,
    10**12,
    10**30,
    "",
    "²",
    "../x",
    "/x",
    "a" * 300,
    "[/x]",
    "\x1b[m",
    [],
    {},
]
VALUES += [[[]], [[31]], {"": None}, *MARKS]

SMALL = ModelConfig(8, 2, 8, 1, 1, context_width=8, context_heads=2, context_feed_forward=8, context_layers=1)


def damaged_json(rng: random.Random, document: Any) -> bytes:
    """The document with some of its values changed, lost or doubled, and sometimes with wrong bytes."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 2))):
        node, parent, key = document, None, None
        while isinstance(node, dict | list) and node and (parent is None or rng.random() < 0.7):
            parent, key = node, rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
            node = node[key]
        if parent is None:
            return b"[]"
        how = rng.randrange(4)
        if how == 0:
            del parent[key]
        elif how == 1 and isinstance(parent, dict):
            parent[rng.choice(["x", "", "../x", "\x00", "²"])] = node
        else:
            parent[key] = copy.deepcopy(rng.choice(VALUES))
    text = json.dumps(document)
    for mark, written in MARKS.items():
        text = text.replace(f'"{mark}"', written)
    data = text.encode()
    return damaged(rng, data) if rng.random() < 0.2 else data


def damaged(rng: random.Random, data: bytes) -> bytes:
    """The bytes with one place changed, or cut."""
    place = rng.randrange(max(1, len(data)))
    how = rng.randrange(4)
    if how == 0:
        return data[:place]
    if how == 1:
        return data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]
    return data[:place] + rng.choice((b"\x00", b"\xff\xfe", b"{", data[:9])) + data[place:]


def grid(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 10, (2, 3)).astype(np.uint8)


TASK = Task("a1", (Pair(grid(1), grid(2)), Pair(grid(3), grid(4))), (Pair(grid(5), grid(6)),), "d")
DOCUMENT = {
    part: [{"input": pair.input.tolist(), "output": pair.output.tolist()} for pair in pairs]
    for part, pairs in (("train", TASK.train), ("test", TASK.test))
}
RESULT = {
    "task": "a1",
    "method": "lora",
    "parts": {"train": 3, "validation": 1, "test": 2},
    "examples_seen": 5,
    "epochs": 2,
    "stopped_early": False,
    "seconds": 1.5,
    "scoring_seconds": 0.5,
    **{when: {"sized": {"solved": 0.0, "exact": 0.0, "cells": 0.5}} for when in ("base", "final")},
}
RECIPE = 'steps = 20\nlearning_rate = 0.1\ncurriculum = [[384, 6]]\n[model]\nwidth = 8\npositions = "rotary"\n'


def rows() -> list[dict[str, Any]]:
    origin = Origin("m", "0123", "d", Protocol.ARC_PRIZE, 0)
    example = Example("a1", 0, TASK.test[0], ())
    return [make_record(origin, example, k, grid(k), votes=1, views=2).to_json() for k in (1, 2)]


def of_records(rng: random.Random, folder: Path) -> Callable[[], object]:
    both = rows()
    both[rng.randrange(2)] = {}
    lines = [json.dumps(row).encode() if row else damaged_json(rng, rows()[0]) for row in both]
    data = b"\n".join(lines)
    (folder / "r.jsonl").write_bytes(gzip.compress(data) if rng.random() < 0.3 else data)
    return lambda: score_each(read_records(folder / "r.jsonl"), [TASK])


def of_part_file(rng: random.Random, folder: Path) -> Callable[[], object]:
    head, line = {"settings": {"m": 1}}, {"task": "a1", "records": rows()}
    (folder / "r.jsonl.part").write_bytes(b"".join(damaged_json(rng, each) + b"\n" for each in (head, line)))

    def finish() -> None:
        with RecordWriter.opened(folder / "r.jsonl", {"m": 1}) as writer:
            if not writer.done_tasks:
                raise ArcAffinityError("nothing is done")
        read_records(folder / "r.jsonl")

    return finish


def of_json(document: Any, name: str, read: Callable[[Path], object]) -> Callable[..., Callable[[], object]]:
    def make(rng: random.Random, folder: Path) -> Callable[[], object]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damaged_json(rng, document))
        return lambda: read(path)

    return make


def of_toml(rng: random.Random, folder: Path) -> Callable[[], object]:
    lines = RECIPE.splitlines()
    place = rng.randrange(len(lines))
    odd = ("nan", "inf", "9" * 5000, "0x" + "f" * 5000, "[" * 900 + "]" * 900, '"../x"', "{}", "-1", "07:32:00", '"²"')
    name = rng.choice([lines[place].partition("=")[0], "name", "a." * 3000 + "a", '"\\u0000"'])
    lines[place] = f"{name} = {rng.choice(odd)}"
    data = "\n".join(lines).encode()
    (folder / "r.toml").write_bytes(damaged(rng, data) if rng.random() < 0.2 else data)
    return lambda: load_recipe(str(folder / "r.toml"))


def of_store(rng: random.Random, folder: Path) -> Callable[[], object]:
    path = folder / rng.choice(("s", "s.npz"))
    (write_npz if path.suffix else write_store)(path, {"a1": [TASK.train[0], TASK.train[1]]}, {"seed": 0})
    victim = path if path.suffix else path / rng.choice(("cells.npy", "index.npy", "manifest.json"))
    victim.write_bytes(damaged(rng, victim.read_bytes()))

    def read() -> None:
        store = ExampleStore.open(path)
        assert all(store.pair(i).input.max() <= 9 for i in range(len(store)))

    return read


def of_folder(write: Callable[[Path], object], read: Callable[[Path], object]) -> Callable[..., Callable[[], object]]:
    def make(rng: random.Random, folder: Path) -> Callable[[], object]:
        write(folder / "m")
        victim = rng.choice(sorted(path for path in (folder / "m").iterdir() if path.suffix != ".md"))
        content = victim.read_bytes()
        damage = damaged_json(rng, json.loads(content)) if victim.suffix == ".json" else damaged(rng, content)
        victim.write_bytes(damage)
        return lambda: read(folder / "m")

    return make


def of_checkpoint(rng: random.Random, folder: Path) -> Callable[[], object]:
    state = {f"model.{name}": value for name, value in EncoderDecoder(SMALL).state_dict().items()}
    content: dict[str, Any] = {"recipe": Recipe("r", SMALL).to_dict(), "state_dict": state, "global_step": 1}
    name = rng.choice(list(state))
    odd = [
        None,
        1,
        "x",
        torch.full((2,), float("nan")),
        state[name].double(),
        state[name].to("meta"),
        state[name][..., None],
    ]
    how = rng.randrange(4)
    if how == 0:
        state[name] = rng.choice(odd)
    elif how == 1:
        state[rng.choice(["x", 1, None, ()])] = rng.choice(odd)
    elif how == 2:
        # No document holds half a character, but a pickle may.
        odd_value = rng.choice([*VALUES, "\ud800"])
        content["recipe"]["model"][rng.choice(["width", "encoder_layers", "positions", "bridge"])] = odd_value
    torch.save(content, folder / "c.ckpt")
    if how == 3:
        (folder / "c.ckpt").write_bytes(damaged(rng, (folder / "c.ckpt").read_bytes()))
    return lambda: find_model(str(folder / "c.ckpt"))


def of_classifier(rng: random.Random, folder: Path) -> Callable[[], object]:
    data = WEIGHTS.read_bytes()
    (folder / "t.safetensors").write_bytes(damaged(rng, data[:3000]) + data[3000:])
    return lambda: load_classifier(folder / "t.safetensors").classify(TASK)


def save_small(folder: Path) -> None:
    save_model(EncoderDecoder(SMALL), folder)


def save_small_adapter(folder: Path) -> None:
    factors = {"encoder.layers.0.linear1": Factors(torch.ones(2, 8), torch.ones(8, 2))}
    save_adapter(Adapter(LoraSpec(2, 4.0), factors, "base", "0123"), folder)


def split_by_labels(path: Path) -> object:
    return balance(Split(("a1",), ("a2",)), read_categories(path))


def results(path: Path) -> str:
    return summary(read_results(path.parents[2]))


READERS: dict[str, Callable[[random.Random, Path], Callable[[], object]]] = {
    "task": of_json(DOCUMENT, "a1.json", lambda path: load_tasks(str(path))),
    "folder of tasks": of_json(DOCUMENT, "d/a1.json", lambda path: load_tasks(str(path.parent))),
    "bundle": of_json({"a1": DOCUMENT, "a2": DOCUMENT}, "b.json", lambda path: load_tasks(str(path))),
    "submission": of_json(
        {"a1": [{"attempt_1": [[1]], "attempt_2": [[2]]}]},
        "s.json",
        lambda path: read_given(path, Requirements([TASK])),
    ),
    "labels": of_json({"a1": "S3", "a2": "C1"}, "l.json", split_by_labels),
    "recipe of a run": of_json(Recipe("r", SMALL).to_dict(), "recipe.json", read_recipe),
    "result of a fine-tuning": of_json(RESULT, "tasks/a1/result.json", results),
    "manifest of task files": of_json({"tasks": ["a"], "rejections": {"a": {"same": 1}}}, ".generated", read_manifest),
    "records": of_records,
    "part file": of_part_file,
    "recipe": of_toml,
    "store": of_store,
    "model": of_folder(save_small, load_model),
    "adapter": of_folder(save_small_adapter, load_adapter),
    "base of an adapter": of_folder(save_small_adapter, lambda path: find_model(str(path))),
    "checkpoint": of_checkpoint,
    "classifier": of_classifier,
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_damage_is_refused_in_one_line_and_soon(tmp_path: Path, reader: str) -> None:
    refused = 0
    for number in range(NUMBER):
        rng = random.Random(f"{SEED}:{reader}:{number}")
        folder = tmp_path / str(number)
        folder.mkdir()
        read = READERS[reader](rng, folder)
        begun = time.process_time()
        try:
            read()
        except ArcAffinityError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 2000, (reader, number)
        assert time.process_time() - begun < 5, (reader, number)
    assert refused > NUMBER // 10
