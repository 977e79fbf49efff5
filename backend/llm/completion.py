"""A response is read for these fields, and for nothing else: a model's server is believed no more than the model is."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from backend.domain.text import one_line
from backend.errors import ModelAnswerUnusable
from backend.llm.prices import Usage

MAX_MODEL_NAME_CHARS: Final = 80
MAX_TOKENS_COUNTED: Final = 10_000_000
"""Ten times the longest context there is; a larger count is a mistake or a lie, and no column has to bear it."""
CUT_OFF: Final = "length"
"""The `finish_reason` of an answer that reached its limit of tokens."""


def read_completion(body: bytes) -> dict[str, Any]:
    """Read the first choice of a chat completion, whatever else `body` holds, as a chat completion of a few clean fields.

    The model's name is one line and short, or empty; counts are whole numbers within `MAX_TOKENS_COUNTED`. The text is whole,
    but for halves of surrogate pairs.

    Raises:
        ModelAnswerUnusable: it is no chat completion.
    """
    try:
        response: Any = json.loads(body)
    except (ValueError, RecursionError):
        response = None
    match response:
        case {"choices": [{"message": {"content": str() | None as text}} as choice, *_]}:
            usage = read_usage(_mapping(response.get("usage")))
        case _:
            why = "the response is no chat completion"
            raise ModelAnswerUnusable(why)
    return {
        "id": "",
        "object": "chat.completion",
        "created": 0,
        "model": _name(response.get("model")),
        "choices": [
            {
                "index": 0,
                "finish_reason": CUT_OFF if choice.get("finish_reason") == CUT_OFF else "stop",
                "message": {"role": "assistant", "content": (text or "").encode(errors="ignore").decode()},
            }
        ],
        "usage": {
            "prompt_tokens": usage.input_tokens,
            "prompt_cache_hit_tokens": usage.cached_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": usage.input_tokens + usage.output_tokens,
        },
    }


def _name(value: object) -> str:
    head = value[: 2 * MAX_MODEL_NAME_CHARS] if isinstance(value, str) else ""
    return one_line(head)[:MAX_MODEL_NAME_CHARS]


def read_usage(reported: Mapping[str, Any]) -> Usage:
    """Read the `usage` of a completion; what is no whole number is 0."""
    details = _mapping(reported.get("prompt_tokens_details"))
    return Usage(
        input_tokens=_count(reported.get("prompt_tokens")),
        cached_tokens=_count(reported.get("prompt_cache_hit_tokens", details.get("cached_tokens"))),
        output_tokens=_count(reported.get("completion_tokens")),
    )


def _count(value: object) -> int:
    return min(max(value, 0), MAX_TOKENS_COUNTED) if type(value) is int else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
