"""What leaves the checkout: the image's files, and packages that work without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
TOOLS = Path(sys.executable).parent
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]

FAKE_GRIDWS = """#!/bin/sh
echo "$@"
exec sleep 60
"""


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize(
    "command", [("hadolint", "Dockerfile"), ("compose-lint", "--fail-on", "high", "compose.yaml")]
)
def test_linters_find_nothing_in_the_image_files(command: tuple[str, ...]) -> None:
    result = run(TOOLS / command[0], *command[1:])
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_image_copies_only_what_the_context_lets_in() -> None:
    copied = [
        word
        for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in copied} == {line for line in let_in if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)


def test_the_services_are_what_people_start() -> None:
    assert started_by("dashboard") | started_by("turbines") == {"dashboard", "monitor", "turbines"}
    assert started_by("several-dashboard") == {name for name, each in SERVICES.items() if "profiles" in each}
    assert all(each["profiles"] == ["several"] for each in SERVICES.values() if "profiles" in each)
    assert all(each["read_only"] for each in SERVICES.values())


def started_by(service: str) -> set[str]:
    """Return what `docker compose up SERVICE` starts."""
    return {service}.union(*map(started_by, SERVICES[service].get("depends_on", ())))


def test_files_that_are_mounted_are_there() -> None:
    mounts = [
        mount for each in SERVICES.values() for mount in each.get("volumes", ()) if mount.startswith(".")
    ]

    assert mounts
    assert all((ROOT / mount.partition(":")[0]).is_file() for mount in mounts)


def test_each_replica_of_the_turbines_takes_numbers_of_its_own(tmp_path: Path) -> None:
    fake = tmp_path / "gridws"
    fake.write_text(FAKE_GRIDWS, encoding="utf-8")
    fake.chmod(0o755)
    (tmp_path / "ranges").mkdir()
    script = SERVICES["turbines"]["entrypoint"][2].replace("$$", "$")
    replicas = [
        subprocess.Popen(
            ["sh", "-c", script.replace("/ranges", str(tmp_path / "ranges"))],
            env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "COUNT": "5"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        lines = {replica.stdout.readline().strip() for replica in replicas if replica.stdout}
    finally:
        for replica in replicas:
            replica.kill()
            replica.communicate()
    assert lines == {f"turbines --count 5 --first-number {first}" for first in (1, 6, 11)}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    checkout = folder / "checkout"
    ignored = shutil.ignore_patterns(".venv*", ".git", ".*_cache", ".hypothesis", "*.db*", "__pycache__")
    shutil.copytree(ROOT, checkout, ignore=ignored)
    result = run(sys.executable, "-m", "build", "--outdir", folder, cwd=checkout)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_the_wheel_holds_the_whole_package_and_nothing_else(packages: Path) -> None:
    (wheel,) = packages.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    on_disk = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gridws").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == on_disk


def test_the_sdist_has_no_junk(packages: Path) -> None:
    (sdist,) = packages.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        tops = {Path(*Path(name).parts[1:2]).as_posix() for name in archive.getnames()}
    wanted = {
        "gridws",
        "tests",
        "scripts",
        "README.md",
        "LICENSE",
        "pyproject.toml",
        ".gitignore",
        "PKG-INFO",
    }
    assert tops - {"."} == wanted


def test_the_wheel_runs_where_there_is_no_checkout(packages: Path, tmp_path: Path) -> None:
    (wheel,) = packages.glob("*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    installed = run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel)
    assert installed.returncode == 0, installed.stderr
    monitor = subprocess.Popen(
        [tmp_path / "venv" / "bin" / "gridws", "monitor", "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert monitor.stdout is not None
    assert "listens on http://localhost:" in monitor.stdout.readline()
    monitor.terminate()
    monitor.communicate(timeout=10)
    assert monitor.returncode == 0
    assert (tmp_path / "gridws.db").exists()
    page = run(tmp_path / "venv" / "bin" / "gridws", "manual", "protocol", cwd=tmp_path)
    assert page.stdout == (ROOT / "gridws/manual/protocol.md").read_text(encoding="utf-8")
