"""An operation's OpenAPI entry says more than its shapes: who may call it, and every failure it answers with."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from backend.api.bodies import MAX_BYTES_KEY, SMALL_BODY_BYTES
from backend.api.examples import BODIES, PLACES
from backend.api.meanings import tighten
from backend.api.problems import MEDIA_TYPE, Problem
from backend.api.security import ROLES_KEY, WITHIN_REACH_KEY
from backend.domain.access import Role
from backend.errors import (
    AgenticSalesError,
    BadRequest,
    BodyIncomplete,
    BodyTooLarge,
    DatabaseError,
    RoleForbidden,
    TokenLimited,
    TokenMissing,
    sentence_of,
)

_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token made with `agentic-sales tokens create`, or on `/cron/resume` the cron secret.",
}
_UNFORESEEN = {int(HTTPStatus.INTERNAL_SERVER_ERROR): ["Something unforeseen happened; nothing is said of it here."]}
_BY_FASTAPI = "Successful Response"
_LIMITED = "With a token that is limited to campaigns, whatever lies outside them does not exist."
_UNLIMITED = "A token that is limited to campaigns may not ask."
_OF_BODIES = (BodyTooLarge, BodyIncomplete)


def operation(
    *roles: Role,
    errors: Sequence[type[AgenticSalesError]] = (),
    max_body_bytes: int = SMALL_BODY_BYTES,
    within_reach: bool = False,
    **route: Any,
) -> dict[str, Any]:
    """The arguments of a guarded route: who may call it, what it may answer with, and the rest of `route` as it is.

    `max_body_bytes` holds where the route takes a body at all. A route that is `within_reach` shows and changes nothing outside
    the campaigns that its caller is limited to; any other refuses a caller with a limit.
    """
    limits = [] if within_reach else [TokenLimited]
    failures = [TokenMissing, RoleForbidden, *limits, BadRequest, DatabaseError, *_OF_BODIES, *errors]
    responses = {**_answers(failures), **route.pop("responses", {})}
    stated = {ROLES_KEY: list(roles), MAX_BYTES_KEY: max_body_bytes, WITHIN_REACH_KEY: within_reach}
    return {"openapi_extra": stated, "responses": responses, **route}


def public(errors: Sequence[type[AgenticSalesError]] = ()) -> dict[str, Any]:
    """The arguments of a route that anybody may call."""
    return {"openapi_extra": {ROLES_KEY: []}, "responses": _answers(errors)}


def install_openapi(app: FastAPI) -> None:
    """Let the document of `app` state roles in words, how to authenticate, and the shape of a problem."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            components = document.setdefault("components", {})
            shapes = components.setdefault("schemas", {})
            tighten({name: shape for name, shape in shapes.items() if not name.endswith("Body")})
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            shapes.update({**problem.pop("$defs"), "Problem": problem})
            components["securitySchemes"] = {"bearer": _BEARER}
            for path, methods in document["paths"].items():
                for entry in methods.values():
                    _describe(entry, shapes)
                    _exemplify(path, entry)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents for extending the document


def _describe(entry: dict[str, Any], shapes: Mapping[str, dict[str, Any]]) -> None:
    roles = entry[ROLES_KEY]
    for answer in entry["responses"].values():
        if answer["description"] == _BY_FASTAPI:
            (content,) = answer["content"].values()
            answer["description"] = shapes[content["schema"]["$ref"].rpartition("/")[2]]["description"].partition("\n")[0]
    if "requestBody" not in entry:
        entry.pop(MAX_BYTES_KEY, None)
        for error in _OF_BODIES:
            entry["responses"].pop(str(error.status), None)
    if roles:
        entry["security"] = [{"bearer": []}]
    about = [entry.get("description", "")]
    if roles:
        about.append(_LIMITED if entry[WITHIN_REACH_KEY] else _UNLIMITED)
    who = f"Roles: {', '.join(roles)}." if roles else "Anybody may ask."
    entry["description"] = "\n\n".join([*about, who]).strip()


def _exemplify(path: str, entry: dict[str, Any]) -> None:
    for parameter in entry.get("parameters", []):
        if parameter["in"] == "path":
            parameter["example"] = PLACES[parameter["name"]]
    for content in entry.get("requestBody", {}).get("content", {}).values():
        content["example"] = BODIES[path]


def _answers(errors: Sequence[type[AgenticSalesError]]) -> dict[int | str, dict[str, Any]]:
    said: dict[int, list[str]] = {status: [*texts] for status, texts in _UNFORESEEN.items()}
    for error in errors:
        said.setdefault(error.status, []).append(sentence_of(error))
    return {status: {"description": " ".join(texts), "content": _PROBLEM} for status, texts in sorted(said.items())}
