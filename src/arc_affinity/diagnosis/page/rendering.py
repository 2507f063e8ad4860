"""Pages from templates: jinja2 escapes whatever comes from outside, and a policy lets the page load nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from arc_affinity.drawing.plot import STYLE
from arc_affinity.text import counted, p_value, percent

OWN = "arc_affinity.diagnosis.page"
"""The package whose templates and style every page is made of."""


def render(
    template: str,
    title: str,
    values: Mapping[str, object],
    data: object = None,
    package: str = OWN,
) -> str:
    """Return a page's HTML: one file with style, script and data inside.

    Args:
        template: name of a file in the folder ``templates`` of ``package``, or of this room.
        title: of the page.
        values: what the template speaks of; what it speaks of and is not there is an error.
        data: what the page's script works on, as JSON values; no script without.
        package: whose templates come first.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(each) for each in dict.fromkeys((package, OWN))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "p_value": p_value, "counted": counted}
    script = "" if data is None else _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Nothing from anywhere, and no script but this one.
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'"
    )
    # "<" is the only character of JSON by which a script element could end early.
    block = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    return environment.get_template(template).render(
        {
            **values,
            "title": title,
            "policy": Markup(policy),
            "style": Markup(_asset("page.css") + STYLE),
            "script": Markup(script),
            "data": Markup(block),
        }
    )


def _asset(name: str) -> str:
    return files(OWN).joinpath(name).read_text(encoding="utf-8")
