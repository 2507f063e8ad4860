"""Optuna's own record of a search, opened whatever a kill has left of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from arc_affinity.documents import decode, object_of, read_lines
from arc_affinity.errors import ArcAffinityError

JOURNAL = "journal.log"


def open_study(journal: Path, optuna: Any) -> Any:
    """Return the search that ``journal`` tells of, or a new one; what a kill left is mended, as nobody else is here.

    Raises:
        ArcAffinityError: the journal is damaged.
    """
    # Optuna would wait for the lock of a process that is gone, for ever where OUT is relative.
    for lock in journal.parent.glob(f"{JOURNAL}.lock*"):
        lock.unlink()
    if journal.exists():
        whole = 0
        for number, line in read_lines(journal):
            if not line.endswith(b"\n"):
                # A write that was cut off: the next one would go on in the middle of this line.
                os.truncate(journal, whole)
                break
            object_of(decode(line, f"{journal}:{number}"), f"{journal}:{number}")
            whole += len(line)
    try:
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
        return optuna.create_study(study_name="settings", storage=storage, load_if_exists=True)
    except (AssertionError, LookupError, TypeError, ValueError) as error:
        raise ArcAffinityError(
            f"{journal} is damaged ({type(error).__name__}: {error}); give another folder"
        ) from error
