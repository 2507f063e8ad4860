"""What a task's solver does: a profile of re-arc's verifiers, programs of straight lines over a small language.

The generator says how a puzzle is drawn, the verifier how it is solved. All of this is ours; the nine kinds are
those of the published taxonomy, given here to the primitives of the language.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from arc_affinity.data.generation.rearc import task_ids, verifier_source
from arc_affinity.taxonomy.categories import CODES
from arc_affinity.taxonomy.listing import Listing, name_of


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KINDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "S1": _words("hmirror vmirror dmirror cmirror rot90 rot180 rot270 move gravitate shift"),
        "S2": _words("hconcat vconcat hsplit vsplit lefthalf righthalf tophalf bottomhalf hperiod vperiod repeat"),
        "S3": _words(
            "box inbox outbox backdrop delta connect shoot frontiers hfrontier vfrontier neighbors dneighbors"
            " ineighbors bordering adjacent hmatching vmatching hline vline corners"
        ),
        "C1": _words(
            "recolor replace switch colorfilter palette color mostcolor leastcolor colorcount numcolors ofcolor"
            " other fill underfill"
        ),
        "C2": _words("occurrences normalize asobject toobject equality cover underpaint subgrid"),
        "K1": _words("upscale hupscale vupscale downscale crop trim compress double halve"),
        "L1": _words("intersection difference combine insert remove product dedupe"),
        "A1": _words("power rapply interval"),
        "A2": _words(
            "argmax argmin extract order sizefilter manhattan position valmax valmin papply prapply mpapply center"
        ),
    }
)
"""Which kind of reasoning a primitive speaks for; arithmetic, comparison and plumbing speak for none."""

KIND_OF: Mapping[str, str] = MappingProxyType({name: code for code, names in KINDS.items() for name in names})

SEQUENCES = _words("compose chain")
BINDERS = _words("lbind rbind matcher")

LOOPS = _words(
    "apply mapply sfilter mfilter argmax argmin valmax valmin extract order rapply papply mpapply prapply power"
)
"""Primitives that call a function for each item of a container, or again and again."""

FOLDS = _words(
    "size merge mapply mfilter mpapply argmax argmin valmax valmin extract mostcommon leastcommon mostcolor leastcolor"
    " maximum minimum colorcount numcolors"
)
"""Primitives that make one thing of a container."""

OBJECTS = _words("objects partition fgpartition")
IN_PLACE = _words("fill paint underfill underpaint replace switch cover move hmirror vmirror rot180")
"""Primitives whose result has the size of the grid that comes first."""

QUESTION = "I"


@dataclass(frozen=True)
class Profile:
    """What a solver needs.

    Attributes:
        length: statements.
        depth: primitives on the longest way from the input to the output, through functions made on the way.
        nesting: how deep loops lie in loops; 0 without any.
        level: "object" if the grid is cut into objects, else "cell".
        loops: uses of `LOOPS`.
        folds: uses of `FOLDS`.
        keeps_size: True if the output is the input, drawn over; None where that is not seen from the program.
        kinds: share of each of the nine kinds, by code; they sum to 1, or are all 0 if no primitive speaks.
        primary: the kind with the largest share; None if all are 0.
        primitives: how often each primitive is used, by name.
    """

    length: int
    depth: int
    nesting: int
    level: str
    loops: int
    folds: int
    keeps_size: bool | None
    kinds: Mapping[str, float]
    primary: str | None
    primitives: Mapping[str, int]


@dataclass(frozen=True)
class Cost:
    """Of a value or a function: `Profile.depth` and `Profile.nesting` so far."""

    depth: int = 0
    nesting: int = 0


def profile(task_id: str) -> Profile:
    """Return the profile of the verifier of a re-arc task.

    Raises:
        ArcAffinityError: no such task, or its source cannot be found.
    """
    return profile_source(verifier_source(task_id))


def profile_source(source: str) -> Profile:
    """Return the profile of a program in the manner of re-arc's verifiers.

    Raises:
        ArcAffinityError: this is not the source of one function.
    """
    listing = Listing.of(source)
    used = primitives(listing)
    cost = _cost(listing)
    kinds = _kinds(used)
    largest = max(CODES, key=lambda code: kinds[code])
    return Profile(
        length=len(listing.assignments),
        depth=cost.depth,
        nesting=cost.nesting,
        level="object" if OBJECTS & used.keys() else "cell",
        loops=sum(used[name] for name in LOOPS),
        folds=sum(used[name] for name in FOLDS),
        keeps_size=True if _keeps_size(listing) else None,
        kinds=MappingProxyType(kinds),
        primary=largest if kinds[largest] > 0 else None,
        primitives=MappingProxyType(used),
    )


def primitives(listing: Listing) -> Counter[str]:
    """Count the uses of functions of the language: names in lower case that the function does not make itself."""
    own = {name for assignment in listing.assignments for name in _names(assignment.targets)}
    own |= {argument.arg for argument in listing.tree.args.args}
    used = Counter(name for assignment in listing.assignments for name in _names([assignment.value]))
    return Counter({name: count for name, count in used.items() if name.islower() and name not in own})


def telling(found: Profile, code: str) -> tuple[str, ...]:
    """Return the primitives that speak for a kind, with how often each is used, those that count most first."""
    used = {name: count for name, count in found.primitives.items() if KIND_OF.get(name) == code}
    order = sorted(used, key=lambda name: (-used[name] * rarity(name), name))
    return tuple(name if used[name] == 1 else f"{name} x{used[name]}" for name in order)


@cache
def rarity(name: str) -> float:
    """How much a primitive tells: log(400 / tasks whose verifier uses it), 0 for one that none uses."""
    users = _users()[name]
    return math.log(len(task_ids()) / users) if users else 0.0


@cache
def _users() -> Counter[str]:
    listings = (Listing.of(verifier_source(task_id)) for task_id in task_ids())
    return Counter(name for listing in listings for name in primitives(listing))


def _kinds(used: Mapping[str, int]) -> dict[str, float]:
    """Share of each kind, every use counted by how rare its primitive is."""
    weights = dict.fromkeys(CODES, 0.0)
    for name, count in used.items():
        if name in KIND_OF:
            weights[KIND_OF[name]] += count * rarity(name)
    total = sum(weights.values())
    return {code: weight / total if total else 0.0 for code, weight in weights.items()}


def _cost(listing: Listing) -> Cost:
    costs = {QUESTION: Cost()}
    for assignment in listing.assignments:
        for name in _names(assignment.targets):
            costs[name] = _cost_of(assignment.value, costs)
    returned = listing.tree.body[-1]
    return _cost_of(returned.value, costs) if isinstance(returned, ast.Return) and returned.value else Cost()


def _cost_of(node: ast.expr, costs: Mapping[str, Cost]) -> Cost:
    """Cost of an expression; a primitive that is not called is a function of depth 1, a constant costs nothing."""
    if isinstance(node, ast.Name):
        return costs.get(node.id, Cost(int(node.id.islower())))
    if not isinstance(node, ast.Call):
        return _largest([_cost_of(child, costs) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)])
    given = [_cost_of(argument, costs) for argument in node.args]
    function = name_of(node.func)
    if function in costs:
        return Cost(costs[function].depth + _largest(given).depth, _largest([costs[function], *given]).nesting)
    nesting = _largest(given).nesting
    if function in LOOPS and given:
        nesting = max(nesting, given[0].nesting + 1)
    return Cost(_depth(function, [cost.depth for cost in given]), nesting)


def _depth(function: str, given: list[int]) -> int:
    """Depth of a call of a primitive whose arguments have the depths ``given``."""
    first, rest = given[0] if given else 0, max(given[1:], default=0)
    if function in SEQUENCES:
        return sum(given)
    if function in BINDERS:
        return max(first, rest + 1)
    if function in LOOPS or function == "fork":
        return first + rest + (function != "fork")
    return 1 + max(first, rest)


def _largest(costs: list[Cost]) -> Cost:
    """The largest depth and the largest nesting, each for itself."""
    return Cost(max((c.depth for c in costs), default=0), max((c.nesting for c in costs), default=0))


def _keeps_size(listing: Listing) -> bool:
    """Whether what is returned came from the input by primitives that keep the size, one after the other."""
    same = {QUESTION}
    for assignment in listing.assignments:
        call = assignment.value
        if not isinstance(call, ast.Call) or not call.args:
            continue
        chosen = call.args[1:] if name_of(call.func) == "branch" else call.args[:1]
        keeps = name_of(call.func) in IN_PLACE or name_of(call.func) == "branch"
        if keeps and all(name_of(each) in same for each in chosen):
            same.update(_names(assignment.targets))
    returned = listing.tree.body[-1]
    return isinstance(returned, ast.Return) and returned.value is not None and name_of(returned.value) in same


def _names(nodes: list[ast.expr]) -> list[str]:
    return [each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)]
