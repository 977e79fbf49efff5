"""The reference for people: every route with its roles, inputs and errors, from the OpenAPI document, in one page of its own.

It loads nothing from elsewhere, so it reads the same without a network, and needs no script.
"""

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from backend.api.bodies import MAX_BYTES_KEY
from backend.api.examples import curl
from backend.api.security import ROLES_KEY

router = APIRouter(include_in_schema=False)

_CODE = re.compile(r"`([^`]+)`")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid #8884; padding: .5rem 0; }
code, pre { font-size: .95em; }
pre { background: #8882; padding: .5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; }
td { padding: .15rem 1rem .15rem 0; vertical-align: top; }
.roles { font-weight: 600; }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #ddd; } a { color: #8bf; } }
"""


@router.get("/docs")
async def show_reference(request: Request) -> HTMLResponse:
    """Show the reference."""
    document: dict[str, Any] = request.app.openapi()
    return HTMLResponse(_page(document), headers={"Content-Security-Policy": _POLICY})


def _page(document: dict[str, Any]) -> str:
    title, about = escape(document["info"]["title"]), escape(document["info"]["description"])
    sections = "\n".join(
        _section(method, path, entry) for path, methods in document["paths"].items() for method, entry in methods.items()
    )
    shapes = "\n".join(_shape(name, schema) for name, schema in sorted(document["components"]["schemas"].items()))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}: reference</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>
<body><h1>{title}</h1><p>{about} The same as a document for machines: <a href="/openapi.json">/openapi.json</a>.</p>
<p>In the examples <code>$URL</code> is this service's address, and <code>$TOKEN</code> a token of one of the roles:
<code>agentic-sales serve</code> prints both at its start, and <code>agentic-sales tokens create</code> makes tokens.</p>
{sections}
<h1>Shapes</h1>
{shapes}
</body></html>
"""


def _section(method: str, path: str, entry: dict[str, Any]) -> str:
    said = _prose(entry["description"].rpartition("\n\n")[0])
    roles = escape(", ".join(entry[ROLES_KEY])) or "anybody"
    tables = _table("Takes", _inputs(entry)) + _table("Answers", _outputs(entry))
    example = escape(curl(method, path, with_token=bool(entry[ROLES_KEY])))
    return f"""<section><h2><code>{method.upper()} {escape(path)}</code></h2>
<p>{said}</p><p class="roles">Roles: {roles}</p><pre>{example}</pre>{tables}</section>"""


def _inputs(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter in entry.get("parameters", []):
        required = ", required" if parameter["required"] else ""
        such_as = f", such as {escape(parameter['example'])}" if "example" in parameter else ""
        said = f". {_prose(parameter['description'])}" if "description" in parameter else ""
        yield parameter["name"], f"in the {parameter['in']}{required}: {_kind(parameter['schema'])}{such_as}{said}"
    for content in entry.get("requestBody", {}).get("content", {}).values():
        yield "body", f"{_kind(content['schema'])}, at most {entry[MAX_BYTES_KEY] // 1024} kB"


def _outputs(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for status, answer in sorted(entry["responses"].items()):
        kinds = ", ".join(_kind(content["schema"]) for content in answer.get("content", {}).values())
        yield status, f"{_prose(answer['description'])} {kinds}"


def _shape(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    fields = (
        (field, f"{_kind(kind)}{'' if field in required else ', optional'}")
        for field, kind in schema.get("properties", {}).items()
    )
    about = _prose(schema.get("description", "").partition("\n")[0])
    return (
        f'<section id="{escape(name)}"><h2><code>{escape(name)}</code></h2><p>{about}</p>{_table("Fields", fields)}</section>'
    )


def _prose(text: str) -> str:
    """Put words between backticks as code, as HTML."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _kind(schema: dict[str, Any]) -> str:
    """Describe what a value may be, in words and as HTML; a shape is a link to its fields."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(escape(str(value)) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}{_bounds(schema, 'Items', '')}"
    kind = escape(schema.get("format") or schema.get("type") or "any JSON")
    return f"{kind}{_bounds(schema, 'Length', ' characters')}{_bounds(schema, 'imum', '')}"


def _bounds(schema: dict[str, Any], what: str, unit: str) -> str:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if least is None and most is None:
        return ""
    return (
        f", {least} to {most}{unit}"
        if None not in (least, most)
        else f", at {f'least {least}' if most is None else f'most {most}'}{unit}"
    )


def _table(heading: str, rows: Iterator[tuple[str, str]]) -> str:
    """A table of names and what is said of each; the names are text, what is said is HTML."""
    lines = "".join(f"<tr><td><code>{escape(key)}</code></td><td>{said}</td></tr>" for key, said in rows)
    return f"<h3>{heading}</h3><table>{lines}</table>" if lines else ""
