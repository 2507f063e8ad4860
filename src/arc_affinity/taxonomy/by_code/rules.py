"""Categories by rules over a task's generator: how its output is drawn (arXiv 2512.07109, appendix A).

The published rules are terse; what they leave open was settled by reading generators beside the published
labels of about half the tasks (docs/taxonomy.md gives the agreement on labels read and not read). A rule sees
the syntax tree alone, so formatting does not matter, and the one that decides names the expression it found.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from arc_affinity.data.generation.rearc import generator_source, task_ids
from arc_affinity.taxonomy.listing import Listing, call_among, called, name_of, named, shown, targets
from arc_affinity.taxonomy.validation import Answer

END = 16
"""Lines at the end of a generator that the rules look at, the ``return`` included: what the published labels of
boxes fit (a box is topology up to line 16 from the end, and in no labelled task beyond)."""

INPUT, OUTPUT = "gi", "go"
"""What re-arc's generators call their grids; names that end so hold parts of them."""

BOXES = frozenset({"box", "inbox", "outbox"})
NEIGHBOURS = frozenset({"neighbors", "dneighbors", "ineighbors"})
TOPOLOGY = frozenset({"shoot", "connect", "frontiers"}) | NEIGHBOURS
CONCATENATIONS = frozenset({"hconcat", "vconcat", "concatf"})
MIRRORS = frozenset({"hmirror", "vmirror", "dmirror", "cmirror"})
TURNS = MIRRORS | {"rot90", "rot180", "rot270"}
SCALES = frozenset({"upscale", "hupscale", "vupscale", "downscale"})
SET_FUNCTIONS = frozenset({"intersection", "difference", "product"})
DRAWS = frozenset({"sample", "choice"})

BY_HAND = "by hand"
"""Name of the rule that `MANUAL` stands for."""

_BY_HAND = {
    "S2": "a1570a43",
    "S3": "c3e719e8 cce03e0d",
    "C2": "b94a9452",
    "K1": "0b148d64 1c786137 d10ecb37",
    "L1": "25d8a9c8",
    "A1": "6d0160f0",
    "A2": "5582e5ca 995c5fa3 cdecee7f d4469b4b d631b094",
}
MANUAL: Mapping[str, str] = MappingProxyType(
    dict(sorted((task, code) for code, tasks in _BY_HAND.items() for task in tasks.split()))
)
"""The 14 tasks that the published rules left ambiguous, with the category given to them by hand."""


@dataclass(frozen=True)
class Generator:
    """What the rules look at."""

    listing: Listing

    @cached_property
    def end(self) -> tuple[ast.stmt | ast.expr, ...]:
        """Nodes of the last `END` lines, in order; of a block that begins earlier, what is in them."""
        return tuple(node for node in self.listing.nodes if self.is_late(node))

    @cached_property
    def outputs(self) -> tuple[ast.Assign, ...]:
        """Assignments to the output or a part of it."""
        return tuple(a for a in self.listing.assignments if any(name.endswith(OUTPUT) for name in targets(a)))

    @cached_property
    def late_outputs(self) -> tuple[ast.Assign, ...]:
        """Those of `outputs` within the end."""
        return tuple(a for a in self.outputs if self.is_late(a))

    @cached_property
    def whiles(self) -> tuple[ast.While, ...]:
        """Every ``while``."""
        return tuple(node for node in self.listing.nodes if isinstance(node, ast.While))

    @cached_property
    def sampled(self) -> frozenset[ast.AST]:
        """Nodes within the random draws of the end: what is drawn from says nothing of the output."""
        draws = (node for node in self.end if isinstance(node, ast.Call) and name_of(node.func) in DRAWS)
        return frozenset(node for draw in draws for node in ast.walk(draw))

    def is_late(self, node: ast.stmt | ast.expr) -> bool:
        """Whether a node begins within the end."""
        return node.lineno > self.listing.length - END

    def filled_with(self, assignment: ast.Assign) -> tuple[ast.expr, ...]:
        """What the variable that a ``fill`` draws was given before, latest first; () if it draws no variable."""
        call = called(assignment.value, {"fill"})
        if call is None or len(call.args) < 3 or not isinstance(call.args[2], ast.Name):
            return ()
        region = call.args[2].id
        earlier = (a for a in self.listing.assignments if a.lineno < assignment.lineno and region in targets(a))
        return tuple(a.value for a in earlier)[::-1]


Find = Callable[[Generator], ast.AST | None]


@dataclass(frozen=True)
class Rule:
    """One rule: it decides for ``category`` where ``find`` returns the expression it looks for.

    ``confidence`` is (agreed + 1) / (decided + 2) over the labelled tasks that the rule decides, of the labels beside
    which it was written; with others the rules agree less often (docs/taxonomy.md).
    """

    name: str
    category: str
    find: Find
    confidence: float


def box_drawn(g: Generator) -> ast.AST | None:
    """A box in the end, or in any assignment to the output."""
    return call_among(g.end, BOXES) or among_outputs(g.outputs, BOXES)


def region_merged(g: Generator) -> ast.AST | None:
    """The output is filled with a variable that was just made by merging objects."""
    latest = (values[0] for a in g.late_outputs if (values := g.filled_with(a)))
    return next((value for value in latest if called(value, {"merge"})), None)


def only_filled(g: Generator) -> ast.AST | None:
    """Every assignment to the output is a fill, with no topology and nothing taken as an object."""
    late = g.late_outputs or g.outputs
    fill = among_outputs(g.outputs, {"fill"})
    if fill is None or not all(_fills(a) for a in late):
        return None
    topology = any(named(a.value, TOPOLOGY) for a in late) or call_among(g.end, {"neighbors"})
    rows = (node for node in g.end if isinstance(node, ast.Call) and name_of(node.func) in CONCATENATIONS)
    repeated = any(named(row, {OUTPUT}) for row in rows)  # the input is copies of the output, side by side
    return None if topology or call_among(g.end, {"asobject"}) or repeated else fill


def loop_on_length(g: Generator) -> ast.AST | None:
    """A ``while`` whose test begins with the length of something named, or of the frontiers."""
    for loop in g.whiles:
        test = loop.test
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            test = test.values[0]
        length = test.left if isinstance(test, ast.Compare) else None
        if length is None or not called(length, {"len"}) or not isinstance(length, ast.Call):
            continue
        if isinstance(length.args[0], ast.Name) or called(length, {"frontiers"}):
            return loop.test
    return None


def placing_loop(g: Generator) -> ast.AST | None:
    """A ``while`` with a limit on tries that counts successes and tests whether a place is free."""
    for loop in g.whiles:
        counts = named(loop.test, {"succ"}) or called(loop.test, {"issubset"})
        if counts and _limits_tries(loop.test) and called(loop, {"issubset"}):
            return loop.test
    return None


def set_algebra(g: Generator) -> ast.AST | None:
    """A set operation draws the output, or the end computes with a collection made a set for it."""
    drawn = (node for a in g.late_outputs for node in ast.walk(a.value))
    operation = next((node for node in drawn if _is_operation(node)), None)
    return operation or next((node for node in g.end if _is_algebra(node) and node not in g.sampled), None)


def topology_drawn(g: Generator) -> ast.AST | None:
    """Lines, rays, frontiers or neighbours are drawn into the output; rays also through a variable."""
    for a in g.late_outputs:
        rays = next((v for v in g.filled_with(a) if g.is_late(v) and called(v, {"shoot"})), None)
        if named(a.value, TOPOLOGY) or rays:
            return rays or a
    return None


def object_composed(g: Generator) -> ast.AST | None:
    """Something is taken as an object before the geometric step, or in one with it."""
    taken = [node for node in g.listing.nodes if isinstance(node, ast.Call) and name_of(node.func) == "asobject"]
    at_once = next((call for call in taken if called(call, MIRRORS | CONCATENATIONS)), None)
    joined = call_among(reversed(g.end), CONCATENATIONS)
    before = (call for call in taken if joined and g.is_late(call) and call.lineno < joined.lineno)
    return at_once or next(before, None)


def grown(g: Generator) -> ast.AST | None:
    """A region grows, or keeps its distance, by the neighbours of all its cells, in the end."""
    return _mapped(g.end, NEIGHBOURS)


def turned(g: Generator) -> ast.AST | None:
    """Mirrors or rotations in the end; of blocks, the statement in them."""
    found = [node for node in g.end if isinstance(node, ast.stmt) and named(node, TURNS)]
    simple = (node for node in found if not isinstance(node, ast.If | ast.For | ast.While))
    return next(simple, found[0] if found else None)


RULES: tuple[Rule, ...] = (
    Rule("box drawn", "S3", box_drawn, 0.97),
    Rule("region merged", "L1", region_merged, 0.50),
    Rule("only filled", "C1", only_filled, 0.96),
    Rule("loop on a length", "A1", loop_on_length, 0.80),
    Rule("placing loop", "A2", placing_loop, 0.82),
    Rule("set algebra", "L1", set_algebra, 0.92),
    Rule("topology drawn", "S3", topology_drawn, 0.95),
    Rule("object composed", "S2", object_composed, 0.80),
    # A part of a grid is taken as an object, to be found or painted elsewhere.
    Rule("object taken", "C2", lambda g: call_among(g.listing.nodes, {"asobject"}), 0.83),
    Rule("concatenated", "S2", lambda g: call_among(g.end, CONCATENATIONS), 0.92),
    Rule("grown by neighbours", "S3", grown, 0.88),
    Rule("scaled", "K1", lambda g: call_among(g.listing.nodes, SCALES), 0.83),
    # Objects are painted into the output in the end.
    Rule("painted", "S2", lambda g: among_outputs(g.late_outputs, {"paint"}), 0.86),
    Rule("turned", "S1", turned, 0.96),
    # What is left changes colours: a replacement, a filter, a bare canvas.
    Rule("nothing else", "C1", lambda g: g.outputs[-1] if g.outputs else g.listing.tree, 0.80),
)
"""In the order in which they are tried; the first that finds something decides."""


def classify(task_id: str) -> Answer:
    """Return the category of a re-arc task; for the 14 ambiguous ones the one given by hand.

    Its reason is the expression that the rule found, its confidence how often the rule agreed with the published labels
    beside which it was written (`Rule.confidence`).

    Raises:
        ArcAffinityError: no such task, or its source cannot be found.
    """
    generator = Generator(Listing.of(generator_source(task_id)))
    decided = _decide(generator)
    if task_id not in MANUAL:
        return decided
    category = MANUAL[task_id]
    return Answer(category, _subtype(category, generator), BY_HAND, f"the rules say {decided.category}", 1.0)


def classify_all() -> dict[str, Answer]:
    """Return the categories of the 400 re-arc tasks by task id."""
    return {task_id: classify(task_id) for task_id in task_ids()}


def classify_source(source: str) -> Answer:
    """Return what the rules say of a generator written in the manner of re-arc's.

    Raises:
        ArcAffinityError: this is not the source of one function.
    """
    return _decide(Generator(Listing.of(source)))


def among_outputs(outputs: Iterable[ast.Assign], names: Collection[str]) -> ast.Call | None:
    """Return the first call of one of ``names`` in these assignments."""
    return next((call for a in outputs if (call := called(a, names))), None)


def _decide(generator: Generator) -> Answer:
    rule, found = next((rule, found) for rule in RULES if (found := rule.find(generator)))
    return Answer(rule.category, _subtype(rule.category, generator), rule.name, shown(found), rule.confidence)


def _subtype(category: str, g: Generator) -> str | None:
    """S3-B where a region is followed by the neighbours of all its cells or whole objects are painted, else S3-A."""
    if category != "S3":
        return None
    followed = _mapped(g.listing.nodes, {"neighbors"}) or (grown(g) and not topology_drawn(g) and not box_drawn(g))
    return "S3-B" if followed or among_outputs(g.outputs, {"paint"}) else "S3-A"


def _fills(assignment: ast.Assign) -> bool:
    value = assignment.value
    if called(value, {"fill"}) or (isinstance(value, ast.Call) and name_of(value.func) == "canvas"):
        return True
    return ast.unparse(value) == f"tuple((e for e in {INPUT}))"


def _limits_tries(test: ast.expr) -> bool:
    """Whether a test holds only while the number of tries, called tr or the like, is below a limit."""
    compared = (node for node in ast.walk(test) if isinstance(node, ast.Compare))
    return any(isinstance(c.ops[0], ast.Lt) and name_of(c.left).startswith("tr") for c in compared)


def _is_operation(node: ast.AST) -> bool:
    """Whether a node is an intersection or another operation that only sets have."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitAnd)
    return isinstance(node, ast.Call) and name_of(node.func) in SET_FUNCTIONS


def _is_algebra(node: ast.AST) -> bool:
    """Whether a node is a union, intersection or difference with ``set(name)`` on its left."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.BitAnd | ast.BitOr | ast.Sub):
        return False
    made = node.left
    return isinstance(made, ast.Call) and name_of(made.func) == "set" and isinstance(made.args[0], ast.Name)


def _mapped(nodes: Iterable[ast.AST], functions: Collection[str]) -> ast.Call | None:
    calls = (node for node in nodes if isinstance(node, ast.Call) and name_of(node.func) == "mapply")
    return next((call for call in calls if name_of(call.args[0]) in functions), None)
