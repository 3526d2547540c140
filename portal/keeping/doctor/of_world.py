"""What is outside: the mail server, the address that people type, and its certificate."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from portal.adapters.mailer import MailServerAway, mailer_from
from portal.keeping.doctor.finding import Finding, ok, warning, wrong
from portal.keeping.doctor.of_settings import is_for_this_machine_alone
from portal.settings import Settings

SECONDS = 5
RENEW_DAYS = 14  # certificates are usually renewed 30 days before their end
LAST_DAYS = 3


def findings(settings: Settings, *, runs: bool, at: datetime) -> Iterator[Finding]:
    """Return what is to be said of the world outside."""
    yield _mail(settings)
    yield from _certificate(settings, at)
    yield _address(settings) if runs else warning("portal", "it does not run", "type: make run, or portal serve")


def _mail(settings: Settings) -> Finding:
    try:
        mailer_from(settings).check()
    except MailServerAway as error:
        return wrong("mail", str(error), "see MAIL_SERVER, MAIL_ENCRYPTION, MAIL_USER and MAIL_PASSWORD")
    if settings.mail_server:
        return ok("mail", f"{settings.mail_server} takes mail from us")
    if settings.production:
        return warning("mail", "it is written to a folder and reaches nobody", "set MAIL_SERVER")
    return ok("mail", "it is written to a folder, as no MAIL_SERVER is set")


def _certificate(settings: Settings, at: datetime) -> Iterator[Finding]:
    """Look at the certificate as a browser does, by connecting to it."""
    parts = urlsplit(settings.portal_url)
    if parts.scheme != "https":
        if not is_for_this_machine_alone(settings):
            complain = wrong if settings.production else warning
            yield complain(
                "TLS", f"{parts.netloc} is not encrypted", "put a proxy with TLS in front: PORTAL_URL=https://…"
            )
        return
    host, port = parts.hostname or "", parts.port or 443
    try:
        with (
            socket.create_connection((host, port), timeout=SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as encrypted,
        ):
            certificate = encrypted.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        yield wrong(
            "TLS", f"browsers refuse the certificate of {host}: {error.verify_message}", "renew it at the proxy"
        )
        return
    except OSError as error:
        yield wrong("TLS", f"{host}:{port} does not answer ({error})", "start the proxy; see PORTAL_URL and its DNS")
        return
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (ends - at).days
    if days < RENEW_DAYS:
        complain = wrong if days < LAST_DAYS else warning
        yield complain("TLS", f"the certificate ends in {days} days", "see why the proxy does not renew it")
    else:
        yield ok("TLS", f"the certificate is good for {days} days")


def _address(settings: Settings) -> Finding:
    """Open the portal where people do."""
    parts = urlsplit(settings.portal_url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request("GET", "/api/health/ready")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return wrong("portal", f"{settings.portal_url} does not answer ({error})", "start it; see PORTAL_URL")
    finally:
        connection.close()
    if status != 200:
        return wrong(
            "portal", f"{settings.portal_url} answers {status}", "see logs/web.log; it is ready when it says 200"
        )
    return ok("portal", f"{settings.portal_url} is ready")
