"""``arc-affinity model push`` and ``model pull``: model folders on the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from arc_affinity.cli.output.terminal import Console, say_path
from arc_affinity.models.storage.names import check_name


def push(model: str, repository: str, /, *, private: bool = False) -> None:
    """Put a model on the Hugging Face Hub.

    Configuration, weights and card go there, in the layout that the Hub keeps. Who you are is what `hf auth login` has
    stored.

    Args:
        model: A bundled model's name, a model folder, or the folder of a run.
        repository: OWNER/NAME; made if there is none.
        private: Make it private.
    """
    check_name(model)
    from arc_affinity.models.storage.hub import push as put

    Console(highlight=False).print(put(model, repository, private=private), markup=False, soft_wrap=True)


def pull(repository: str, /, *, out: Path, revision: str | None = None) -> None:
    """Fetch a model from the Hugging Face Hub.

    The folder appears only if what came is whole and a model of this package.

    Args:
        repository: OWNER/NAME.
        out: Folder to make.
        revision: Branch, tag or commit; the newest unless given.
    """
    from arc_affinity.models.storage.hub import pull as fetch

    say_path(Console(), "model in ", fetch(repository, out, revision=revision))
