"""A checkpoint comes in, is what it was, and answers: through the command line, and against torch's own layers."""

from __future__ import annotations

import importlib.util
import json
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from arc_affinity.data.batching.batch import collate
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.decoding import greedy
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage.folders import find_model
from arc_affinity.models.storage.names import WEIGHTS, bundled_models
from arc_affinity.models.storage.published import CORE, PUBLISHED, export_published, import_published
from arc_affinity.types import Example, Pair

pytestmark = pytest.mark.many_steps


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def examples() -> list[Example]:
    """Small ones of different sizes."""
    rng = np.random.default_rng(7)

    def pair(rows: int, cols: int) -> Pair:
        return Pair(*rng.integers(0, 10, (2, rows, cols), dtype=np.uint8))

    return [
        Example("a", 0, pair(2, 3), (pair(3, 2), pair(1, 5))),
        Example("b", 1, pair(5, 2), (pair(2, 2), pair(3, 7))),
    ]


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    """Every tensor of the published listing, with weights that nobody trained."""
    torch.manual_seed(3)
    model = EncoderDecoder(PUBLISHED)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
        model.input_embedding.G[10] = 0
        model.context_encoder.embedding.G[10] = 0
    return export_published(model)


@pytest.fixture(scope="module")
def checkpoint(tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As Lightning wrote it: tensors among other things."""
    path = tmp_path_factory.mktemp("published") / "champion_bootstrap.ckpt"
    torch.save({"state_dict": tensors, "epoch": 35, "global_step": 5000, "hyper_parameters": {"lr": 0.00185}}, path)
    return path


def test_a_published_checkpoint_from_file_to_grids(
    cli: Callable, checkpoint: Path, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    folder = tmp_path / "champion"
    assert cli("model", "import", checkpoint, "--out", folder).code == 0
    said = json.loads(cli("model", "info", folder, "--json").out)
    assert (said["parameters"], said["name"]) == (1_644_975, "champion")
    loaded = find_model(str(folder))
    assert loaded.digest == said["digest"]
    found = export_published(loaded.model)
    assert list(found) == sorted(tensors)
    assert all(found[name].numpy().tobytes() == tensors[name].numpy().tobytes() for name in tensors)
    batch = collate(examples())
    sizes = [example.query.output.shape for example in batch.examples]
    assert [each.grid.shape for each in greedy(loaded.model, batch, sizes=sizes)] == sizes


@pytest.fixture(scope="module")
def reference(root: Path) -> ModuleType:
    """The measurement of training, whose baseline is the same network built from torch's layers."""
    spec = importlib.util.spec_from_file_location("bench_training", root / "bench" / "training.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SMALL = ModelConfig(width=24, heads=3, feed_forward=13, context_width=8, context_heads=2, context_feed_forward=7)


@pytest.mark.parametrize(
    "config",
    [SMALL, replace(SMALL, pre_norm=False), replace(SMALL, bridge="replace", normalise_context=False, pad_row="zero")],
    ids=["champion", "post-norm", "published parts"],
)
def test_our_network_is_that_of_torchs_layers_under_the_published_names(
    reference: ModuleType, config: ModelConfig
) -> None:
    """Same tensors by name, same logits: the fused projections, the norms and the masks are where they belong."""
    torch.manual_seed(5)
    model = EncoderDecoder(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
        model.context_encoder.embedding.G[10] = 0
    theirs = reference.TorchChampion(config).eval()
    core = {name.removeprefix(CORE): value for name, value in export_published(model).items() if CORE in name}
    theirs.load_state_dict(core, strict=True)
    batch = collate(examples())
    expected, found = theirs(reference.pad(examples())), model(batch)
    steps = batch.target >= 0
    assert torch.allclose(found[steps], expected[steps], atol=1e-4)


def test_a_part_of_the_baselines_batch_is_as_wide_as_the_whole(reference: ModuleType) -> None:
    whole = reference.pad(examples())
    part = whole.part(slice(1, 2))
    assert part.batch.query.tokens.shape == (1, whole.batch.query.tokens.shape[1])
    theirs = reference.TorchChampion(SMALL).eval()
    assert torch.allclose(theirs(part)[0], theirs(whole)[1], atol=1e-5)


@pytest.mark.parametrize("damage", ["cut", "bit", "pickle", "missing", "extra"])
def test_a_bad_checkpoint_ends_in_one_line_and_leaves_nothing(
    cli: Callable, checkpoint: Path, tensors: dict[str, Tensor], tmp_path: Path, damage: str
) -> None:
    path, whole = tmp_path / "bad.ckpt", checkpoint.read_bytes()
    bit = bytearray(whole)
    bit[len(whole) // 2] ^= 16
    contents = {"cut": whole[: len(whole) // 3], "bit": bytes(bit), "pickle": pickle.dumps({"state_dict": {}})}
    if damage in contents:
        path.write_bytes(contents[damage])
    elif damage == "missing":
        torch.save({name: value for name, value in tensors.items() if name != "model.dec_mem_ln.bias"}, path)
    else:
        torch.save(tensors | {"core_model.aux_head.weight": torch.zeros(2)}, path)
    done = cli("model", "import", path, "--out", tmp_path / "out")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: {path} ")
    assert done.err.count("\n") == 1
    told = {
        "cut": "damaged or cut off",
        "bit": "is damaged: ",
        "pickle": "is refused: ",
        "missing": "1 missing (model.dec_mem_ln.bias)",
        "extra": "1 unexpected (core_model.aux_head.weight)",
    }
    assert told[damage] in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", bundled_models())
def test_a_bundled_model_loads_and_answers(cli: Callable, name: str) -> None:
    said = json.loads(cli("model", "info", name, "--json").out)
    assert said["parameters"] == 1_644_975
    loaded = find_model(name)
    assert (loaded.name, loaded.digest) == (name, said["digest"])
    assert loaded.card, "it comes with its card"
    asked = examples()
    # At the given size: where the champions find it themselves, they write whole canvases.
    sizes = [each.query.output.shape for each in asked]
    assert [each.grid.shape for each in greedy(loaded.model, collate(asked), sizes=sizes)] == sizes


def test_a_bundled_model_with_a_turned_over_bit(cli: Callable, tmp_path: Path) -> None:
    if not bundled_models():
        pytest.skip("no model is bundled")
    folder = find_model(bundled_models()[0]).source
    (tmp_path / "copy").mkdir()
    for path in folder.iterdir():
        (tmp_path / "copy" / path.name).write_bytes(path.read_bytes())
    weights = bytearray((folder / WEIGHTS).read_bytes())
    weights[-5] ^= 1
    (tmp_path / "copy" / WEIGHTS).write_bytes(weights)
    done = cli("model", "info", tmp_path / "copy")
    assert done.code == 1
    assert "model.safetensors is damaged" in done.err


def test_a_checkpoint_that_is_imported_decodes_as_its_own_steps_say(tensors: dict[str, Tensor]) -> None:
    """Cached decoding of the published kind of model: flat positions, no ends read, PAD's row zero."""
    model = import_published(tensors, "file")
    batch = collate(examples())
    for each, example in zip(greedy(model, batch, sizes=[(2, 2), (3, 1)]), batch.examples, strict=True):
        answered = collate([replace(example, query=Pair(example.query.input, each.grid))])
        with torch.no_grad():
            scores = model(answered)[0, :, :10].log_softmax(dim=-1)
        cells = torch.from_numpy(each.tokens) != 10
        chosen = scores[cells].max(dim=-1)
        assert chosen.indices.tolist() == each.tokens[cells.numpy()].tolist()
        np.testing.assert_allclose(chosen.values, each.log_probabilities[cells.numpy()], atol=1e-4)
