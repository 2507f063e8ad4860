"""The documents say what the program does: the command page, links, shown commands, and named functions."""

from __future__ import annotations

import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from arc_affinity.cli.main import COMMANDS, GROUPS, build_app
from arc_affinity.training.recipes.files import load_recipe
from arc_affinity.training.recipes.recipe import RECIPES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"```(?:sh|bash|console)\n(.*?)```", re.DOTALL)
NAME = re.compile(r"`(arc_affinity\.[\w.]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What a link may name in a page: its headings, in lower case, spaces as dashes, other signs gone."""
    titles = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_pages_of_commands_and_of_recipes_are_what_the_program_says(root: Path, tmp_path: Path) -> None:
    """In a process of its own: the type checker of the tests may change the order in which choices are listed."""
    pages = ("cli.md", "recipe.md")
    command = [sys.executable, "-m", "arc_affinity.cli.reference", *(tmp_path / page for page in pages)]
    subprocess.run(command, check=True)
    for page in pages:
        written, now = ((folder / page).read_text(encoding="utf-8") for folder in (root / "docs", tmp_path))
        assert written == now, f"docs/{page} is not what the program says now; run `make docs`"


def test_the_recipes_shown_are_those_that_there_are(tmp_path: Path) -> None:
    shown = {}
    for page in ("recipe.md", "training.md"):
        for number, block in enumerate(TOML.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))):
            path = tmp_path / f"{page}-{number}.toml"
            path.write_text(block)
            recipe = load_recipe(str(path))
            shown[recipe.name] = recipe
    assert {name: shown.get(name) for name in RECIPES} == RECIPES
    assert len(shown) > len(RECIPES)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        leads_to = page.parent / target
        assert leads_to.exists(), f"{page.name}: {target}"
        if anchor and leads_to.suffix == ".md":
            assert anchor.removeprefix("#") in anchors(leads_to), f"{page.name}: {target}{anchor}"


def shown_commands() -> list[tuple[str, str]]:
    """Every line of the pages' shell blocks that calls the program, with continued lines joined."""
    found = []
    for page in PAGES:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(page.name, line.removeprefix("$ ")) for line in lines if "arc-affinity " in line]
    return found


@pytest.mark.parametrize(("page", "line"), shown_commands())
def test_commands_in_the_guides_are_understood(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    tokens = words[[Path(word).name for word in words].index("arc-affinity") + 1 :]
    # Binds the arguments as the program would, and runs nothing; a wrong command line raises.
    build_app().parse_args(tokens, print_error=False, exit_on_error=False)


def test_every_variable_is_documented_in_one_place() -> None:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    used = {name for text in sources for name in re.findall(r"\bARC_AFFINITY_[A-Z]+\b", text)}
    assert used == {"ARC_AFFINITY_DATA"}
    page = (ROOT / "docs" / "habits.md").read_text(encoding="utf-8")
    assert used == set(re.findall(r"^\| `(ARC_AFFINITY_\w+)` \|", page, re.MULTILINE))


@pytest.mark.many_steps
def test_python_in_the_guides_runs() -> None:
    pages = [page.read_text(encoding="utf-8") for page in sorted(ROOT.glob("docs/*.md"))]
    blocks = [block for page in pages for block in PYTHON.findall(page)]
    assert blocks
    for block in blocks:
        exec(compile(block, "docs", "exec"), {})


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """A broken link, a page that no list names, or a function that the reference does not find is a warning."""
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", ROOT / "docs", tmp_path / "site"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "load_tasks" in (tmp_path / "site" / "reference.html").read_text(encoding="utf-8")


def test_every_group_has_a_line() -> None:
    assert {words.rpartition(" ")[0] for words, _, _ in COMMANDS} - {""} <= set(GROUPS)


@pytest.mark.parametrize("name", NAME.findall((ROOT / "docs" / "equations.md").read_text(encoding="utf-8")))
def test_what_the_table_of_equations_names_exists(name: str) -> None:
    assert pkgutil.resolve_name(name) is not None
