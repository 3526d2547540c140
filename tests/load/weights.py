"""What a browser fetches to open a start page for the first time, and what the page after that weighs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.pages import parse

NEXT_PAGES = {
    "Public": ("/", "/courses"),
    "Student": ("/student/", "/student/assignments"),
    "Trainer": ("/trainer/", "/trainer/marking"),
    "Admin": ("/admin/", "/admin/people"),
}
"""Every start page, and one that people open from it."""
FETCHED_WITH_A_PAGE = (
    ("link[rel=stylesheet]", "href"),
    ("link[rel=icon]", "href"),
    ("script[src]", "src"),
    ("img", "src"),
)


@dataclass(frozen=True)
class Fetched:
    """An answer as it was sent, compressed, and its page as it is read."""

    octets: int
    markup: str


@dataclass(frozen=True)
class Weight:
    """What a first visit and the next page cost the line of whoever opens them, heads of answers included."""

    who: str
    first_octets: int
    first_requests: int
    next_octets: int


def weigh(who: str, fetch: Callable[[str], Fetched]) -> Weight:
    """Return the weights of a person's first two pages; `fetch` asks for a path as a browser does."""
    first, following = NEXT_PAGES[who]
    page = fetch(first)
    parts = [fetch(path) for path in sorted(_parts_of(page.markup))]
    octets = page.octets + sum(part.octets for part in parts)
    return Weight(who, octets, 1 + len(parts), fetch(following).octets)


def _parts_of(markup: str) -> set[str]:
    """Return what a browser fetches by itself with this page; addresses that repeat are fetched once."""
    page = parse(markup)
    found = {
        str(node.attributes[name])
        for selector, name in FETCHED_WITH_A_PAGE
        for node in page.css(selector)
        if node.attributes.get(name)
    }
    return {address for address in found if not address.startswith("data:")}
