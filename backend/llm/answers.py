"""A model's words become one JSON object, or they are not usable."""

import json
import math
from typing import Any, cast

from backend.errors import ModelAnswerUnusable

MAX_ANSWER_CHARS = 32_000
"""Several times the longest email; what is longer is not worth reading, and nothing after this has to bear it."""


def read_object(text: str) -> dict[str, Any]:
    """Read `text` as one JSON object whose every value can be stored and sent on; its keys are unchecked.

    Halves of surrogate pairs are dropped from its texts and keys, however deep they stand.

    Raises:
        ModelAnswerUnusable: it is empty, longer than `MAX_ANSWER_CHARS`, not JSON (RFC 8259: no NaN, no infinity), or not an
            object.
    """
    if len(text) > MAX_ANSWER_CHARS:
        why = f"it is longer than {MAX_ANSWER_CHARS} characters"
        raise ModelAnswerUnusable(why)
    if not text.strip():
        why = "it is empty"
        raise ModelAnswerUnusable(why)
    try:
        value: object = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        # Only as text can all halves be told from pairs and dropped at once.
        value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="ignore"))
    except (ValueError, RecursionError):
        why = "it is not JSON"
        raise ModelAnswerUnusable(why) from None
    if not isinstance(value, dict):
        why = "it is JSON, and not an object"
        raise ModelAnswerUnusable(why)
    return cast("dict[str, Any]", value)


def _refuse_constant(name: str) -> float:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse_constant(digits)
