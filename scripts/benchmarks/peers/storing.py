"""Others' ways from a fleet's readings to SQLite (WAL, FULL, a commit each 250 ms), as far as this machine has them.

Node and Go take the WebSocket frames of gridws; mosquitto and the JetStream of NATS take messages, which a subscriber
of ours stores, and both processes count. None has cursors, sums by the minute or dispatch, and none an index on its
table. What is fetched or built lies in the user's cache, and is fetched and built once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ..contest import Opening, Server
from ..processes import MEASURED_CORE, Process, python, running

HERE: Final = Path(__file__).parent
PACKAGES: Final = ("ws@8", "better-sqlite3@12")
GO_SOURCES: Final = Path("/usr/share/gocode")
"""Where Debian puts the sources of Go's packages."""
GO_PACKAGES: Final = {
    "github.com/gorilla/websocket": "golang-github-gorilla-websocket-dev",
    "github.com/mattn/go-sqlite3": "golang-github-mattn-go-sqlite3-dev",
}
MOSQUITTO: Final = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_inflight_messages 0
max_queued_messages 0
set_tcp_nodelay true
log_type error
"""
LISTENS_WITHIN: Final = 20.0


class Missing(Exception):
    """What a peer lacks on this machine, in words."""


def cache() -> Path:
    """Return the folder for what is fetched and built, which is made if need be."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gridws-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def node() -> Opening:
    """Return how the peer in Node is started; fetch its packages first, which may take minutes."""
    program = find_program("node", "nodejs")
    folder = cache() / "-".join(("node", *PACKAGES))
    built = folder / "node_modules/better-sqlite3/build/Release/better_sqlite3.node"
    if not built.exists():
        print(f"npm fetches {' and '.join(PACKAGES)} …", file=sys.stderr, flush=True)
        folder.mkdir(exist_ok=True)
        npm = [
            find_program("npm", "npm"),
            "install",
            "--prefix",
            str(folder),
            "--no-save",
            "--no-package-lock",
        ]
        _run(
            [*npm, "--no-audit", "--no-fund", *PACKAGES],
            {"npm_config_nodedir": str(Path(program).parents[1])},
        )
    if not built.exists():
        raise Missing("npm brought no better_sqlite3.node")

    @contextlib.contextmanager
    def opening(files: Path) -> Iterator[Server]:
        database = files / "node.db"
        command = [program, str(HERE / "node.cjs"), str(folder), str(database)]
        with running(command, MEASURED_CORE) as process:
            yield Server(
                what="Node, ws and better-sqlite3",
                processes=[process],
                port=int(process.line()),
                database=database,
            )

    return opening


def go() -> Opening:
    """Return how the peer in Go is started, which is built from Debian's packages."""
    compiler = find_program("go", "golang-go")
    for name, package in GO_PACKAGES.items():
        if not (GO_SOURCES / "src" / name).exists():
            raise Missing(f"there is no {name} in {GO_SOURCES} (apt-get install {package})")
    source = HERE / "golang"
    program = cache() / f"go-{hashlib.sha256((source / 'main.go').read_bytes()).hexdigest()[:16]}"
    if not program.exists():
        print("go builds its server …", file=sys.stderr, flush=True)
        environment = {"GO111MODULE": "off", "GOPATH": str(GO_SOURCES), "GOCACHE": str(cache() / "go-build")}
        _run([compiler, "build", "-o", str(program), "."], environment, source)

    @contextlib.contextmanager
    def opening(files: Path) -> Iterator[Server]:
        database = files / "go.db"
        with running([str(program), str(database)], MEASURED_CORE) as process:
            yield Server(
                what="Go, gorilla and go-sqlite3",
                processes=[process],
                port=int(process.line()),
                database=database,
            )

    return opening


def mosquitto() -> Opening:
    """Return how mosquitto and its subscriber are started."""
    program = find_program("mosquitto", "mosquitto")

    @contextlib.contextmanager
    def opening(files: Path) -> Iterator[Server]:
        port = free_port()
        configuration = files / "mosquitto.conf"
        configuration.write_text(MOSQUITTO.format(port=port))
        command = [program, "-c", str(configuration)]
        with _broker("mosquitto, QoS 1, and a subscriber", "mqtt", command, port, files) as server:
            yield server

    return opening


def nats() -> Opening:
    """Return how a NATS server with a JetStream on disk and its consumer are started."""
    program = find_program("nats-server", "nats-server")

    @contextlib.contextmanager
    def opening(files: Path) -> Iterator[Server]:
        port = free_port()
        command = [program, "-js", "-sd", str(files / "jetstream"), "-a", "127.0.0.1", "-p", str(port)]
        command += ["--log", str(files / "nats.log")]
        with _broker("NATS JetStream and a consumer", "nats", command, port, files) as server:
            yield server

    return opening


STORING: Final[dict[str, Callable[[], Opening]]] = {
    "Node": node,
    "Go": go,
    "mosquitto": mosquitto,
    "NATS": nats,
}


@contextlib.contextmanager
def _broker(what: str, protocol: str, command: list[str], port: int, files: Path) -> Iterator[Server]:
    database = files / f"{protocol}.db"
    subscriber = python("scripts.benchmarks.peers.subscriber", protocol, str(port), str(database))
    with running(command, MEASURED_CORE) as broker:
        wait_until_it_listens(broker, port)
        with running(subscriber, MEASURED_CORE) as stores:
            stores.line()
            yield Server(
                what=what, processes=[broker, stores], port=port, protocol=protocol, database=database
            )


def wait_until_it_listens(broker: Process, port: int) -> None:
    until = time.monotonic() + LISTENS_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError as error:
            if broker.child.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{broker.child.args!r} does not listen: {error}") from error
            time.sleep(0.05)
        else:
            return


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def find_program(name: str, package: str) -> str:
    """Return the path of a program; raise `Missing`, with the Debian package that has it."""
    path = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin")))
    if path is None:
        raise Missing(f"there is no {name} (apt-get install {package})")
    return path


def _run(command: list[str], environment: dict[str, str], folder: Path | None = None) -> None:
    done = subprocess.run(
        command, env=os.environ | environment, cwd=folder, check=False, capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise Missing(f"{Path(command[0]).name} failed: {last}")
