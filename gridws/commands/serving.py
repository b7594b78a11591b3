"""A monitor in this process, as `gridws monitor` runs it: served, reloaded, supervised, until a signal."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..access.exposure import check_certificate, check_exposure
from ..access.guard import Guard
from ..access.tokens import check_secret
from ..errors import GridError, OptionError
from ..monitor.monitor import GridMonitor
from ..process.lifetime import beside, leave, new_event_loop, spared
from ..process.listening import open_sockets
from ..process.reloading import Reloads, Renewable
from ..process.service import notify, prove_life
from ..process.signals import on_hangup
from ..server.server import MonitorServer, make_server
from ..settings import MonitorSettings
from ..web.app import create_app
from ..webhook.receiver import Receiver
from ..webhook.webhooks import Webhooks
from ..wire.frames import EventKind
from . import addresses, announce
from .databases import shown
from .secrets import read_secret
from .sharing import make_monitor

FEW_CONNECTIONS: Final = 100
"""Below this the limit of open files was set for other programs than a server."""
ENOUGH_DESCRIPTORS: Final = 65_536
END_WITHIN: Final = 4.0
"""Seconds, well below the 6 s that every command promises: a busy machine takes its time too."""
SHORTEST_REST: Final = 0.5
"""Seconds that receivers of webhooks get for what waits, however long all else took."""
ANY_HOST: Final = {"0.0.0.0", "::"}  # noqa: S104 - told apart, not listened on

_log = logging.getLogger("gridws")


def run_monitor(settings: MonitorSettings, secret_file: Path | None = None) -> None:
    """Run a monitor in this process until a signal; raise `GridError` for what the operator must mend."""
    check_exposure(settings)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings, secret_file))


async def _serve(settings: MonitorSettings, secret_file: Path | None) -> None:
    sockets = open_sockets(settings.hosts, settings.port)
    port = sockets[0].getsockname()[1]
    grid_monitor, is_hung = make_monitor(settings, _address(settings, port))
    deaths: list[BaseException] = []

    def on_death(error: BaseException) -> None:
        deaths.append(error)
        server.stop()

    def on_listening() -> None:
        _announce(settings, port, grid_monitor)
        notify("READY=1")

    guard = Guard(settings)
    webhooks = webhooks_of(settings, grid_monitor)
    app = create_app(grid_monitor, guard, webhooks, on_death=on_death)
    server = make_server(app, grid_monitor, guard, on_listening=on_listening)
    try:
        check_room(server.connections.limit)
        await grid_monitor.start()
    except GridError:
        for listener in sockets:
            listener.close()
        raise
    reloads = Reloads(_renewables(settings, secret_file, server, guard))
    on_hangup(stop=server.stop, reload=reloads.reload)
    await spared(beside(server.serve(sockets), reloads.watch(), prove_life(), webhooks.run()))
    await webhooks.finish(_rest_of_stop(server))
    _end(deaths, hung=is_hung())


def _rest_of_stop(server: MonitorServer) -> float:
    """Return the seconds that are left of those in which a monitor has to end."""
    now = asyncio.get_running_loop().time()
    return max(SHORTEST_REST, END_WITHIN - (now - (server.stopping_since or now)))


def _end(deaths: list[BaseException], *, hung: bool) -> None:
    """Raise what the monitor died of; leave at once where the disk hangs, for which Python would wait."""
    if hung:
        _log.error(
            "the disk does not answer: the monitor leaves without it, and turbines keep their readings"
        )
        if deaths:
            _log.error("the monitor died", exc_info=deaths[0])
        leave(1 if deaths else 0)
    if deaths:
        raise deaths[0]


def webhooks_of(settings: MonitorSettings, monitor: GridMonitor) -> Webhooks:
    """Return those who are told what happens at this monitor, and have it told to them from now on."""
    webhooks = Webhooks(
        [Receiver(url) for url in settings.webhooks],
        kinds=list(map(EventKind, settings.webhook_kinds)),
        secret=settings.webhook_secret,
        run=monitor.fleet_state.started_at,
    )
    monitor.listen(webhooks.happened)
    return webhooks


def check_room(connections: int) -> None:
    """Say when only few connections are possible; raise `OptionError` when it is none at all."""
    if connections >= FEW_CONNECTIONS:
        return
    what_to_do = f"allow more open files: `ulimit -n {ENOUGH_DESCRIPTORS}`, LimitNOFILE={ENOUGH_DESCRIPTORS} in systemd"
    if connections < 1:
        raise OptionError(f"this process may open too few files for even one connection; {what_to_do}")
    _log.warning("only %d connections are possible at once; %s", connections, what_to_do)


def _renewables(
    settings: MonitorSettings, secret_file: Path | None, server: MonitorServer, guard: Guard
) -> Iterator[Renewable]:
    certificate, key = settings.ssl_certfile, settings.ssl_keyfile
    if certificate is not None and key is not None:
        yield Renewable(
            "certificate and key", (certificate, key), lambda: renew_certificate(server, settings)
        )
    if secret_file is not None:
        yield Renewable("secret", (secret_file,), lambda: _renew_secret(guard, secret_file))


def renew_certificate(server: MonitorServer, settings: MonitorSettings) -> None:
    """Use what the files hold now for every handshake from now on; raise `OptionError` if they don't fit."""
    check_certificate(settings)
    if server.config.ssl is not None and settings.ssl_certfile is not None:
        server.config.ssl.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile)


def _renew_secret(guard: Guard, secret_file: Path) -> None:
    secret = read_secret(secret_file)
    if secret is not None:
        check_secret(secret)
        guard.renew_secret(secret)


def _address(settings: MonitorSettings, port: int) -> str:
    """Return where other monitors, and whoever reads their tables, find this one."""
    named = [host for host in settings.hosts if host not in ANY_HOST]
    host = named[0] if named else socket.getfqdn()
    return addresses(_scheme(settings), (host,), port)


def _scheme(settings: MonitorSettings) -> str:
    return "https" if settings.ssl_certfile else "http"


def _announce(settings: MonitorSettings, port: int, monitor: GridMonitor) -> None:
    urls = addresses(_scheme(settings), settings.hosts, port)
    engineers = engineers_in_words(monitor, settings.engineers)
    announce(f"gridws monitor listens on {urls} ({engineers}, database {shown(settings.database)})")


def engineers_in_words(monitor: GridMonitor, told: int) -> str:
    """Return how many engineers there are, and why it is not as many as the options told."""
    if monitor.undispatched:
        return "as many engineers as the pool has, when it can be reached"
    count = monitor.engineer_count
    engineers = f"{count} engineer{'' if count == 1 else 's'}"
    return (
        engineers if count == told else f"{engineers} as set last, which counts more than --engineers {told}"
    )
