"""Model folders (``config.json`` + ``model.safetensors`` + model card) and what is read from foreign checkpoints."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from arc_affinity.errors import ArcAffinityError
from arc_affinity.files import write_bytes, write_text
from arc_affinity.models.config import ModelConfig
from arc_affinity.models.encoder_decoder import EncoderDecoder

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"


def save_model(model: EncoderDecoder, folder: Path, card: str | None = None) -> None:
    """Write ``model`` as a model folder, weights last, so that a folder with weights is whole."""
    write_text(folder / CONFIG, json.dumps(model.config.to_dict(), indent=2) + "\n")
    if card is not None:
        write_text(folder / CARD, card)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_bytes(folder / WEIGHTS, save(tensors))


def load_model(folder: Path) -> EncoderDecoder:
    """Read a model folder.

    Raises:
        ArcAffinityError: a file is missing, damaged, or holds other tensors than the configuration asks for.
    """
    model = EncoderDecoder(read_config(folder / CONFIG))
    path = folder / WEIGHTS
    try:
        tensors = load_file(path)
    except FileNotFoundError as error:
        raise ArcAffinityError(f"{folder} is not a model folder: no {WEIGHTS}") from error
    except (SafetensorError, OSError) as error:
        raise ArcAffinityError(f"cannot read {path}: {error}") from error
    fill(model, tensors, str(path))
    return model.eval()


def read_config(path: Path) -> ModelConfig:
    """Read a model's ``config.json``."""
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ArcAffinityError(f"{path.parent} is not a model folder: no {path.name}") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ArcAffinityError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ArcAffinityError(f"{path} must hold an object, not {type(values).__name__}")
    return ModelConfig.from_dict(values, str(path))


def fill(model: EncoderDecoder, tensors: dict[str, Tensor], where: str) -> None:
    """Load ``tensors`` into ``model``, strictly.

    Raises:
        ArcAffinityError: naming every tensor that is missing, unexpected or of another shape.
    """
    wanted = model.state_dict()
    faults = [f"missing {name}" for name in wanted if name not in tensors]
    faults += [f"unexpected {name}" for name in tensors if name not in wanted]
    faults += [
        f"{name} is {tuple(tensors[name].shape)}, not {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    if faults:
        raise ArcAffinityError(f"{where} does not fit the model: {'; '.join(faults)}")
    model.load_state_dict(tensors)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a torch checkpoint without running any code in it.

    Raises:
        ArcAffinityError: it is missing, truncated, or a pickle of more than tensors and plain values.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ArcAffinityError(f"no checkpoint at {path}") from error
    except pickle.UnpicklingError as error:
        raise ArcAffinityError(f"{path} is refused: it holds more than tensors and plain values") from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ArcAffinityError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        raise ArcAffinityError(f"{path} holds {type(content).__name__}, not a checkpoint")
    return content


def digest(model: EncoderDecoder) -> str:
    """Return the first 12 hex digits of the SHA-256 of configuration and weights: what a record names a model by."""
    state = hashlib.sha256(json.dumps(model.config.to_dict(), sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        state.update(name.encode())
        state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()[:12]
