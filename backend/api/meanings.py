"""A member of an answer means the same wherever it occurs, so the document says it once for every shape."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from backend.api.fields import DRAFT_ID_PATTERN, ID_PATTERN, THREAD_ID_PATTERN

_COUNT = {"minimum": 0}
_ADDRESS = {"format": "email"}
_DRAFT_ID = {"pattern": DRAFT_ID_PATTERN}
_TEXT: Final[Mapping[str, dict[str, Any]]] = {
    "thread_id": {"pattern": THREAD_ID_PATTERN},
    "campaign_id": {"pattern": ID_PATTERN},
    "contact_id": {"pattern": ID_PATTERN},
    **dict.fromkeys(("draft_id", "next_draft_id", "waiting_draft_id"), _DRAFT_ID),
    **dict.fromkeys(("address", "recipient_address", "sender_address", "reply_to"), _ADDRESS),
    "tone": {"enum": ["warm", "direct", "formal", "casual", "consultative"]},
    "next_cursor": {"minLength": 1},
    "until": {"format": "date-time"},
}
_INTEGERS: Final[Mapping[str, dict[str, Any]]] = {
    **dict.fromkeys(("step", "attempts", "created", "updated", "unchanged", "model_failures", "threads"), _COUNT),
    "version": {"minimum": 1},
    "max_touches": {"minimum": 1, "maximum": 6},
    "cadence_days": {"minimum": 0, "maximum": 60},
    "counts": _COUNT,
}
_NUMBERS: Final[Mapping[str, dict[str, Any]]] = {"confidence": {"minimum": 0, "maximum": 1}}
_BY_TYPE: Final = {"string": _TEXT, "integer": _INTEGERS, "number": _NUMBERS}


def tighten(shapes: Mapping[str, dict[str, Any]]) -> None:
    """Let the shapes of answers say what they always hold, that they hold nothing else, and what each member may be."""
    for shape in shapes.values():
        members = cast("dict[str, Any]", shape.get("properties", {}))
        shape["required"] = list(members)
        shape["additionalProperties"] = False
        for name, schema in members.items():
            schema.pop("default", None)
            for part in _parts(schema):
                part.update(_meaning(name, part))


def _meaning(name: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = part.get("type", "")
    if kind == "string" and name.endswith("_at"):
        return {"format": "date-time"}
    return {} if "enum" in part else _BY_TYPE.get(kind, {}).get(name, {})


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and what its union, its list or its map is made of."""
    yield schema
    for part in schema.get("anyOf", []):
        yield from _parts(part)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _parts(schema[key])
