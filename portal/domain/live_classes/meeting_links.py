"""Which links to an online meeting are taken: those of known services, as plain https addresses. Never fetched."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from portal.domain.errors import Invalid

HOSTS = ("zoom.us", "meet.google.com", "teams.microsoft.com", "teams.live.com", "meet.jit.si")
HOSTS_WITH_SUBDOMAINS = ("zoom.us",)  # Zoom gives each customer a name of its own, such as us02web.zoom.us
SERVICES = "Zoom, Google Meet, Microsoft Teams or Jitsi Meet"
LONGEST = 2048


def checked_meeting_link(text: str) -> str:
    """Return the link as it is stored; raise `Invalid` with what is wrong beside the field."""
    link = text.strip()
    problem = _problem_of(link)
    if problem:
        raise Invalid("The meeting link cannot be used.", fields={"meeting_url": problem})
    return link


def _problem_of(link: str) -> str | None:
    if len(link) > LONGEST:
        return f"A meeting link has at most {LONGEST:,} characters."
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in link):
        return "A meeting link has no spaces in it. Copy it whole from the meeting service."
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError:
        return "This is not an address. Copy the link whole from the meeting service."
    if parts.scheme != "https":
        return "A meeting link begins with https://"
    if "@" in parts.netloc or port not in (None, 443):
        return "This link does not look like one of a meeting service: it has a name or a port before its path."
    if not _is_known(parts):
        return f"Only links of {SERVICES} are taken."
    if parts.path in ("", "/"):
        return "This link leads to the service, not to a meeting."
    return None


def _is_known(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    return host in HOSTS or any(host.endswith(f".{parent}") for parent in HOSTS_WITH_SUBDOMAINS)
