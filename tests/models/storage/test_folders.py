"""Model folders and checkpoints: there and back, found by name, and refused when a bit is wrong."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import pickle
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from arc_affinity.errors import ArcAffinityError
from arc_affinity.models.adapters.files import save_adapter
from arc_affinity.models.adapters.lora import Adapter, Factors
from arc_affinity.models.adapters.spec import LoraSpec
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder
from arc_affinity.models.storage import folders as storage
from arc_affinity.models.storage import names
from arc_affinity.models.storage.folders import (
    WEIGHTS_HASH,
    digest,
    find_model,
    load_model,
    model_of_checkpoint,
    read_checkpoint,
    save_model,
)
from arc_affinity.models.storage.names import CARD, CONFIG, WEIGHTS, bundled_models
from arc_affinity.types import PAD

Build = Callable[..., EncoderDecoder]


def same(one: EncoderDecoder, other: EncoderDecoder) -> bool:
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def edit(folder: Path, **changes: Any) -> None:
    """Change settings in a folder's configuration; None takes one out."""
    values = json.loads((folder / CONFIG).read_text()) | changes
    (folder / CONFIG).write_text(json.dumps({name: value for name, value in values.items() if value is not None}))


@pytest.fixture
def model(build: Build) -> EncoderDecoder:
    return build(positions="sinusoid+rotary")


@pytest.fixture
def folder(model: EncoderDecoder, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "small", "# Small\n\nA card.\n")
    return tmp_path / "small"


def checkpoint(model: EncoderDecoder, path: Path, **recipe: Any) -> Path:
    """What a training run saves, as far as a model is read from it."""
    state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    content = {"recipe": {"name": "mine", "model": model.config.to_dict(), **recipe}, "state_dict": state}
    torch.save(content | {"global_step": 7, "optimizer_states": [{"lr": 1e-3}]}, path)
    return path


def test_there_and_back(folder: Path, model: EncoderDecoder) -> None:
    loaded = load_model(folder)
    assert same(loaded, model)
    assert loaded.config == model.config
    assert not loaded.training
    assert digest(loaded) == digest(model)
    assert sorted(path.name for path in folder.iterdir()) == sorted([CONFIG, WEIGHTS, CARD])


def test_half_the_bytes_hold_the_rounded_values(model: EncoderDecoder, tmp_path: Path) -> None:
    save_model(model, tmp_path / "half", half=True)
    save_model(model, tmp_path / "whole")
    found = load_model(tmp_path / "half").state_dict()
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    for name, tensor in model.state_dict().items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor.half().float() if name in parameters else tensor)
    half, whole = ((tmp_path / name / WEIGHTS).stat().st_size for name in ("half", "whole"))
    # Two bytes a parameter, but for a few digits in the header.
    assert whole - half == pytest.approx(2 * model.parameter_count(), rel=0.02)


def test_the_hash_is_that_of_the_file(folder: Path) -> None:
    values = json.loads((folder / CONFIG).read_text())
    assert values.pop(WEIGHTS_HASH) == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert ModelConfig.from_dict(values, "file") == load_model(folder).config


def test_saving_twice_gives_the_same_bytes(folder: Path, model: EncoderDecoder, tmp_path: Path) -> None:
    save_model(load_model(folder), tmp_path / "again", (folder / CARD).read_text())
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_a_digest_tells_weights_and_settings_apart(build: Build) -> None:
    digests = {digest(build()), digest(build(seed=4)), digest(build(mask_padding=False))}
    assert len(digests) == 3
    assert digest(build()) in digests
    assert all(len(each) == 12 for each in digests)


@pytest.mark.parametrize("hashed", [True, False])
def test_a_turned_over_bit_or_a_cut_is_noticed(folder: Path, model: EncoderDecoder, hashed: bool) -> None:
    path, whole = folder / WEIGHTS, (folder / WEIGHTS).read_bytes()
    if not hashed:
        edit(folder, **{WEIGHTS_HASH: None})
    chance = random.Random(5)
    header = 8 + int.from_bytes(whole[:8], "little")
    for bit in [chance.randrange(8 * (len(whole) if hashed else header)) for _ in range(13)]:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        if hashed:
            with pytest.raises(ArcAffinityError, match="damaged: its SHA-256"):
                load_model(folder)
        else:
            # The header says what is in the file; of the numbers themselves nothing but the hash knows.
            assert refused(folder) or same(load_model(folder), model)
    for end in (0, 7, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(ArcAffinityError, match=str(path)):
            load_model(folder)


def refused(folder: Path) -> bool:
    try:
        load_model(folder)
    except ArcAffinityError:
        return True
    return False


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 28, "heads": 7}, "does not fit the model: "),
        ({"decoder_layers": 3}, "28 missing"),
        ({"decoder_layers": 1}, "28 unexpected"),
        ({"positions": "rotary"}, "1 unexpected (positional_encoding.pe)"),
        ({"heads": 5}, "width 24 does not divide into 5 heads"),
        ({"alignement": 2.0}, "did you mean 'alignment'?"),
    ],
)
def test_settings_that_do_not_fit_the_weights(folder: Path, change: dict[str, Any], message: str) -> None:
    edit(folder, **change)
    with pytest.raises(ArcAffinityError) as caught:
        load_model(folder)
    assert message in str(caught.value)


def test_folders_that_are_none(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArcAffinityError, match=f"empty is not a model folder: no {CONFIG}"):
        load_model(tmp_path / "empty")
    (folder / WEIGHTS).unlink()
    with pytest.raises(ArcAffinityError, match=f"small is not a model folder: no {WEIGHTS}"):
        load_model(folder)
    for text, message in (
        ("{", "is not JSON"),
        ("[1]", r"must be a JSON object, not \[1\]"),
        ("\xff", "not text in UTF-8"),
    ):
        (folder / CONFIG).write_bytes(text.encode("latin-1"))
        with pytest.raises(ArcAffinityError, match=message):
            load_model(folder)


def test_a_full_disk_leaves_the_model_before(
    folder: Path, build: Build, model: EncoderDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if CONFIG in path.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ArcAffinityError, match=f"cannot write .*{CONFIG}: No space left"):
        save_model(build(seed=4), folder)
    monkeypatch.undo()
    assert same(load_model(folder), model)
    assert sorted(path.name for path in folder.iterdir()) == sorted([CONFIG, WEIGHTS, CARD])


@pytest.mark.parametrize(("value", "half"), [(float("nan"), False), (float("-inf"), True), (1e6, True)])
def test_numbers_that_are_none_are_not_saved(model: EncoderDecoder, tmp_path: Path, value: float, half: bool) -> None:
    with torch.no_grad():
        model.bos_embed.view(-1)[1] = value
    with pytest.raises(ArcAffinityError, match="numbers that are not finite, in bos_embed"):
        save_model(model, tmp_path / "new", half=half)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written(model: EncoderDecoder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArcAffinityError, match="cannot write"):
        save_model(model, tmp_path / "file" / "model")


@pytest.fixture
def zoo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that comes with the one model ``small``."""
    for module in (storage, names):
        monkeypatch.setattr(module, "ZOO", folder.parent)
    monkeypatch.setattr(names, "BUNDLED_MODELS", ("small",))
    return folder.parent


def test_every_model_in_the_zoo_is_named() -> None:
    found = {path.parent.name: names.holds_solver(path.parent) for path in names.ZOO.glob(f"*/{CONFIG}")}
    assert found == dict.fromkeys(bundled_models(), False) | dict.fromkeys(names.bundled_solvers(), True)


def test_a_bundled_model_that_is_gone_is_missed(zoo: Path) -> None:
    (zoo / "small" / CONFIG).unlink()
    assert bundled_models() == ("small",)
    with pytest.raises(ArcAffinityError, match="small is not a model folder"):
        find_model("small")


def test_bundled_models(zoo: Path, model: EncoderDecoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (zoo / "nothing").mkdir()
    assert bundled_models() == ("small",)
    # A folder of its name here, whatever is in it, takes nothing's place.
    here = tmp_path / "here"
    (here / "small").mkdir(parents=True)
    monkeypatch.chdir(here)
    (here / "small" / CONFIG).write_text('{"kind": "pair-transformer"}')
    assert names.is_solver("./small") and not names.is_solver("small")
    found = find_model("small")
    assert (found.name, found.source, found.card) == ("small", zoo / "small", "# Small\n\nA card.\n")
    assert same(found.model, model)
    assert found.digest == digest(model)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smal", "unknown model 'smal'; did you mean 'small'?"),
        ("zebra", "unknown model 'zebra'; known: small"),
        ("runs/zebra", "no model folder or checkpoint at runs/zebra"),
        ("zebra.ckpt", "no model folder or checkpoint at zebra.ckpt"),
    ],
)
def test_models_that_are_nowhere(zoo: Path, name: str, message: str) -> None:
    with pytest.raises(ArcAffinityError) as caught:
        find_model(name)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["a\nb", "k" * 10_000, "\x1b[31mx", ""])
def test_odd_names_of_tensors_are_told_in_one_short_line(model: EncoderDecoder, tmp_path: Path, name: str) -> None:
    path = checkpoint(model, tmp_path / "best.ckpt")
    content = torch.load(path)
    content["state_dict"][name] = torch.zeros(1)
    torch.save(content, path)
    with pytest.raises(ArcAffinityError, match="1 unexpected") as caught:
        find_model(str(path))
    assert str(caught.value).isprintable() and len(str(caught.value)) < len(str(path)) + 300


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({"name": 5}, "5 is no name of a recipe"),
        ({"name": "../x"}, '"../x" is no name of a recipe'),
        ({"model": {5: 1}}, "unknown model setting '5'"),
    ],
)
def test_recipes_that_no_run_saves(model: EncoderDecoder, tmp_path: Path, recipe: dict, told: str) -> None:
    path = checkpoint(model, tmp_path / "best.ckpt")
    content = torch.load(path)
    content["recipe"] |= recipe
    torch.save(content, path)
    with pytest.raises(ArcAffinityError, match=told):
        find_model(str(path))


@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.EACCES])
def test_names_that_cannot_be_looked_up(
    zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    save_adapter(
        Adapter(LoraSpec(1, 1.0, "x"), {"x": Factors(torch.ones(1, 2), torch.ones(3, 1))}, "far", ""), tmp_path
    )
    stat = os.stat

    def refusing(path: Any, **others: Any) -> os.stat_result:
        if str(path).endswith("far"):
            raise OSError(number, os.strerror(number), str(path))
        return stat(path, **others)

    # As root, whom no folder is closed to, and on file systems that take longer names.
    monkeypatch.setattr(os, "stat", refusing)
    for name in ("far", str(tmp_path)):
        with pytest.raises(ArcAffinityError, match=f"cannot read .*far: {os.strerror(number)}"):
            find_model(name)


def test_models_by_path(folder: Path, model: EncoderDecoder, tmp_path: Path) -> None:
    found = find_model(str(folder))
    assert (found.name, found.card) == ("small", "# Small\n\nA card.\n")
    run = tmp_path / "my-run"
    save_model(model, run / "model")
    for place in (run, run / "model"):
        found = find_model(str(place))
        assert (found.name, found.source, found.card) == ("my-run", run / "model", None)
    with pytest.raises(ArcAffinityError, match=f"holds weights alone; give its folder, {folder}"):
        find_model(str(folder / WEIGHTS))


def test_the_checkpoint_of_a_run(model: EncoderDecoder, tmp_path: Path) -> None:
    found = find_model(str(checkpoint(model, tmp_path / "best.ckpt")))
    assert (found.name, found.card, found.digest) == ("mine", None, digest(model))
    assert same(found.model, model)


def test_the_weight_of_pad_is_undone(model: EncoderDecoder, tmp_path: Path) -> None:
    path = checkpoint(model, tmp_path / "best.ckpt", pad_weight=4.0)
    found = model_of_checkpoint(read_checkpoint(path), str(path)).context_to_logits.bias
    expected = model.context_to_logits.bias.clone()
    expected[PAD] -= math.log(4)
    assert torch.allclose(found, expected)


class Trap:
    """Runs a command where a pickle is read carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    trap, path = tmp_path / "sprung", tmp_path / "evil.ckpt"
    path.write_bytes(pickle.dumps({"state_dict": Trap(trap)}))
    with pytest.raises(ArcAffinityError, match=r"evil.ckpt is refused: .* bare pickle could do anything"):
        find_model(str(path))
    torch.save({"state_dict": {}, "recipe": Trap(trap)}, path)
    with pytest.raises(ArcAffinityError, match=r"evil.ckpt is refused: it holds \w+.mkdir, which is code"):
        find_model(str(path))
    assert not trap.exists()


def test_a_checkpoint_with_a_turned_over_bit_or_cut_off(model: EncoderDecoder, tmp_path: Path) -> None:
    path = checkpoint(model, tmp_path / "best.ckpt")
    whole, chance = path.read_bytes(), random.Random(7)
    noticed = 0
    for bit in [chance.randrange(8 * len(whole)) for _ in range(37)]:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            assert same(find_model(str(path)).model, model), f"bit {bit} changed the model unnoticed"
        except ArcAffinityError as error:
            assert "best.ckpt" in str(error)
            noticed += 1
    assert noticed > 30
    for end in (0, 1, 2, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(ArcAffinityError, match=r"best.ckpt is (damaged|refused|empty)"):
            find_model(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds list, not a checkpoint"),
        ({"state_dict": {}}, "holds no run of this package; `model import` reads the published layout"),
        ({"state_dict": {}, "recipe": {"model": {"width": 161}}}, "width 161 does not divide into 4 heads"),
        ({"state_dict": {}, "recipe": {"model": {}}}, "missing (bos_embed, cebr_alpha, "),
    ],
)
def test_checkpoints_of_something_else(content: object, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(ArcAffinityError) as caught:
        find_model(str(tmp_path / "other.ckpt"))
    assert message in str(caught.value)


def test_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ArcAffinityError, match="no checkpoint at"):
        read_checkpoint(tmp_path / "none.ckpt")


def test_a_model_folder_works_wherever_it_is_moved(folder: Path, model: EncoderDecoder, tmp_path: Path) -> None:
    shutil.move(folder, tmp_path / "elsewhere")
    assert find_model(str(tmp_path / "elsewhere")).digest == digest(model)
