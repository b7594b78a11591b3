"""The way from a turbine to its monitor over a WebSocket, on the `websockets` library."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from ..client.monitors import Address, Monitors
from ..client.reaching import CLOSE_TIMEOUT, NO_LINK, OPEN_TIMEOUT, PING_INTERVAL, cause, refusal
from ..errors import MonitorUnreachable
from ..wire.frames import SUBPROTOCOL, CloseCode
from .dial_pace import DialPace
from .link import MonitorLink, Receive
from .turbine_tokens import TokenOf
from .websocket_link import MAX_FRAME_BYTES, WebSocketLink

ELSEWHERE: Final = {CloseCode.RESTART, CloseCode.MOVED}
"""What a monitor closes a link with whose turbine does better to go on elsewhere."""


class Dialer:
    """Opens links to a monitor; one object serves all turbines of a process.

    `monitor` is its base address (`http` and `https` mean `ws` and `wss`), or several with commas between them,
    `token` a bearer token or how to find each turbine's, `ca_file` the certificate authority to trust, `pace` how
    many dial at once. Raises `OptionError` for an address that cannot be one.
    """

    def __init__(
        self,
        monitor: str,
        *,
        token: TokenOf | str | None = None,
        ca_file: Path | None = None,
        pace: DialPace | None = None,
    ) -> None:
        self._monitors = Monitors(monitor, ca_file)
        self._failures: Counter[int] = Counter()
        self._links: dict[int, WebSocketLink] = {}
        self._pace = pace or DialPace()
        self._token_of: TokenOf = token if callable(token) else lambda _number: token

    async def dial(self, turbine_number: int, receive: Receive, /) -> MonitorLink:
        """Return an open link; raise `MonitorRefused` or `MonitorUnreachable`, and take the next address then.

        So it does too after a link of which the monitor said that it has to end there.
        """
        before = self._links.pop(turbine_number, None)
        if before is not None and before.close_code in ELSEWHERE:
            self._failures[turbine_number] += 1
        address = self._monitors.address(turbine_number + self._failures[turbine_number])
        try:
            async with self._pace.turn():
                link = await self._dial(address, turbine_number, receive)
        except MonitorUnreachable:
            self._failures[turbine_number] += 1
            raise
        self._links[turbine_number] = link
        return link

    async def _dial(self, address: Address, turbine_number: int, receive: Receive) -> WebSocketLink:
        url = f"{address.base}/ws/turbines/{turbine_number}"
        token = self._token_of(turbine_number)
        options = address.tls | (
            {} if token is None else {"additional_headers": {"Authorization": f"Bearer {token}"}}
        )
        try:
            try:
                return await self._open(url, receive, **options)
            except ConnectionRefusedError as refused:
                return await self._open_beside(url, receive, refused, **options)
        except InvalidStatus as error:
            raise refusal(address.base, error.response) from error
        except NO_LINK as error:
            raise MonitorUnreachable(address.base, cause(error, address.base)) from error

    async def _open_beside(
        self, url: str, receive: Receive, refused: OSError, **options: Any
    ) -> WebSocketLink:
        """Try the other loopback: a machine may know only one address by the name localhost."""
        if parse_uri(url).host != "localhost":
            raise refused
        try:
            return await self._open(url, receive, host="::1", **options)
        except OSError:
            raise refused from None

    async def _open(self, url: str, receive: Receive, **options: Any) -> WebSocketLink:
        def create(protocol: ClientProtocol, **settings: Any) -> WebSocketLink:
            return WebSocketLink(receive, protocol, **settings)

        link = await connect(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            # 40 KiB a link for frames of 160 bytes is no bargain.
            compression=None,
            max_size=MAX_FRAME_BYTES,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_INTERVAL,
            proxy=None,
            create_connection=cast("type[ClientConnection]", create),
            **options,
        )
        return cast("WebSocketLink", link)
