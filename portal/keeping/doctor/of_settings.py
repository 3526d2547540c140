"""Settings that are complete and yet not what a portal for people should have."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parseaddr
from urllib.parse import urlsplit

from portal.keeping.doctor.finding import Finding, ok, warning, wrong
from portal.settings import Settings

MOST_PROXIES = 3  # more than a load balancer, a proxy and a cache is a mistyped number
OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def findings(settings: Settings) -> Iterator[Finding]:
    """Return what is to be said of the settings."""
    said = [*_problems(settings), *_environment(settings), *_proxies(settings), *_doubtful(settings)]
    yield from said or [ok("settings", f"complete, for {settings.environment}")]


def is_for_this_machine_alone(settings: Settings) -> bool:
    """Whether people elsewhere cannot open the portal at its address."""
    return urlsplit(settings.portal_url).hostname in OWN_MACHINE


def _problems(settings: Settings) -> Iterator[Finding]:
    for problem in settings.problems():
        yield wrong("settings", problem, "set it, and start the portal again")


def _environment(settings: Settings) -> Iterator[Finding]:
    if not settings.production and not is_for_this_machine_alone(settings):
        yield warning(
            "settings",
            f"PORTAL_ENVIRONMENT is {settings.environment}, but people open the portal at {settings.portal_url}",
            "set PORTAL_ENVIRONMENT=production",
        )


def _proxies(settings: Settings) -> Iterator[Finding]:
    if settings.trusted_proxies == 0 and settings.secure_cookies:
        yield warning(
            "settings",
            "PORTAL_URL is https and TRUSTED_PROXIES is 0: whoever comes through the proxy has the proxy's address",
            "set TRUSTED_PROXIES to the number of proxies, usually 1",
        )
    if settings.trusted_proxies > MOST_PROXIES:
        yield warning(
            "settings",
            f"TRUSTED_PROXIES is {settings.trusted_proxies}: visitors may invent their address",
            "set it to the number of proxies that stand in front, usually 1",
        )


def _doubtful(settings: Settings) -> Iterator[Finding]:
    if settings.production and settings.limits_factor > 1:
        yield warning(
            "settings", f"LIMITS_FACTOR is {settings.limits_factor}: limits hardly limit", "remove LIMITS_FACTOR"
        )
    if settings.mail_server and parseaddr(settings.mail_sender)[1].endswith("@localhost"):
        yield warning("settings", "MAIL_SENDER is at localhost: mail servers refuse it", "set MAIL_SENDER")
