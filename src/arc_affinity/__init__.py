"""A laboratory for small neural ARC solvers: train, adapt, solve, score and diagnose.

What a notebook wants is here, and is imported when it is used::

    import arc_affinity as aa

    tasks = aa.load_tasks("arc-agi-1/training")[:5]
    answers = aa.predict(aa.find_model("rotary"), tasks)
    aa.score(answers)
    aa.show(answers)
"""

from importlib import import_module

_HOMES = {
    "load_tasks": "data.datasets.registry",
    "train": "notebook.training",
    "find_model": "notebook.answering",
    "predict": "notebook.answering",
    "solve": "notebook.answering",
    "finetune": "notebook.specialists",
    "read_answers": "notebook.answers",
    "score": "notebook.scoring",
    "classify": "notebook.kinds",
    "diagnose": "notebook.diagnosing",
    "show": "notebook.pictures",
}
"""Where each name lives; `__init__.pyi` tells type checkers the same."""

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("importlib.metadata").version("arc-affinity")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
