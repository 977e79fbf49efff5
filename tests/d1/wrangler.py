"""The real edge on this machine: wrangler's local D1 and the Worker of `wrangler.toml`, started once a run.

`edge` is the pytest fixture for tests that keep to rows of their own, `lone_edge` for one that needs all of a database;
`running_edge` is the same for a program that is no test. Node and npm are all they need: the first use installs wrangler from
`backend/edge/package.json`. Nothing of the developer's Cloudflare account is read.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tomllib
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EDGE = REPOSITORY / "backend" / "edge"
CONFIG = REPOSITORY / "wrangler.toml"

WRANGLER = str(EDGE / "node_modules" / "wrangler" / "bin" / "wrangler.js")

_COMMAND_S = 600
_START_TRIES = 600
_PAUSE_S = 0.1
_STOP_S = 10

# What wrangler would otherwise fetch or send: usage, crash reports, its newest version, where this machine is.
_QUIET = {
    "CI": "true",
    "CLOUDFLARE_CF_FETCH_ENABLED": "false",
    "NO_COLOR": "1",
    "WRANGLER_HIDE_BANNER": "true",
    "WRANGLER_SEND_ERROR_REPORTS": "false",
    "WRANGLER_SEND_METRICS": "false",
    "X_LOCAL_EXPLORER": "false",
}


_OUR_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 4) NOT IN ('_cf_', 'sqli')"


class NodeMissing(Exception):
    """The real local D1 cannot run here; nothing was started."""

    def __init__(self, program: str) -> None:
        super().__init__(
            f"`{program}` is not on the PATH. The Worker and the real local D1 run under wrangler: "
            "install Node 20 or newer with npm."
        )


class EdgeFailed(Exception):
    """Wrangler ended or never answered; its output is the reason."""

    def __init__(self, output: str) -> None:
        super().__init__(f"wrangler dev did not come up:\n{output}")


@dataclass(frozen=True)
class Edge:
    """A running Worker: where it is, what it expects, and where it forwards ticks to."""

    url: str
    token: str
    cron_secret: str
    service_port: int
    folder: str

    @property
    def log(self) -> Path:
        """All that wrangler and the Worker have printed."""
        return Path(self.folder, "dev.log")


# Locks shared by all processes of one run


@contextlib.contextmanager
def _locked(path: Path, mode: int = fcntl.LOCK_EX) -> Generator[None]:
    with path.open("a") as file:
        fcntl.flock(file, mode)
        yield


# Commands


def find_program(name: str, path: str | None = None) -> str:
    """Where `name` is installed.

    Raises:
        NodeMissing: it is not; the sentence says what to install.
    """
    found = shutil.which(name, path=path)
    if found is None:
        raise NodeMissing(name)
    return found


def install() -> None:
    """Install what `package-lock.json` pins, once, however many processes ask."""
    npm = find_program("npm")
    lock_file, installed = EDGE / "package-lock.json", EDGE / "node_modules" / ".package-lock.json"
    with _locked(EDGE / "package.json"):
        if not installed.exists() or installed.stat().st_mtime < lock_file.stat().st_mtime:
            _run([npm, "ci"], EDGE, dict(os.environ)).check_returncode()


def wrangler(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one wrangler command to its end, with `folder` as its home; the exit code is the caller's to judge."""
    install()
    return node(folder, WRANGLER, *arguments)


def node(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Node to its end, with `folder` as its home."""
    return _run([find_program("node"), *arguments], folder, _environment(folder))


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # a command line of our own
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_COMMAND_S,
    )


def _environment(folder: Path) -> dict[str, str]:
    """No account, no token and no settings but ours: wrangler's home is `folder`."""
    ours = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "PATH": os.environ["PATH"]}
    return _QUIET | ours


def migrate(folder: Path, config: Path = CONFIG) -> str:
    """Apply the project's migrations to the local database in `folder`; the answer is wrangler's own report."""
    arguments = ["--config", str(config), "--local", "--persist-to", str(folder / "state")]
    applied = wrangler(folder, "d1", "migrations", "apply", "DB", *arguments)
    if applied.returncode:
        raise EdgeFailed(applied.stdout + applied.stderr)
    return applied.stdout


def config_copy(folder: Path, *, main: Path | None = None, image: str | None = None) -> Path:
    """Write `wrangler.toml` with absolute paths, for use from `folder`.

    `main` replaces the Worker; `image` the Dockerfile, because building one needs a Docker engine.
    """
    config: dict[str, Any] = tomllib.loads(CONFIG.read_text("utf-8"))
    config["main"] = str(main or REPOSITORY / config["main"])
    for database in config["d1_databases"]:
        database["migrations_dir"] = str(REPOSITORY / database["migrations_dir"])
    for container in config["containers"]:
        del container["image_build_context"]
        container["image"] = image or str(REPOSITORY / container["image"])
    copy = folder / "wrangler.json"
    copy.write_text(json.dumps(config, indent=2), "utf-8")
    return copy


# The running Worker


def free_port() -> int:
    """A free port below those the system hands out, so that no test that binds port 0 takes it meanwhile."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def running_edge(
    folder: Path,
    *,
    main: Path | None = None,
    variables: Mapping[str, str] | None = None,
    migrated: Path | None = None,
) -> Generator[Edge]:
    """Run the Worker on a migrated D1 in `folder`, and end every process of it afterwards.

    `main` replaces the Worker, `variables` its secrets; `migrated` is a folder whose D1 was migrated before, and is copied.
    """
    install()
    config = config_copy(folder, main=main)
    if migrated:
        shutil.copytree(migrated / "state", folder / "state")
    else:
        migrate(folder, config)
    token, cron_secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    port, service_port = free_port(), free_port()
    edge = Edge(f"http://127.0.0.1:{port}", token, cron_secret, service_port, str(folder))
    if variables is None:
        service_url = f"http://127.0.0.1:{service_port}"
        variables = {"D1_BRIDGE_TOKEN": token, "CRON_SECRET": cron_secret, "SERVICE_URL": service_url}
    (folder / ".dev.vars").write_text("".join(f"{name}={value}\n" for name, value in variables.items()), "utf-8")
    arguments = ["--config", str(config), "--persist-to", str(folder / "state"), "--ip", "127.0.0.1"]
    ports = ["--port", str(port), "--inspector-port", str(free_port())]
    with edge.log.open("w") as log:
        process = subprocess.Popen(  # noqa: S603  # a command line of our own
            [find_program("node"), WRANGLER, "dev", *arguments, *ports],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_answer(process, edge)
        yield edge
    finally:
        _end_group(process)


def _await_answer(process: subprocess.Popen[bytes], edge: Edge) -> None:
    for _ in range(_START_TRIES):
        with contextlib.suppress(httpx.TransportError):
            httpx.get(edge.url, timeout=10, trust_env=False)
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PAUSE_S)
            break
    raise EdgeFailed(edge.log.read_text("utf-8"))


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End wrangler and the runtime it started; asked first, then made to."""
    for request in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, request)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S)


# One for all processes of a pytest run


def _run_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder all workers of this run share; under xdist each worker's own lies inside it."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextlib.contextmanager
def _shared_edge(root: Path, name: str, migrated: Path) -> Generator[Edge]:
    """The first process to come starts the Worker, and ends it once all others have left."""
    state, users = root / f"{name}.json", root / f"{name}.users"
    with contextlib.ExitStack() as owned:
        with _locked(users, fcntl.LOCK_SH):
            with _locked(root / f"{name}.start"):
                if owns := not state.exists():
                    folder = root / f"{name}-{secrets.token_hex(4)}"
                    folder.mkdir()
                    edge = owned.enter_context(running_edge(folder, migrated=migrated))
                    owned.callback(state.unlink)
                    state.write_text(json.dumps(dataclasses.asdict(edge)), "utf-8")
            yield Edge(**json.loads(state.read_text("utf-8")))
        if owns:
            with _locked(users):
                owned.close()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a local D1 that wrangler migrated, once a run, and its `report`; copy it, and leave it as it is."""
    root = _run_folder(tmp_path_factory)
    with _locked(root / "migrated.start"):
        if not (report := root / "migrated" / "report").exists():
            report.parent.mkdir()
            report.write_text(migrate(report.parent), "utf-8")
    return report.parent


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Generator[Edge]:
    """The Worker on the real local D1, migrated; one for the whole run, so tests keep to rows of their own."""
    with _shared_edge(_run_folder(tmp_path_factory), "edge", migrated) as running:
        yield running


@pytest.fixture(scope="session")
def _second_edge(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Generator[Edge]:
    with _shared_edge(_run_folder(tmp_path_factory), "lone", migrated) as running:
        yield running


@pytest.fixture
def lone_edge(_second_edge: Edge) -> Generator[Edge]:
    """A Worker whose D1 is one test's alone while it runs, and has no table yet."""
    with _locked(Path(_second_edge.folder, "lone.lock")):
        _drop_tables(_second_edge)
        yield _second_edge


def _drop_tables(edge: Edge) -> None:
    headers = {"Authorization": f"Bearer {edge.token}"}
    with httpx.Client(base_url=edge.url, headers=headers, trust_env=False) as client:
        found = client.post("/d1/raw", json={"sql": _OUR_TABLES}).raise_for_status().json()["result"][0]["results"]["rows"]
        drops = [{"sql": f"DROP TABLE {name}"} for [name] in found]
        if drops:
            client.post("/d1/raw", json={"batch": drops}).raise_for_status()


@pytest.fixture
def service_port(edge: Edge) -> Generator[int]:
    """The port of the service the Worker forwards ticks to, held for one test at a time; nothing listens there yet."""
    with _locked(Path(edge.folder, "service.lock")):
        yield edge.service_port
