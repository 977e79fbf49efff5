"""The plugin for golden files: what the code says now is compared with what it said when somebody last looked.

`uv run pytest PATH --write-golden` writes them anew; the diff of the commit is then the review.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

FOLDER = Path(__file__).parent / "golden"

CheckGolden: TypeAlias = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--write-golden`."""
    parser.addoption("--write-golden", action="store_true", help="write tests/golden/* from what the code says now")


@pytest.fixture
def check_golden(request: pytest.FixtureRequest) -> CheckGolden:
    """Compare a text with the golden file of this name; the text ends in a newline."""

    def check(name: str, text: str) -> None:
        path = FOLDER / name
        if request.config.getoption("--write-golden"):
            path.write_text(text, "utf-8")
        said = path.read_text("utf-8") if path.exists() else ""
        assert text == said, f"{name} differs; if this is meant, write it anew with --write-golden"

    return check
