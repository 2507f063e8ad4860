"""Checkpoints as torch writes them, read without running any code in them."""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from arc_affinity.errors import ArcAffinityError

WEIGHTS_ENDING = ".safetensors"

WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.")
"""Stand in the names of the tensors of compiled and of sharded models."""

SHARED = "module."
"""Stands before the names of the tensors of a model that several processes trained."""

UNREADABLE = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, LookupError, MemoryError, NameError),
    *(OSError, RuntimeError, TypeError, ValueError, pickle.PickleError, struct.error),
)
"""What torch's reader raises on a pickle that was tampered with: all that an instruction in it may do wrong."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a torch checkpoint without running any code in it; every byte of its tensors is checked.

    Raises:
        ArcAffinityError: it is missing, damaged, or a pickle of more than tensors and plain values.
    """
    _check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        what = f"{named[1]}, which is code," if named else "more than tensors and plain values"
        raise ArcAffinityError(f"{path} is refused: it holds {what} and could do anything when read") from error
    except UNREADABLE as error:
        raise ArcAffinityError(f"cannot read {path}: {(str(error).splitlines() or [''])[0][:200]}") from error
    if not isinstance(content, dict):
        raise ArcAffinityError(f"{path} holds {type(content).__name__}, not a checkpoint")
    state = content.get("state_dict", content)
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in (*content, *state)):
        raise ArcAffinityError(f"{path} is no checkpoint: its tensors have no names")
    # Without what `torch.compile` and torch's ways to share a model put into every tensor's name.
    plain = {}
    for name, tensor in state.items():
        for wrapper in WRAPPERS:
            name = name.replace(wrapper, "")
        plain[name.removeprefix(SHARED)] = tensor
    return {**content, "state_dict": plain} if "state_dict" in content else plain


def _check_archive(path: Path) -> None:
    """Make sure that ``path`` is a whole archive as `torch.save` writes it; torch compares no checksum itself."""
    try:
        with path.open("rb") as file:
            begin = file.read(9)
        if not begin:
            raise ArcAffinityError(f"{path} is empty, no checkpoint")
        if path.suffix == WEIGHTS_ENDING or begin[8:] == b"{":
            raise ArcAffinityError(f"{path} is no checkpoint but weights alone (safetensors); name its folder")
        if begin[:2] != b"PK":
            raise ArcAffinityError(
                f"{path} is refused: no archive of tensors; a bare pickle could do anything when read"
            )
        with zipfile.ZipFile(path) as archive:
            # As torch writes them, members are as long in the archive as out of it; packed ones may be without end.
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise ArcAffinityError(f"{path} is refused: it is compressed, as torch never writes a checkpoint")
            damaged = archive.testzip()
    except FileNotFoundError as error:
        raise ArcAffinityError(f"no checkpoint at {path}") from error
    except OSError as error:
        raise ArcAffinityError(f"cannot read {path}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
        raise ArcAffinityError(f"{path} is damaged or cut off: {error}") from error
    if damaged is not None:
        raise ArcAffinityError(f"{path} is damaged: {damaged} is not what was written")
