"""What may be in a piece of work: text, links and files, and what is wrong with each that may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from portal.domain.assignments.fairness import Arrival
from portal.domain.files.kinds import Group, group_of
from portal.domain.files.operations import StoredBytes

LONGEST_TEXT = 100_000  # characters; a long essay has 30,000
LONGEST_LINK = 2_000  # characters; what browsers and servers take without trouble
MOST_LINKS = 20
LONGEST_KEY = 100  # characters; a page sends 36, a client may choose its own

GROUP_WORDS = {
    Group.IMAGE: "images",
    Group.RAW: "RAW and layered images",
    Group.DOCUMENT: "documents",
    Group.AUDIO: "audio",
    Group.VIDEO: "video",
    Group.ARCHIVE: "archives",
}


@dataclass(frozen=True, kw_only=True)
class SubmitAssignment:
    """One hand-in, as a page or a client sends it."""

    assignment_id: UUID
    key: str
    """Made with the form: the same key with the same work is the same hand-in, however often it arrives."""
    student_id: UUID | None = None
    """Whose work it is, where staff hand it in; None: of whoever hands in."""
    text: str = ""
    links: tuple[str, ...] = ()
    files: tuple[StoredBytes, ...] = ()
    """What came with this request, durable in the store."""
    kept: tuple[UUID, ...] = ()
    """Files that came with an earlier request which was refused."""
    uploads: tuple[str, ...] = ()
    """Files that came before this request, in pieces; each is handed in once."""
    form: Arrival | None = None
    """How the form itself arrived, with the files in it: on a slow line it counts as an upload does."""
    answers_since: datetime | None = None
    """Since when its questions were open, where it is an attempt at a quiz, which has looked at its rules itself."""


def links_of(text: str) -> tuple[str, ...]:
    """Return the links that stand in a text, one on each line."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def problem_of_link(link: str) -> str | None:
    """Return why a link is not taken, or None: it must be an address of the web, as a browser shows it."""
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        return f"“{link[:80]}” is no link. Copy it whole from your browser; it begins with https://"
    if len(link) > LONGEST_LINK or any(character.isspace() or ord(character) < 0x20 for character in link):
        return f"“{link[:80]}” is no link we can keep. Copy it again from your browser."
    return None


def problem_of_kind(name: str, kind: str, accepted: Sequence[str]) -> str | None:
    """Return why a file of this media type is not taken for an assignment that accepts these groups (none: all)."""
    if not accepted or group_of(kind).value in accepted:
        return None
    return f"“{name}” is not of a kind this assignment takes. It takes {kinds_in_words(accepted)}."


def kinds_in_words(accepted: Sequence[str]) -> str:
    """Return the groups of kinds as people say them: `images, documents and video`."""
    words = [GROUP_WORDS[Group(group)] for group in accepted or [group.value for group in Group]]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
