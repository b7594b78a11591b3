"""The monitor's sockets: listening, links of turbines and viewers, limits.

`server` starts and stops uvicorn our way. `http_protocol` reads what comes first: whatever cannot be read gets an
answer, and an end in time (`last_words`); `upgrades` knows which upgrade is for us. `websocket_protocol` takes each
WebSocket: a turbine's goes to `turbine_link`, straight from the transport to its session, or even, by `quick_way`,
from the transport to the queue; all others go on to FastAPI, where `viewer_routes` serves viewers. `asgi_link` is a
turbine's link over any ASGI server: tests hold both to the same contract.

What leans on the insides of uvicorn and websockets here is in `gridws manual development`, with the reasons.
"""
