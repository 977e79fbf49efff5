"""What holds for every test: an environment of its own, models off, loopback only, specs tied to tests, golden files."""

import gc
import os
from pathlib import Path

import hypothesis
import pytest

from backend.demo.hours import AT_ANY_HOUR
from backend.logs import configure_logs
from backend.settings import Settings
from tests.fakes.authority import found_authority

pytest_plugins = ["pytester", "tests.specs", "tests.loopback", "tests.goldens", "tests.d1.wrangler"]

# Everything is imported and collected once and lives to the end: no garbage collection looks at it while it comes, or later.
gc.disable()

# A developer's shell may configure none of this; LangChain and LangSmith read more names than ours.
for _name in list(os.environ):
    if _name.lower() in Settings.model_fields or _name.startswith(("LANGCHAIN_", "LANGSMITH_", "LANGGRAPH_", "OPENAI_")):
        del os.environ[_name]
os.environ |= {
    "LLM_KILL_SWITCH": "true",
    "LANGSMITH_TRACING": "false",
    "LANGSMITH_TEST_TRACKING": "false",
    "LANGGRAPH_STRICT_MSGPACK": "true",
    **{name.upper(): str(value) for name, value in AT_ANY_HOUR.items()},
}

# The same commit gives the same verdict; `--hypothesis-profile=explore` looks further.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("explore", deadline=None, database=None, max_examples=3_000)
hypothesis.settings.register_profile("mutation", derandomize=True, deadline=None, database=None, max_examples=20)
hypothesis.settings.load_profile("suite")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Files asked for by name run in this process: a second one would take longer to start than they do."""
    return None if any(Path(argument).is_dir() for argument in config.args) else 0


def pytest_collection_finish() -> None:
    """Leave what is there out of all garbage collections, and begin with those."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def outside_the_repository(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Long-lived fixtures find no `.env` and leave no `.data` behind either, and a client reads one authority, not hundreds."""
    folder = tmp_path_factory.mktemp("session")
    os.chdir(folder)
    os.environ["SSL_CERT_FILE"] = str(found_authority(folder).file)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in an empty folder of its own, so it reads no developer's `.env` and shares no `.data`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def logs_of_a_service() -> None:
    """Every test has the service's logs, whatever a command left; structlog's own take a second to paint an exception."""
    configure_logs("DEBUG")


@pytest.fixture
def models_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lift the kill switch for a test whose subject is a scripted model."""
    monkeypatch.setenv("LLM_KILL_SWITCH", "false")
