"""What every log does, the list in memory that tests trust and PostgreSQL alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from memory_log import LogClient, SharedLog

from gridws.errors import StoreUnusable
from gridws.several.entries import Draft, Joined
from gridws.several.log import MISSING, DispatchLog
from gridws.several.postgres_log import PostgresLog
from gridws.several.replica import Earlier, next_chain

RULES = 7
Clients = Callable[[], DispatchLog]


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def new_client(request: pytest.FixtureRequest) -> Clients:
    """Return a function that makes one more monitor's way to the same log."""
    if request.param == "memory":
        shared = SharedLog()
        return lambda: LogClient(shared)
    url = request.getfixturevalue("postgres_url")
    return lambda: PostgresLog(url, lease=10.0)


@pytest.fixture
async def clients(new_client: Clients) -> AsyncIterator[Clients]:
    """Return a function that makes one more way to it; what it made is closed at the end."""
    made = list[DispatchLog]()

    def make() -> DispatchLog:
        made.append(new_client())
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
async def log(clients: Clients) -> DispatchLog:
    client = clients()
    await client.load(lambda _: "born", RULES)
    return client


def draft(member: int, events: str = "[1]", seconds: float = 5.25) -> Draft:
    return Draft(member, seconds, 1_700_000_000_000, events)


def joined(*replaces: int) -> Joined:
    return Joined(3, "http://a", replaces, 10.0, 600.0, 900.0)


async def member_of(log: DispatchLog, *replaces: int) -> int:
    member = await log.new_member_id()
    await log.join(draft(member), joined(*replaces))
    return member


async def test_a_pool_is_born_once(clients: Clients) -> None:
    births = list[Earlier]()

    def birth(earlier: Earlier) -> str:
        births.append(earlier)
        return f"born {len(births)}"

    loaded = await asyncio.gather(*(clients().load(birth, RULES) for _ in range(3)))

    assert {each.state for each in loaded} <= {"born 1", "born 2", "born 3"}
    assert len({each.state for each in loaded}) == 1
    assert [(each.rules, each.seconds, each.lives) for each in loaded] == [(RULES, 0.0, {})] * 3


async def test_entries_are_in_order_and_chained_and_as_they_were_appended(log: DispatchLog) -> None:
    appended = [await log.append(draft(4, f'[{n},["time"]]', seconds=n / 7)) for n in (1, 5, 3)]

    found = await log.read(0)
    rest = await log.read(2)

    assert list(found.entries) == appended
    assert list(rest.entries) == appended[2:]
    assert (found.position, found.chain) == (3, appended[-1].chain)
    assert [entry.position for entry in appended] == [1, 2, 3]
    assert [entry.seconds for entry in appended] == [1 / 7, 5 / 7, 5 / 7]
    chain = ""
    for entry in appended:
        chain = next_chain(chain, entry.events)
        assert entry.chain == chain


async def test_appends_of_many_monitors_are_one_log(clients: Clients, log: DispatchLog) -> None:
    others = [clients() for _ in range(3)]
    for other in others:
        await other.load(lambda _: "born", RULES)

    async def append(client: DispatchLog, author: int) -> None:
        for number in range(10):
            await client.append(draft(author, f"[{number}]"))

    await asyncio.gather(*(append(client, author) for author, client in enumerate(others)))
    entries = (await log.read(0)).entries

    assert [entry.position for entry in entries] == list(range(1, 31))
    for author in range(3):
        assert [entry.events for entry in entries if entry.member_id == author] == [
            f"[{n}]" for n in range(10)
        ]


async def test_others_get_a_hint_of_an_append(clients: Clients, log: DispatchLog) -> None:
    other, hinted = clients(), asyncio.Event()
    other.listen(hinted.set)
    await other.load(lambda _: "born", RULES)
    hinted.clear()

    await log.append(draft(4))

    async with asyncio.timeout(10):
        await hinted.wait()


async def test_whoever_joins_has_a_row_whose_beat_moves(log: DispatchLog) -> None:
    member = await member_of(log)

    first = await log.beat(member, 8.0)
    second = await log.beat(member, 9.0)
    looked = await log.beat(None, 0.0)

    assert second[member].beat == first[member].beat + 1
    assert looked == second
    assert looked[member].seconds == 9.0


async def test_whoever_has_no_row_beats_for_nothing(log: DispatchLog) -> None:
    assert await log.beat(99, 8.0) == {}


async def test_ids_of_members_grow(clients: Clients, log: DispatchLog) -> None:
    ids = [await client.new_member_id() for client in (log, clients(), log)]

    assert ids == sorted(set(ids))


async def test_whoever_joins_anew_takes_the_place_of_its_old_row(log: DispatchLog) -> None:
    before = await member_of(log)
    other = await member_of(log)

    after = await member_of(log, before)

    assert (await log.beat(None, 0.0)).keys() == {other, after}


async def test_whoever_leaves_has_no_row(log: DispatchLog) -> None:
    member = await member_of(log)

    await log.leave(draft(member, "[1,left]"))

    assert await log.beat(None, 0.0) == {}
    assert (await log.read(1)).entries[0].events == "[1,left]"


async def test_a_member_is_evicted_only_while_its_beat_stands_still(log: DispatchLog) -> None:
    member = await member_of(log)
    seen = (await log.beat(member, 1.0))[member].beat
    await log.beat(member, 2.0)

    too_early = await log.evict(draft(8), member, seen)
    unknown = await log.evict(draft(8), member, MISSING)
    lost = await log.evict(draft(8), member, seen + 1)
    again = await log.evict(draft(8), member, seen + 1)

    assert (too_early, unknown, again) == (None, None, None)
    assert lost is not None
    assert lost.position == 2
    assert await log.beat(None, 0.0) == {}


async def test_a_member_without_a_row_can_be_evicted(log: DispatchLog) -> None:
    lost = await log.evict(draft(8), 77, MISSING)

    assert lost is not None


async def test_two_states_are_kept_and_the_entries_after_the_older_one(
    log: DispatchLog, clients: Clients
) -> None:
    for place in range(1, 10):
        await log.append(draft(4, f"[{place}]"))
        if place in {3, 6}:
            await log.keep(place, "chain", f"state {place}")

    loaded = await clients().load(lambda _: "born", RULES)
    entries = (await log.read(6)).entries

    assert loaded.state == "state 6"
    assert [entry.position for entry in entries] == [7, 8, 9]
    assert [entry.position for entry in (await log.read(3)).entries] == [4, 5, 6, 7, 8, 9]
    assert [entry.position for entry in (await log.read(0)).entries] == [4, 5, 6, 7, 8, 9]


async def test_the_latest_time_of_any_member_is_known_to_who_loads(
    log: DispatchLog, clients: Clients
) -> None:
    member = await member_of(log)
    await log.beat(member, 812.5)

    assert (await clients().load(lambda _: "born", RULES)).seconds == 812.5


async def test_rules_change_when_nobody_lives(log: DispatchLog, clients: Clients) -> None:
    member = await member_of(log)
    seen = (await log.beat(member, 1.0))[member].beat
    newer = clients()
    await newer.load(lambda _: "born", RULES + 1)

    refused = await newer.change_rules(RULES, RULES + 1, {member: seen - 1})
    done = await newer.change_rules(RULES, RULES + 1, {member: seen})
    again = await newer.change_rules(RULES, RULES + 1, {})

    assert (refused, done, again) == (False, True, False)
    assert await newer.beat(None, 0.0) == {}
    with pytest.raises(StoreUnusable, match="rules"):
        await log.append(draft(member))
    await newer.append(draft(9))
