"""A monitor with TLS and a secret, and clients with a certificate to trust and a token, end to end."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from httpx2 import AsyncClient
from identities import OTHER_SECRET, SECRET, TURBINE_7, VIEWER, bearer
from live_monitor import PATIENCE, LiveMonitor, raw_peer, served, until, upgrade_request
from websockets.asyncio.client import connect

from gridws.access.exposure import check_exposure
from gridws.errors import MonitorRefused, MonitorUnreachable, OptionError
from gridws.settings import MonitorSettings, TurbineSettings
from gridws.turbines.dialing import Dialer
from gridws.turbines.fleet import run_fleet
from gridws.viewers.mirror import Mirror

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a certificate for this machine, `cert.pem`, and its key, `key.pem`."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "cert.pem").write_bytes(self_signed(key).public_bytes(serialization.Encoding.PEM))
    write_key(folder / "key.pem", key)
    write_key(folder / "other.pem", ec.generate_private_key(ec.SECP256R1()))
    write_key(folder / "locked.pem", key, serialization.BestAvailableEncryption(b"password"))
    return folder


def self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gridws test")]), datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )


def write_key(
    path: Path,
    key: ec.EllipticCurvePrivateKey,
    encryption: serialization.KeySerializationEncryption | None = None,
) -> None:
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            encryption or serialization.NoEncryption(),
        )
    )


@pytest.fixture
async def live(certificate: Path) -> AsyncIterator[LiveMonitor]:
    certfile, keyfile = certificate / "cert.pem", certificate / "key.pem"
    async with served(secret=SECRET, ssl_certfile=certfile, ssl_keyfile=keyfile) as live:
        yield live


def settings_for(live: LiveMonitor, certificate: Path, **changed: object) -> TurbineSettings:
    told = {"count": 1, "first_number": 7, "token": TURBINE_7, "ca_file": certificate / "cert.pem"}
    return TurbineSettings(monitor=f"wss://127.0.0.1:{live.port}", **(told | changed))  # type: ignore[arg-type]


@asynccontextmanager
async def running(settings: TurbineSettings) -> AsyncIterator[asyncio.Task[None]]:
    """Run turbines beside the test."""
    fleet = asyncio.create_task(run_fleet(settings))
    try:
        yield fleet
    finally:
        fleet.cancel()
        await asyncio.wait([fleet])


async def test_a_turbine_with_its_token_reports_over_tls(live: LiveMonitor, certificate: Path) -> None:
    async with running(settings_for(live, certificate, upload_frequency=0.05)):
        await until(lambda: live.monitor.last_turbines_metrics.get(7))


async def test_many_turbines_make_their_tokens_from_the_secret(live: LiveMonitor, certificate: Path) -> None:
    async with running(settings_for(live, certificate, count=5, token=None, secret=SECRET)):
        await until(lambda: live.monitor.fleet_state.numbers() == [7, 8, 9, 10, 11])


async def test_a_request_that_cannot_be_read_is_answered_over_tls_too(
    live: LiveMonitor, certificate: Path
) -> None:
    trusted = ssl.create_default_context(cafile=certificate / "cert.pem")
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port, ssl=trusted)
    writer.write(upgrade_request("/ws/turbines/7").replace(b"Host", b"X: " + b"a" * 9_000 + b"\r\nHost"))

    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_a_viewer_watches_over_tls(live: LiveMonitor, certificate: Path) -> None:
    trusted = ssl.create_default_context(cafile=certificate / "cert.pem")
    url = f"wss://127.0.0.1:{live.port}/ws/watch"

    async with connect(url, ssl=trusted, additional_headers=bearer(VIEWER), proxy=None) as viewer:
        assert '"snapshot"' in str(await viewer.recv())


async def test_the_api_answers_over_tls(live: LiveMonitor, certificate: Path) -> None:
    trusted = ssl.create_default_context(cafile=certificate / "cert.pem")
    async with AsyncClient(verify=trusted, base_url=f"https://127.0.0.1:{live.port}") as client:
        answer = await client.get("/api/v1/engineers", headers=bearer(VIEWER))
        document = await client.get("/asyncapi.json", headers=bearer(VIEWER))

    assert answer.json()["count"] == 3
    assert document.json()["servers"]["monitor"]["protocol"] == "wss"


async def test_a_turbine_does_not_trust_a_certificate_that_nobody_vouches_for(
    live: LiveMonitor, certificate: Path
) -> None:
    with pytest.raises(MonitorUnreachable, match="cannot be trusted"):
        await Dialer(f"wss://127.0.0.1:{live.port}", token=TURBINE_7).dial(7, print)


async def test_a_turbine_with_a_bad_token_is_refused(live: LiveMonitor, certificate: Path) -> None:
    dialer = Dialer(f"wss://127.0.0.1:{live.port}", token=TURBINE_7, ca_file=certificate / "cert.pem")

    with pytest.raises(MonitorRefused, match="wants a valid token"):
        await dialer.dial(8, print)


@pytest.mark.parametrize("url", ["wss://127.0.0.1", "https://127.0.0.1"])
async def test_a_monitor_without_tls_is_said_to_be_one(url: str) -> None:
    async with served() as plain:
        with pytest.raises(MonitorUnreachable, match="it does not speak TLS; try ws://"):
            await Dialer(f"{url}:{plain.port}").dial(7, print)
        with pytest.raises(MonitorUnreachable, match="it does not speak TLS; try ws://"):
            await Mirror(f"{url}:{plain.port}").look()


async def test_a_turbine_without_tls_gets_no_answer_but_a_hint(live: LiveMonitor) -> None:
    with pytest.raises(MonitorUnreachable, match="perhaps it wants wss://"):
        await Dialer(f"ws://127.0.0.1:{live.port}", token=TURBINE_7).dial(7, print)

    assert live.monitor.counters.links == 0


async def test_who_does_not_finish_the_tls_handshake_is_cut(certificate: Path) -> None:
    certfile, keyfile = certificate / "cert.pem", certificate / "key.pem"
    async with (
        served(ssl_certfile=certfile, ssl_keyfile=keyfile, handshake_timeout=0.1) as live,
        raw_peer(live.port) as peer,
    ):
        assert await peer.read() == b""


async def test_who_is_refused_and_does_not_end_tls_is_cut(certificate: Path) -> None:
    certfile, keyfile = certificate / "cert.pem", certificate / "key.pem"
    async with served(ssl_certfile=certfile, ssl_keyfile=keyfile) as live:
        with await asyncio.to_thread(mute_after_a_refusal, live.port, certfile) as peer:
            gone = select.poll()
            gone.register(peer.fileno(), select.POLLRDHUP)
            await until(lambda: gone.poll(0))


def mute_after_a_refusal(port: int, ca_file: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=ca_file)
    peer = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
    peer.sendall(upgrade_request("/ws/turbines/0"))
    assert not peer.recv(4096).startswith(b"HTTP/1.1 101")
    return peer


@pytest.mark.parametrize("key", ["other.pem", "locked.pem", "cert.pem"])
def test_a_key_that_does_not_fit_stops_the_start(certificate: Path, key: str) -> None:
    with pytest.raises(OptionError, match="cannot use the certificate"):
        check_exposure(MonitorSettings(ssl_certfile=certificate / "cert.pem", ssl_keyfile=certificate / key))


def gridws(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDWS_")}
    return subprocess.run(
        [sys.executable, "-m", "gridws", *command],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "variables", "wanted"),
    [
        ([], {}, "--insecure"),
        ([], {"GRIDWS_SECRET": SECRET}, "needs TLS"),
        (["--ssl-certfile", "cert.pem", "--ssl-keyfile", "key.pem"], {}, "needs a secret"),
        (["--ssl-certfile", "cert.pem"], {"GRIDWS_SECRET": SECRET}, "go together"),
        (["--ssl-certfile", "absent", "--ssl-keyfile", "key.pem"], {}, "absent: no such file or directory"),
        (["--ssl-certfile", "cert.pem", "--ssl-keyfile", "other.pem"], {}, "cannot use the certificate"),
        (["--ssl-certfile", "cert.pem", "--ssl-keyfile", "locked.pem"], {}, "cannot use the certificate"),
        (["--insecure"], {"GRIDWS_SECRET": "hunter2"}, "at least 32 bytes"),
        (["--secret-file", "absent"], {}, "cannot read --secret-file absent: no such file or directory"),
        (["--secret-file", "."], {}, "cannot read --secret-file .: is a directory"),
        (["--allow-origin", "*", "--insecure"], {}, "is no origin"),
    ],
)
def test_an_unsafe_start_is_one_line_and_exit_code_2(  # noqa: PLR0917 - cases and fixtures
    options: list[str],
    variables: dict[str, str],
    wanted: str,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(certificate)

    ended = gridws(
        *("monitor", "--host", "0.0.0.0", "--port", "0", "--database", str(tmp_path / "x.db")),
        *options,
        **variables,
    )

    assert ended.returncode == 2
    assert wanted in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "hunter2" not in ended.stderr
    assert not (tmp_path / "x.db").exists()


@pytest.mark.slow
def test_the_secret_is_no_option() -> None:
    ended = gridws("monitor", "--secret", OTHER_SECRET)

    assert ended.returncode == 2
    assert "--secret" in ended.stderr
    assert OTHER_SECRET not in ended.stderr
