"""The mirror over real sockets, against a server that plays the monitor; its pure part is in `test_watching`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from watching_world import World
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from gridws.errors import MonitorRefused, MonitorUnreachable, OptionError
from gridws.monitor.delta import Delta
from gridws.viewers.mirror import Mirror
from gridws.viewers.replica import Change, Replica
from gridws.wire.frames import Frame, encode
from gridws.words import OperationalStatus

BROKEN = OperationalStatus.broken


class Stage:
    """Plays the monitor: sends the frames that were put, to whoever is connected, and keeps what it was asked."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        for connection in self.server.connections:
            connection.transport.abort()


@asynccontextmanager
async def staged(
    *frames: Frame, status: HTTPStatus | None = None, asked: list[Request] | None = None
) -> AsyncIterator[Stage]:
    async def play(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(encode(frame))
        await connection.wait_closed()

    def check(connection: ServerConnection, request: Request) -> Response | None:
        if asked is not None:
            asked.append(request)
        return connection.respond(status, "no") if status else None

    async with serve(play, "127.0.0.1", 0, process_request=check) as server:
        yield Stage(server)


@asynccontextmanager
async def following(mirror: Mirror) -> AsyncIterator[None]:
    task = asyncio.create_task(mirror.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(mirror: Mirror, fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        version = mirror.version
        while not fact():
            version = await mirror.changed(version)


def waiting_world(count: int) -> World:
    world = World(engineers=0)
    for number in range(1, count + 1):
        world.connect(number)
        world.report(number, BROKEN)
    return world


async def test_the_mirror_shows_the_snapshot_and_then_what_changed() -> None:
    world = World()
    world.connect(1)
    snapshot = world.fleet_state.snapshot([])
    world.connect(2)
    async with staged(snapshot, world.fleet_state.changes(Delta(turbines={2}))) as stage:
        mirror = Mirror(stage.url)

        async with following(mirror):
            await until(mirror, lambda: 2 in mirror.turbines)

            assert mirror.connected
            assert not mirror.stale
            assert sorted(mirror.turbines) == [1, 2]
            assert mirror.totals == world.fleet_state.totals()


async def test_a_lost_link_leaves_the_picture_on_show_and_comes_back() -> None:
    world = World()
    world.connect(1)
    async with staged(world.fleet_state.snapshot([])) as stage:
        mirror = Mirror(stage.url)
        async with following(mirror):
            await until(mirror, lambda: mirror.connected)

            stage.cut()

            await until(mirror, lambda: not mirror.connected)
            assert mirror.trouble == "the connection was lost"
            assert mirror.stale
            assert sorted(mirror.turbines) == [1]
            await until(mirror, lambda: mirror.connected)
            assert mirror.trouble is None


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND])
async def test_a_monitor_that_refuses_is_told_from_one_that_is_away(status: HTTPStatus) -> None:
    async with staged(status=status) as stage:
        mirror = Mirror(stage.url)
        async with following(mirror):
            await until(mirror, lambda: mirror.refused is not None)

            assert str(int(status)) in (mirror.refused or "")
            assert not mirror.connected


async def test_a_monitor_that_is_full_is_no_refusal() -> None:
    async with staged(status=HTTPStatus.SERVICE_UNAVAILABLE) as stage:
        mirror = Mirror(stage.url)
        async with following(mirror):
            await until(mirror, lambda: mirror.trouble is not None)

            assert mirror.refused is None


async def test_the_token_travels_in_the_header() -> None:
    asked: list[Request] = []
    async with staged(World().fleet_state.snapshot([]), asked=asked) as stage:
        await Mirror(stage.url, token="abc").look()

    assert asked[0].path == "/ws/watch"
    assert asked[0].headers["Authorization"] == "Bearer abc"


async def test_a_look_raises_where_the_monitor_refuses() -> None:
    async with staged(status=HTTPStatus.UNAUTHORIZED) as stage:
        with pytest.raises(MonitorRefused):
            await Mirror(stage.url).look()


async def test_a_look_raises_where_there_is_no_monitor() -> None:
    async with staged() as stage:
        url = stage.url

    with pytest.raises(MonitorUnreachable, match="connection refused"):
        await Mirror(url).look()


async def test_a_first_frame_that_is_no_snapshot_is_another_version() -> None:
    async with staged(World().fleet_state.changes(Delta())) as stage:
        with pytest.raises(MonitorUnreachable, match="another version"):
            await Mirror(stage.url).look()


async def test_an_address_that_cannot_be_one_is_a_mistake_in_an_option() -> None:
    with pytest.raises(OptionError):
        Mirror("nonsense")


async def test_listeners_are_told_until_they_leave() -> None:
    told: list[Change] = []
    async with staged(World().fleet_state.snapshot([])) as stage:
        mirror = Mirror(stage.url)
        leave = mirror.subscribe(told.append)
        await mirror.look()
        leave()
        await mirror.look()

    assert [change.everything for change in told] == [True]


def test_a_turbine_that_leaves_the_line_moves_up_all_behind_it() -> None:
    world = waiting_world(4)
    replica = Replica()
    replica.apply(world.fleet_state.snapshot([]))
    world.lose(2)

    change = replica.apply(world.fleet_state.changes(Delta(turbines={2})))

    assert replica.waiting == [1, 3, 4]
    assert [replica.turbines[number].waiting_place for number in (1, 2, 3, 4)] == [1, None, 2, 3]
    assert change.turbines == {2, 3, 4}


def test_a_turbine_that_comes_back_takes_its_old_place() -> None:
    world = waiting_world(3)
    world.lose(2)
    replica = Replica()
    replica.apply(world.fleet_state.snapshot([]))
    world.connect(2)
    world.report(2, BROKEN)

    replica.apply(world.fleet_state.changes(Delta(turbines={2})))

    assert replica.waiting == [1, 2, 3]


def test_another_run_of_the_monitor_replaces_all_and_begins_its_events_anew() -> None:
    world, replica = waiting_world(2), Replica()
    world.watch.open()
    replica.apply(world.fleet_state.snapshot([]).model_copy(update={"events": list(world.watch._recent)}))
    restarted = World().fleet_state.snapshot([world.watch._recent[0]])
    restarted.started_at += 1

    change = replica.apply(restarted)

    assert (replica.turbines, replica.waiting) == ({}, [])
    assert [event.id for event in replica.events] == [1]
    assert change.gone == {1, 2}


def test_a_snapshot_of_the_same_run_tells_no_event_again() -> None:
    world, replica = waiting_world(2), Replica()
    snapshot = world.fleet_state.snapshot(list(world.watch._recent))
    replica.apply(snapshot)

    change = replica.apply(snapshot)

    assert change.events == ()
    assert list(replica.events) == snapshot.events
