"""The text of mail: one template for each kind in `templates/mail/`, rendered without a web request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal.domain.notifications import kinds
from portal.domain.notifications.models import NotificationKind

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "mail"
INSTITUTE = "KM Media Training Institute"


def mail_text(
    kind: NotificationKind | str,
    data: Mapping[str, Any],
    *,
    first_name: str,
    site: str,
    address: str,
    zone: tzinfo,
) -> kinds.Said:
    """Return subject and text of the mail of one notification of the portal at `site`; its link leads to `address`."""
    said = kinds.say(kind, data, zone)
    text = (
        _environment()
        .get_template(f"{NotificationKind(kind)}.txt")
        .render(
            data=data,
            first_name=first_name,
            site=site,
            address=address,
            said=said,
            institute=INSTITUTE,
            moment=lambda text: kinds.moment(text, zone),
            span=lambda start, end: kinds.span(start, end, zone),
            day=kinds.day,
        )
    )
    return kinds.Said(title=said.title, body=text.strip() + "\n")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text, never shown as HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
