"""Markdown of courses, materials and instructions as HTML that is safe to show.

No raw HTML is read, what comes out passes an allow-list, and it stands in `hx-disable`: whatever an author writes,
it can neither run nor ask the portal for anything.
"""

from __future__ import annotations

from functools import lru_cache

from flask import Flask
from markdown_it import MarkdownIt
from markupsafe import Markup
from nh3 import Cleaner

TAGS = {
    "p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto", "tel"}
HIGHEST_HEADING = 2  # h1 is the page's own
KEPT_TEXTS = 64  # a brief is read by a whole intake on the same evening


def _named_site(_tag: str, name: str, value: str) -> str | None:
    """Leave out an address of another site that does not say by which scheme: `//site` looks like a page of ours."""
    return None if name == "href" and value.lstrip().startswith("//") else value


_parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
_cleaner = Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    attribute_filter=_named_site,
    url_schemes=SCHEMES,
    link_rel="noopener noreferrer nofollow",
)


def register(app: Flask) -> None:
    """Offer `|markdown` to templates."""
    app.jinja_env.filters["markdown"] = markdown


@lru_cache(KEPT_TEXTS)
def markdown(text: str) -> Markup:
    """Return Markdown as HTML in a block of prose. Pictures become their words: a page loads nothing from elsewhere."""
    tokens = _parser.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + HIGHEST_HEADING - 1, 6)}"
    html = _cleaner.clean(_parser.renderer.render(tokens, _parser.options, {}))
    return Markup('<div class="prose" hx-disable>{}</div>').format(Markup(html))  # noqa: S704 - cleaned above
