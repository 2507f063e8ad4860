"""Datasets that several tests look at, loaded once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from arc_affinity.data.datasets.registry import DATASETS, find_folder, load_tasks
from arc_affinity.types import Task

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tasks_of() -> Callable[[str], tuple[Task, ...]]:
    """Return the tasks of a dataset by its name; skips where they are not at hand."""

    @cache
    def load(name: str) -> tuple[Task, ...]:
        folder = ROOT.parent / "shared" / "data"
        if DATASETS[name].fetched_as and find_folder(DATASETS[name], folder) is None:
            pytest.skip("needs the dataset beside the repository (../shared/data)")
        return load_tasks(name, folder)

    return load
