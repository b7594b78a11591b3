"""What a monitor must have before others than this machine may reach it, checked before it starts."""

from __future__ import annotations

import logging
import ssl

from ..errors import OptionError, system_words
from ..settings import MonitorSettings
from .origin import NO_ORIGIN, check_origins, is_loopback, origin_of
from .tokens import check_secret

log = logging.getLogger("gridws.guard")


def check_exposure(settings: MonitorSettings) -> None:
    """Raise `OptionError`, with a sentence that says what to do, for a monitor that would be unsafe."""
    if settings.secret is not None:
        check_secret(settings.secret)
    check_certificate(settings)
    check_origins(settings.allow_origins)
    if settings.secret is None and NO_ORIGIN in map(origin_of, settings.allow_origins):
        log.warning(
            "--allow-origin null lets every web page in, since each can have itself called so: add a secret"
        )
    exposed = [host for host in settings.hosts if not is_loopback(host)]
    if settings.insecure or not exposed:
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
            f"on {' and '.join(exposed)} others can reach the monitor, which needs {' and '.join(missing)}; "
            "--insecure does without, for a network that you trust"
        )


def check_certificate(settings: MonitorSettings) -> None:
    """Raise `OptionError` for a certificate and a key that are not there or don't fit; none at all are fine."""
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
