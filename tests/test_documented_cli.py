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
from arc_affinity.models.storage.names import bundled_models, bundled_solvers
from arc_affinity.training.recipes.files import load_recipe
from arc_affinity.training.recipes.recipe import RECIPES

ROOT = Path(__file__).parents[1]
CARDS = sorted(ROOT.glob("src/arc_affinity/models/zoo/*/README.md"))
PAGES = [*sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), *CARDS]
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"```(?:sh|bash|console)\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`(arc-affinity [^`]* --[^`]*)`")
FILE = re.compile(r"(?<![\w./])(?:bench|docs|examples|runs|src|tests)/[\w./-]*\.\w+")
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


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    files = set(FILE.findall(page.read_text(encoding="utf-8")))
    assert not [file for file in sorted(files) if not (ROOT / file).exists()]


def test_the_cards_are_among_the_pages() -> None:
    assert [card.parent.name for card in CARDS] == sorted((*bundled_models(), *bundled_solvers()))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        leads_to = page.parent / target
        assert leads_to.exists(), f"{named(page)}: {target}"
        if anchor and leads_to.suffix == ".md":
            assert anchor.removeprefix("#") in anchors(leads_to), f"{named(page)}: {target}{anchor}"


def shown_commands() -> list[tuple[str, str]]:
    """Every line of the pages' shell blocks that calls the program, with continued lines joined, and every call with
    flags within a sentence."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in SHELL.findall(text):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(named(page), line.removeprefix("$ ")) for line in lines if "arc-affinity " in line]
        found += [(named(page), " ".join(call.split())) for call in INLINE.findall(SHELL.sub("", text))]
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
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))]
    blocks = [block for page in pages for block in PYTHON.findall(page)]
    assert "solve(" in blocks[0] and len(blocks) > 1
    for block in blocks:
        # Less time gives worse answers by the same way.
        exec(compile(block.replace("seconds=60", "seconds=3"), "docs", "exec"), {})


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
