"""One door a test."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.api.door import Door, open_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    """The application on a database of its own, with the coach on."""
    async with open_door(tmp_path, campaign_coach_enabled=True) as opened:
        yield opened
