"""What wrangler itself says of the configuration, the migrations and the sources, and what a machine without Node is told."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from backend.settings import Settings
from tests.d1.wrangler import CONFIG, EDGE, REPOSITORY, NodeMissing, config_copy, find_program, migrate, node, wrangler


@pytest.mark.req("EDGE-R16")
def test_a_dry_run_deploys_worker_database_and_container(tmp_path: Path) -> None:
    """With an image of a registry in place of the Dockerfile, wrangler bundles the Worker and names what it is bound to."""
    copy = config_copy(tmp_path, image="registry.example/agentic-sales:dry-run")
    dry_run = wrangler(tmp_path, "deploy", "--dry-run", "--config", str(copy), "--outdir", str(tmp_path / "bundle"))
    assert dry_run.returncode == 0, dry_run.stderr
    assert "WARNING" not in dry_run.stderr
    for bound in ("env.DB (agentic-sales)", "env.SERVICE (Service)", "registry.example/agentic-sales:dry-run"):
        assert bound in dry_run.stdout
    assert (tmp_path / "bundle" / "worker.js").exists()


@pytest.mark.req("EDGE-R20")
def test_applying_the_migrations_again_applies_none(migrated: Path, tmp_path: Path) -> None:
    """The first time wrangler applies every file of ours; the second time it has nothing to do."""
    files = sorted(path.name for path in (REPOSITORY / "backend" / "store" / "migrations").glob("*.sql"))
    first = (migrated / "report").read_text("utf-8")
    shutil.copytree(migrated / "state", tmp_path / "state")
    assert [name for name in files if not re.search(rf"{name} +│ ✅", first)] == []
    assert "No migrations to apply!" in migrate(tmp_path)


def test_the_configuration_names_files_that_exist() -> None:
    """Worker, migrations and Dockerfile are where `wrangler.toml` says, and the container's class is bound and migrated."""
    config = tomllib.loads(CONFIG.read_text("utf-8"))
    [database], [container] = config["d1_databases"], config["containers"]
    for path in (config["main"], database["migrations_dir"], container["image"]):
        assert (REPOSITORY / path).exists(), path
    [binding] = config["durable_objects"]["bindings"]
    assert [container["class_name"]] == [binding["class_name"]] == config["migrations"][0]["new_sqlite_classes"]
    assert config["observability"]["enabled"]
    assert config["triggers"]["crons"]


def test_the_container_is_given_every_secret_and_switch_of_the_service() -> None:
    """A secret or a switch that the settings gain is one the Worker passes on; only the bridge's token has no use inside."""
    source = (EDGE / "service.js").read_text("utf-8")
    [passed_on] = re.findall(r"const PASSED_ON = \[(.*?)\]", source, re.DOTALL)
    kinds = {name.upper(): str(field.annotation) for name, field in Settings.model_fields.items()}
    needed = {name for name, kind in kinds.items() if "SecretStr" in kind or "bool" in kind}
    assert needed - set(re.findall(r'"(\w+)"', passed_on)) == {"D1_TOKEN"}


@pytest.mark.parametrize("source", sorted(EDGE.glob("*.js")), ids=lambda path: path.name)
def test_node_reads_every_source(source: Path) -> None:
    """Each module of the Worker parses as it stands, with no build step."""
    checked = node(source.parent, "--check", str(source))
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_lock_file_names_no_download_address() -> None:
    """Packages come from whichever registry this machine is set up for."""
    assert '"resolved"' not in (EDGE / "package-lock.json").read_text("utf-8")


def test_a_machine_without_node_is_told_what_to_install(tmp_path: Path) -> None:
    """No skip: the sentence names the program, the version and why it is needed."""
    with pytest.raises(NodeMissing, match=r"`npm` is not on the PATH.*install Node 20 or newer with npm"):
        find_program("npm", path=str(tmp_path))
