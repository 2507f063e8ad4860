"""Downloads from a server and a package index of our own: what is put in place, what is refused and removed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from arc_affinity.data.datasets import fetch as fetching
from arc_affinity.data.datasets.archives import ARCHIVES, Archive, Member, Wheel, mended_cells
from arc_affinity.data.datasets.fetch import content_digest, fetch
from arc_affinity.data.datasets.registry import load_tasks
from arc_affinity.errors import ArcAffinityError
from arc_affinity.types import Task

Serve = Callable[[bytes], str]

TASKS = {
    f"{name}{number}": {
        "train": [{"input": [[number, 2]], "output": [[3], [number]]}],
        "test": [{"input": [[5]], "output": [[number]]}],
    }
    for name in ("Above", "Below")
    for number in (1, 2)
}


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve bytes over the loopback and return their address."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    server = HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()

    def put(content: bytes) -> str:
        (folder / "archive.zip").write_bytes(content)
        return f"http://127.0.0.1:{server.server_port}/archive.zip"

    yield put
    server.shutdown()
    thread.join()
    server.server_close()


def packed(files: Mapping[str, object]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return buffer.getvalue()


def digest(tasks: Mapping[str, object]) -> str:
    """As the docstring of `content_digest` says, from JSON to JSON."""
    text = json.dumps(dict(sorted(tasks.items())), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


REPOSITORY = {
    "ConceptARC-main/README.md": "text",
    "ConceptARC-main/corpus/Above/Above1.json": TASKS["Above1"],
    "ConceptARC-main/corpus/Above/Above2.json": TASKS["Above2"],
    "ConceptARC-main/corpus/Below/Below1.json": TASKS["Below1"],
    "ConceptARC-main/MinimalTasks/Below2.json": TASKS["Below2"],
    "ConceptARC-main/other/Other.json": {"no": "task"},
    "ConceptARC-main/corpus/../../../Evil.json": {"no": "task"},
}
CORPUS = {name: TASKS[name] for name in ("Above1", "Above2", "Below1")}
MINIMAL = {"Below2": TASKS["Below2"]}


def archive_at(url: str) -> Archive:
    return Archive(
        url,
        (
            Member("concept-arc", "corpus", digest(CORPUS)),
            Member("concept-arc/minimal", "MinimalTasks", digest(MINIMAL)),
        ),
    )


def names_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_download_is_put_in_place(serve: Serve, tmp_path: Path) -> None:
    base = tmp_path / "new" / "data"
    archive = archive_at(serve(packed(REPOSITORY)))
    folders = fetch("concept-arc", base, archive)
    assert folders == {
        "concept-arc": base / "concept-arc",
        "concept-arc/minimal": base / "concept-arc-minimal",
    }
    assert names_below(base) == {
        "concept-arc/Above/Above1.json",
        "concept-arc/Above/Above2.json",
        "concept-arc/Below/Below1.json",
        "concept-arc-minimal/Below2.json",
    }
    assert [task.id for task in load_tasks("concept-arc", base)] == ["Above1", "Above2", "Below1"]
    assert not list(base.glob(".*"))


def test_what_is_there_is_not_downloaded_again(serve: Serve, tmp_path: Path) -> None:
    archive = archive_at(serve(packed(REPOSITORY)))
    told: list[str] = []
    folders = fetch("concept-arc", tmp_path / "data", archive, say=told.append)
    serve(b"gone")
    assert fetch("concept-arc", tmp_path / "data", archive, say=told.append) == folders
    assert told == [archive.source], "nothing is said of an address that is not asked"


def test_another_process_may_fetch_the_same_meanwhile(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, base, first = archive_at(serve(packed(REPOSITORY))), tmp_path / "data", []
    real = fetching.unpack

    def slowly(*given: object) -> None:
        if not first:
            first.append(True)
            fetch("concept-arc", base, archive)
        real(*given)

    monkeypatch.setattr(fetching, "unpack", slowly)
    assert fetch("concept-arc", base, archive)["concept-arc"] == base / "concept-arc"
    assert [task.id for task in load_tasks("concept-arc", base)] == ["Above1", "Above2", "Below1"]


def test_only_what_is_missing_is_put_in_place(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "data" / "ConceptARC-main" / "corpus" / "any" / "Above1.json"
    for name in CORPUS:
        path = path.with_name(f"{name}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(TASKS[name]))
    folders = fetch("concept-arc", tmp_path / "data", archive_at(serve(packed(REPOSITORY))))
    assert folders["concept-arc"] == tmp_path / "data" / "ConceptARC-main" / "corpus"
    assert folders["concept-arc/minimal"] == tmp_path / "data" / "concept-arc-minimal"


def test_other_tasks_in_the_place_are_left_alone(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "data" / "concept-arc" / "Mine.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(TASKS["Above1"]))
    with pytest.raises(ArcAffinityError, match="its tasks are not those of concept-arc as published"):
        fetch("concept-arc", tmp_path / "data", archive_at(serve(packed(REPOSITORY))))
    assert names_below(tmp_path / "data") == {"concept-arc/Mine.json"}


CHANGED = {**TASKS["Below2"], "test": [{"input": [[5]], "output": [[7]]}]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed({**REPOSITORY, "ConceptARC-main/MinimalTasks/Below2.json": CHANGED}), "it was removed"),
        (packed({**REPOSITORY, "ConceptARC-main/MinimalTasks/More.json": CHANGED}), "it was removed"),
        (packed({"ConceptARC-main/README.md": "text"}), "not concept-arc as this version knows it"),
        (packed({**REPOSITORY, "ConceptARC-main/corpus/Bad.json": [1]}), "is not a task"),
        (b"", "no sound zip file"),
        (b"<html>no such page</html>", "no sound zip file"),
        (packed(REPOSITORY)[:-70], "no sound zip file"),
        (packed(REPOSITORY).replace(b'"train"', b'"drain"', 1), "no sound zip file"),
    ],
)
def test_what_differs_is_refused_and_removed(serve: Serve, tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ArcAffinityError, match=message):
        fetch("concept-arc", tmp_path / "data", archive_at(serve(content)))
    assert not list((tmp_path / "data").iterdir())


def test_without_a_network_it_says_what_to_do(serve: Serve, tmp_path: Path) -> None:
    nowhere = serve(b"").replace("archive.zip", "none.zip")
    with pytest.raises(ArcAffinityError) as caught:
        fetch("concept-arc", tmp_path / "data", archive_at(nowhere))
    assert str(caught.value) == (
        f"cannot download {nowhere} (404 Client Error: File not found); by hand: download that file "
        f"where there is a network, and unpack it in {tmp_path / 'data'}"
    )
    with pytest.raises(ArcAffinityError, match=r"\(ConnectionError\); by hand"):
        fetch("concept-arc", tmp_path / "data", archive_at("http://127.0.0.1:9/archive.zip"))


def test_by_hand(tmp_path: Path) -> None:
    repository = {name: content for name, content in REPOSITORY.items() if "Evil" not in name}
    with zipfile.ZipFile(io.BytesIO(packed(repository))) as archive:
        archive.extractall(tmp_path)
    assert len(load_tasks("concept-arc", tmp_path)) == 3
    assert len(load_tasks("concept-arc/minimal", tmp_path)) == 1
    fetch("concept-arc", tmp_path, archive_at("http://127.0.0.1:9/archive.zip"))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ArcAffinityError, match="cannot write to .*data: File exists"):
        fetch("concept-arc", tmp_path / "data", archive_at("http://127.0.0.1:9/archive.zip"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("arc-agi-1/training", "dataset arc-agi-1/training needs no download"),
        ("re-arc", "dataset re-arc needs no download"),
        ("arc-agi-1", "dataset arc-agi-1 needs no download"),
        ("arc-agi", "unknown download 'arc-agi'"),
        ("arc-agi2", "unknown download 'arc-agi2'; did you mean 'arc-agi-2'"),
    ],
)
def test_what_cannot_be_fetched(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ArcAffinityError, match=message):
        fetch(name, tmp_path)


@pytest.mark.parametrize("member", [m for archive in ARCHIVES.values() for m in archive.members])
def test_the_digests_are_those_of_the_published_tasks(
    tasks_of: Callable[[str], tuple[Task, ...]], member: Member
) -> None:
    assert content_digest(tasks_of(member.dataset)) == member.digest


def test_a_digest_from_the_files_themselves(shared: Path) -> None:
    folder = shared / "data" / "concept-arc-minimal"
    files = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert digest(files) == ARCHIVES["concept-arc"].members[1].digest


def test_the_published_files_pass(serve: Serve, shared: Path, tmp_path: Path) -> None:
    data, files = shared / "data", {}
    for own, there in (("concept-arc", "corpus"), ("concept-arc-minimal", "MinimalTasks")):
        for path in (data / own).rglob("*.json"):
            files[f"ConceptARC-main/{there}/{path.relative_to(data / own)}"] = path.read_text()
    known = ARCHIVES["concept-arc"]
    folders = fetch("concept-arc", tmp_path / "data", Archive(serve(packed(files)), known.members))
    assert [len(load_tasks(str(folder))) for folder in folders.values()] == [160, 16]


def test_cells_as_text_and_cells_unpainted() -> None:
    assert mended_cells({"input": [["7", None], [3, "x"]]}) == {"input": [[7, 0], [3, "x"]]}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip is set up for."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel_of(files: Mapping[str, object], package: str) -> bytes:
    about = f"{package}-1.2.dist-info"
    metadata = ("Metadata-Version: 2.1", f"Name: {package}", "Version: 1.2", "Requires-Dist: no-such-thing", "")
    return packed(
        {
            **files,
            f"{about}/METADATA": "\n".join(metadata),
            f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": "",
        }
    )


PARTS = {"train": {"Above1": TASKS["Above1"], "Above2": TASKS["Above2"]}, "eval": {"Below1": TASKS["Below1"]}}
KIT = wheel_of({"kit/data/all.json": PARTS, "kit/__init__.py": "raise SystemExit('not to be run')"}, "kit")


def kit(content: bytes = KIT) -> Archive:
    return Archive(
        Wheel("kit", "1.2", hashlib.sha256(content).hexdigest()),
        (
            Member("arc-agi-2/training", "data/all.json", digest(PARTS["train"]), part="train"),
            Member("arc-agi-2/evaluation", "data/all.json", digest(PARTS["eval"]), part="eval"),
        ),
    )


def test_parts_of_one_file_in_a_wheel(index: Path, tmp_path: Path) -> None:
    (index / "kit-1.2-py3-none-any.whl").write_bytes(KIT)
    folders = fetch("arc-agi-2", tmp_path / "data", kit())
    assert folders == {f"arc-agi-2/{part}": tmp_path / "data/arc-agi-2" / part for part in ("training", "evaluation")}
    assert [task.id for task in load_tasks("arc-agi-2/training", tmp_path / "data")] == ["Above1", "Above2"]
    assert [task.id for task in load_tasks("arc-agi-2/evaluation", tmp_path / "data")] == ["Below1"]
    assert len(names_below(tmp_path / "data")) == 3


def test_ids_and_cells_of_other_making_in_a_wheel(index: Path, tmp_path: Path) -> None:
    loose = {
        "train": [{"input": [["1", 2]], "output": [["3"], [None]]}],
        "test": [{"input": [[5]], "output": [["1"]]}],
    }
    sound = {"train": [{"input": [[1, 2]], "output": [[3], [0]]}], "test": [{"input": [[5]], "output": [[1]]}]}
    wheel = wheel_of({"le/arcs/Mini/let's_go,_2.json": loose, "le/arcs/Mini/.DS_Store": "x"}, "le")
    (index / "le-1.2-py3-none-any.whl").write_bytes(wheel)
    member = Member("mini-arc", "arcs/Mini", digest({"let_s_go__2": sound}), mend=mended_cells)
    fetch("mini-arc", tmp_path / "data", Archive(Wheel("le", "1.2", hashlib.sha256(wheel).hexdigest()), (member,)))
    assert names_below(tmp_path / "data") == {"mini-arc/let_s_go__2.json"}


def test_another_wheel_of_the_same_name_is_refused(index: Path, tmp_path: Path) -> None:
    (index / "kit-1.2-py3-none-any.whl").write_bytes(wheel_of({"kit/data/all.json": PARTS}, "kit"))
    with pytest.raises(ArcAffinityError, match=r"kit-1\.2-py3-none-any\.whl is not kit 1\.2 as this version knows it"):
        fetch("arc-agi-2", tmp_path / "data", kit())
    assert not list((tmp_path / "data").iterdir())


def test_without_an_index_a_wheel_may_come_by_hand(index: Path, tmp_path: Path) -> None:
    base = tmp_path / "data"
    with pytest.raises(ArcAffinityError) as caught:
        fetch("arc-agi-2", base, kit())
    assert str(caught.value) == (
        "pip cannot download kit 1.2 (No matching distribution found for kit==1.2); by hand: 'pip download --no-deps "
        f"kit==1.2' where there is a package index, and put the wheel in {base}"
    )
    (base / "kit-1.2-py3-none-any.whl").write_bytes(KIT)
    assert list(fetch("arc-agi-2", base, kit())) == ["arc-agi-2/training", "arc-agi-2/evaluation"]


class Stalls(BaseHTTPRequestHandler):
    """A package index whose wheel never ends."""

    asked, killed = threading.Event(), threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        if self.path.endswith(".whl"):
            self.send_header("Content-Length", str(10 * len(KIT)))
            self.end_headers()
            self.wfile.write(KIT)
            self.wfile.flush()
            self.asked.set()
            self.killed.wait(60)
            return
        self.end_headers()
        self.wfile.write(b'<a href="/kit-1.2-py3-none-any.whl">kit-1.2-py3-none-any.whl</a>')

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


KILLED = """
import sys
from pathlib import Path
from arc_affinity.data.datasets.archives import Archive, Member, Wheel
from arc_affinity.data.datasets.fetch import fetch
member = Member("arc-agi-2/training", "data/all.json", "0", part="train")
fetch("arc-agi-2", Path(sys.argv[1]), Archive(Wheel("kit", "1.2", "0"), (member,)))
"""


def test_a_download_that_was_killed_loses_nothing(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path / "data"
    mine = base / "concept-arc" / "Mine.json"
    mine.parent.mkdir(parents=True)
    mine.write_text(json.dumps(TASKS["Above1"]))
    server = HTTPServer(("127.0.0.1", 0), Stalls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    at = f"http://127.0.0.1:{server.server_port}/simple"
    index_of_its_own = {**os.environ, "PIP_NO_INDEX": "0", "PIP_INDEX_URL": at, "NO_PROXY": "127.0.0.1"}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(base)], env=index_of_its_own, start_new_session=True
    ) as run:
        try:
            assert Stalls.asked.wait(60)
        finally:
            os.killpg(run.pid, 9)
            Stalls.killed.set()
            server.shutdown()
            thread.join()
            server.server_close()
    assert names_below(base) == {"concept-arc/Mine.json"}
    (index / "kit-1.2-py3-none-any.whl").write_bytes(KIT)
    fetch("arc-agi-2", base, kit())
    assert len(names_below(base)) == 4
    assert {path.name for path in base.iterdir()} == {"concept-arc", "arc-agi-2"}
