"""Model folders on the Hugging Face Hub. A folder goes there as it is: its layout is the one that the Hub keeps."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from arc_affinity.errors import ArcAffinityError, optional
from arc_affinity.files import new_folder
from arc_affinity.models.pair_transformer.storage import find_either
from arc_affinity.models.storage.names import CARD, CONFIG, WEIGHTS

FILES = (CONFIG, WEIGHTS, CARD)
"""What goes there and comes from there; no other file is looked at."""


def push(name: str, repository: str, *, private: bool = False) -> str:
    """Put a model on the Hub and return the address of what was added.

    Args:
        name: a bundled model, a model folder, or the folder of a finished run.
        repository: ``OWNER/NAME``; made if there is none.
        private: whether a repository that is made is.

    Raises:
        ArcAffinityError: there is no such model, it is no folder or an adapter's, huggingface_hub is not installed, or
            the Hub refuses.
    """
    source = find_either(name).source
    if not source.is_dir():
        raise ArcAffinityError(f"{source} is a checkpoint; `model import` or the run's own model folder can be pushed")
    if not all((source / each).is_file() for each in (CONFIG, WEIGHTS)):
        raise ArcAffinityError(f"{source} is an adapter, not a whole model; fine-tune by --method full to push one")
    hub = optional("huggingface_hub", "hub")
    try:
        hub.create_repo(repository, private=private, exist_ok=True)
        added = hub.upload_folder(repo_id=repository, folder_path=source, allow_patterns=list(FILES))
    except _faults(hub) as error:
        raise _refused(repository, error) from error
    return str(added)


def pull(repository: str, out: Path, *, revision: str | None = None) -> Path:
    """Fetch a model from the Hub into the folder ``out``, which appears only if it is whole and sound.

    Args:
        repository: ``OWNER/NAME``.
        out: a folder that is not there yet.
        revision: branch, tag or commit; the newest unless given.

    Raises:
        ArcAffinityError: ``out`` is there already, the Hub has no such model, what came is no model of this package, or
            huggingface_hub is not installed.
    """
    if out.exists():
        raise ArcAffinityError(f"{out} exists already; choose a new folder")
    hub = optional("huggingface_hub", "hub")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            hub.snapshot_download(repository, revision=revision, allow_patterns=list(FILES), local_dir=scratch)
        except _faults(hub) as error:
            raise _refused(repository, error) from error
        fetched = Path(scratch)
        missing = [each for each in (CONFIG, WEIGHTS) if not (fetched / each).is_file()]
        if missing:
            raise ArcAffinityError(f"{repository} has no {missing[0]}: it is no model of this package")
        find_either(str(fetched))
        with new_folder(out) as aside:
            for each in filter(Path.is_file, (fetched / name for name in FILES)):
                shutil.copyfile(each, aside / each.name)
    return out


def _refused(repository: str, error: Exception) -> ArcAffinityError:
    # What the Hub says takes many lines; its first tells what.
    said = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ArcAffinityError(f"the Hub refuses {repository}: {said:.200}")


def _faults(hub: Any) -> tuple[type[Exception], ...]:
    """What its calls raise: its own errors, and those of the HTTP library beneath, which differs between releases."""
    beneath: type[Exception] = hub.errors.HfHubHTTPError.__mro__[1]
    return (OSError, ValueError, beneath)
