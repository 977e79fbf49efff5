"""What a model, a form or a file may come up with: any text, and any JSON as Python reads it."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st


def examples(share: float, **more: Any) -> settings:
    """A budget as a share of the profile's: of 100 examples in the suite, of 3,000 under `explore`."""
    return settings(max_examples=round(share * settings().max_examples), **more)


thorough = examples(10)
"""For a claim that something is unreachable: a thousand examples, and thirty thousand under the profile `explore`."""

any_text = st.text(st.characters(exclude_categories=()))
"""Text of any code points, lone surrogates and invisible ones included; `json.loads` makes them from escapes."""

any_scalar: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300),
    st.floats(allow_nan=True, allow_infinity=True),
    any_text,
)

any_flat: st.SearchStrategy[Any] = st.one_of(
    any_scalar, st.lists(any_scalar, max_size=3), st.dictionaries(any_text, any_scalar, max_size=2)
)
"""JSON of one level: quick to make, and enough to stand where one field is read."""

any_json: st.SearchStrategy[Any] = st.recursive(
    any_scalar,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(any_text, inner, max_size=5),
    max_leaves=8,
)
"""Any JSON, with the NaN and Infinity that Python's parser takes as well."""
