"""What a monitor must have before others than this machine may reach it, checked before it starts."""

from __future__ import annotations

import ssl
from ipaddress import ip_address

from .asking import origin_of
from .errors import OptionError, system_words
from .settings import MonitorSettings
from .tokens import check_secret


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach what listens on `host`."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_exposure(settings: MonitorSettings) -> None:
    """Raise `OptionError`, with a sentence that says what to do, for a monitor that would be unsafe."""
    if settings.secret is not None:
        check_secret(settings.secret)
    _check_certificate(settings)
    for origin in settings.allow_origins:
        if origin_of(origin) is None:
            raise OptionError(
                f"--allow-origin {origin!r} is no origin: write https://HOST or https://HOST:PORT, no path"
            )
    if settings.insecure or is_loopback(settings.host):
        return
    missing = [
        what
        for what, there in (
            ("a secret (GRIDWS_SECRET or --secret-file)", settings.secret is not None),
            ("TLS (--ssl-certfile and --ssl-keyfile)", settings.ssl_certfile is not None),
        )
        if not there
    ]
    if missing:
        raise OptionError(
            f"on {settings.host} others can reach the monitor, which needs {' and '.join(missing)}; "
            "--insecure does without, for a network that you trust"
        )


def _check_certificate(settings: MonitorSettings) -> None:
    certificate, key = settings.ssl_certfile, settings.ssl_keyfile
    if (certificate is None) != (key is None):
        raise OptionError("--ssl-certfile and --ssl-keyfile go together: give both")
    if certificate is None or key is None:
        return
    for option, path in (("--ssl-certfile", certificate), ("--ssl-keyfile", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise OptionError(f"cannot read {option} {path}: {system_words(error)}") from error
    try:
        # An empty password, for otherwise a key that has one would ask for it on the terminal.
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        reason = (
            "they don't belong together" if "MISMATCH" in (error.reason or "") else "not both are PEM files"
        )
        raise OptionError(
            f"cannot use the certificate {certificate} with the key {key}: {reason}, "
            "or the key has a password, which a monitor cannot be asked for"
        ) from error
