"""What a server listens on, by the names that people give it."""

from __future__ import annotations

import socket

import pytest

from gridws.errors import OptionError
from gridws.process.listening import open_sockets


def test_localhost_is_one_port_on_all_its_addresses() -> None:
    sockets = open_sockets(("localhost",), 0)

    ports = {each.getsockname()[1] for each in sockets}
    hosts = [each.getsockname()[0] for each in sockets]
    for each in sockets:
        each.close()

    assert len(ports) == 1
    assert hosts[0] == "127.0.0.1"
    assert hosts[1:] in ([], ["::1"])


def test_a_port_in_use_is_a_mistake_in_an_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(
            OptionError, match=f"cannot listen on localhost port {port}: address already in use"
        ):
            open_sockets(("localhost",), port)


def test_a_host_that_is_not_ours_is_a_mistake_in_an_option() -> None:
    with pytest.raises(OptionError, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        open_sockets(("192.0.2.1",), 0)


def test_a_host_that_nobody_knows_is_said_in_lower_case() -> None:
    with pytest.raises(OptionError, match=r"cannot listen on ::1%nowhere: [a-z ]+$"):
        open_sockets(("::1%nowhere",), 0)


def test_what_can_be_no_host_is_a_mistake_in_an_option() -> None:
    with pytest.raises(OptionError, match="this is no name of a host"):
        open_sockets(("a..b",), 0)


def addresses_of(*hosts: str) -> set[str]:
    """Return what is listened on for these hosts, and close it again."""
    sockets = open_sockets(hosts, 0)
    found = {each.getsockname()[0] for each in sockets}
    for each in sockets:
        each.close()
    assert len(found) == len(sockets)
    return found


@pytest.mark.parametrize(
    ("hosts", "addresses"),
    [
        (("::",), {"0.0.0.0", "::"}),
        (("127.0.0.1", "127.0.0.2"), {"127.0.0.1", "127.0.0.2"}),
        (("127.0.0.1", "127.0.0.1"), {"127.0.0.1"}),
        (("0.0.0.0", "localhost"), {"0.0.0.0", "::1"}),
        (("localhost", "::"), {"0.0.0.0", "::"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_every_host_is_listened_on_once(hosts: tuple[str, ...], addresses: set[str]) -> None:
    assert addresses_of(*hosts) == addresses
