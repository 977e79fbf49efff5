"""What an operation's OpenAPI entry says beyond its shapes: who may call it, and every failure it answers with."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from backend.api.problems import MEDIA_TYPE, Problem
from backend.api.security import ROLES_KEY
from backend.domain.access import Role
from backend.errors import AgenticSalesError, BadRequest, DatabaseError, RoleForbidden, TokenMissing, sentence_of

_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token made with `agentic-sales tokens create`, or on `/cron/resume` the cron secret.",
}
_TOO_LARGE = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than this service takes."}
_UNFORESEEN = {HTTPStatus.INTERNAL_SERVER_ERROR: "Something unforeseen happened; nothing is said of it here."}


def operation(*roles: Role, errors: Sequence[type[AgenticSalesError]] = (), **route: Any) -> dict[str, Any]:
    """The arguments of a guarded route: who may call it, what it may answer with, and the rest of `route` as it is."""
    failures = [TokenMissing, RoleForbidden, BadRequest, DatabaseError, *errors]
    responses = {**_answers(failures, _TOO_LARGE), **route.pop("responses", {})}
    return {"openapi_extra": {ROLES_KEY: list(roles)}, "responses": responses, **route}


def public(errors: Sequence[type[AgenticSalesError]] = ()) -> dict[str, Any]:
    """The arguments of a route that anybody may call."""
    return {"openapi_extra": {ROLES_KEY: []}, "responses": _answers(errors, {})}


def install_openapi(app: FastAPI) -> None:
    """Let the document of `app` state roles in words, how to authenticate, and the shape of a problem."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            components = document.setdefault("components", {})
            shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            components.setdefault("schemas", {}).update({**shape.pop("$defs"), "Problem": shape})
            components["securitySchemes"] = {"bearer": _BEARER}
            for methods in document["paths"].values():
                for entry in methods.values():
                    _describe(entry)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents for extending the document


def _describe(entry: dict[str, Any]) -> None:
    roles = entry[ROLES_KEY]
    if "requestBody" not in entry:
        entry["responses"].pop(str(int(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)), None)
    if roles:
        entry["security"] = [{"bearer": []}]
    who = f"Roles: {', '.join(roles)}." if roles else "Anybody may ask."
    entry["description"] = f"{entry.get('description', '')}\n\n{who}".strip()


def _answers(errors: Sequence[type[AgenticSalesError]], more: dict[HTTPStatus, str]) -> dict[int | str, dict[str, Any]]:
    said: dict[int, list[str]] = {int(status): [text] for status, text in (more | _UNFORESEEN).items()}
    for error in errors:
        said.setdefault(error.status, []).append(sentence_of(error))
    return {status: {"description": " ".join(texts), "content": _PROBLEM} for status, texts in sorted(said.items())}
