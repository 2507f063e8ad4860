"""``arc-affinity completion``: what a shell needs to complete commands and flags."""

from __future__ import annotations

from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print a script that completes commands and flags.

    For bash: arc-affinity completion bash > ~/.local/share/bash-completion/completions/arc-affinity

    Args:
        shell: Whose script.
    """
    from arc_affinity.cli.main import build_app

    print(build_app().generate_completion(shell=shell), end="")
