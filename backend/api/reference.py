"""The reference for people: every route with its roles, inputs and errors, from the OpenAPI document, in one page of its own.

It loads nothing from elsewhere, so it reads the same without a network, and needs no script.
"""

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from backend.api.security import ROLES_KEY

router = APIRouter(include_in_schema=False)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid #8884; padding: .5rem 0; }
code { font-size: .95em; }
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
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}: reference</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>
<body><h1>{title}</h1><p>{about} The same as a document for machines: <a href="/openapi.json">/openapi.json</a>.</p>
{sections}
</body></html>
"""


def _section(method: str, path: str, entry: dict[str, Any]) -> str:
    said = escape(entry["description"].rpartition("\n\n")[0])
    roles = escape(", ".join(entry[ROLES_KEY])) or "anybody"
    tables = _table("Takes", _inputs(entry)) + _table("Answers", _outputs(entry))
    return f"""<section><h2><code>{method.upper()} {escape(path)}</code></h2>
<p>{said}</p><p class="roles">Roles: {roles}</p>{tables}</section>"""


def _inputs(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter in entry.get("parameters", []):
        yield parameter["name"], f"in the {parameter['in']}{', required' if parameter['required'] else ''}"
    for content in entry.get("requestBody", {}).get("content", {}).values():
        yield "body", ", ".join(_names(content["schema"]))


def _outputs(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for status, answer in sorted(entry["responses"].items()):
        shapes = [name for content in answer.get("content", {}).values() for name in _names(content["schema"])]
        yield status, f"{answer['description']} ({', '.join(shapes)})" if shapes else answer["description"]


def _names(schema: dict[str, Any]) -> list[str]:
    """The shapes a schema refers to by name."""
    parts = [schema, *schema.get("anyOf", [])]
    return [part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part]


def _table(heading: str, rows: Iterator[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><td><code>{escape(key)}</code></td><td>{escape(text)}</td></tr>" for key, text in rows)
    return f"<h3>{heading}</h3><table>{lines}</table>" if lines else ""
