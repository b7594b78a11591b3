"""A monitor as `gridws monitor` runs it: what it says at its start, and what it takes up anew while it runs."""

from __future__ import annotations

import asyncio
import logging
import shlex
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from live_monitor import LiveMonitor, served

from gridws.commands.serving import check_room, engineers_in_words, renew_certificate
from gridws.dispatch import Dispatcher, LocalDispatch
from gridws.errors import OptionError
from gridws.monitor.monitor import GridMonitor
from gridws.server.server import MonitorServer

pytestmark = pytest.mark.slow


def write_certificate(folder: Path, name: str) -> None:
    """Write a certificate of this name, signed by itself, and its key."""
    key, subject, now = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]),
        datetime.now(UTC),
    )
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


async def name_shown_by(live: LiveMonitor) -> str:
    """Return the name in the certificate that a new connection gets."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", live.port, ssl=trusting)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    names = x509.load_der_x509_certificate(shown).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value)


async def test_a_renewed_certificate_counts_for_the_next_connection(tmp_path: Path) -> None:
    write_certificate(tmp_path, "first")
    async with served(ssl_certfile=tmp_path / "cert.pem", ssl_keyfile=tmp_path / "key.pem") as live:
        assert isinstance(live.server, MonitorServer)
        before = await name_shown_by(live)

        write_certificate(tmp_path, "renewed")
        renew_certificate(live.server, live.monitor.settings)
        after = await name_shown_by(live)

        (tmp_path / "key.pem").write_text("half a key")
        with pytest.raises(OptionError, match="cannot use the certificate"):
            renew_certificate(live.server, live.monitor.settings)
        still = await name_shown_by(live)

    assert (before, after, still) == ("first", "renewed", "renewed")


@pytest.mark.parametrize("limit", [64, 80])
def test_too_few_open_files_are_said_instead_of_refusing_everybody(limit: int, tmp_path: Path) -> None:
    command = f"ulimit -n {limit}; exec {shlex.quote(sys.executable)} -m gridws monitor --port 0"

    ended = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("gridws: this process may open too few files for even one connection;")
    assert not (tmp_path / "gridws.db").exists()


def test_few_connections_are_said_and_enough_are_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        check_room(100)
        check_room(99)

    (sentence,) = caplog.messages
    assert sentence.startswith("only 99 connections are possible at once; allow more open files: `ulimit -n")


class Away(LocalDispatch):
    """A pool that cannot be reached."""

    trouble = "connection refused"


@pytest.mark.parametrize(
    ("port", "sentence"),
    [
        (LocalDispatch, "1 engineer as set last, which counts more than --engineers 2"),
        (Away, "as many engineers as the pool has, when it can be reached"),
    ],
)
def test_it_says_how_many_engineers_there_are_and_not_how_many_it_was_told(
    port: type[LocalDispatch], sentence: str
) -> None:
    pool = port(Dispatcher(1, repair_timeout=1.0, place_kept_for=1.0))

    assert engineers_in_words(GridMonitor(2, port=pool), 2) == sentence
