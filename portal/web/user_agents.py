"""What a browser calls itself, in the words its owner would use."""

from __future__ import annotations

import re

BROWSERS = (  # the first that fits: browsers name those they descend from as well
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Opera Mini", r"Opera Mini/"),
    ("Opera", r"OPR/|Opera/"),
    ("Edge", r"Edg(A|iOS)?/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("UC Browser", r"UCBrowser/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Safari/"),
)
SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("Mac", r"Macintosh|Mac OS X"),
    ("Chromebook", r"CrOS"),
    ("Linux", r"Linux"),
)


def browser_name(user_agent: str) -> str:
    """Return a name such as "Chrome on Android"."""
    browser = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "An unknown browser"


def _first(names: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for name, pattern in names if re.search(pattern, text)), None)
