"""Reading pages in tests: parsed HTML, and a client that checks every page it gets for what no page may have."""

from __future__ import annotations

import os
import re
from collections import Counter
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from selectolax.lexbor import LexborHTMLParser
from werkzeug.test import TestResponse

COMPILED = "PORTAL_TEST_COMPILED_TEMPLATES"
"""The folder in which all workers find a template that one of them has compiled."""
INLINE = re.compile(r"^on|^style$")
LOOKS_INLINE = re.compile(r"[\s\"'/](?:on\w+|style)\s*=", re.IGNORECASE)
"""Without this no element has anything inline; with it, one may have, and all are looked at."""
_sound: set[int] = set()
"""Pages, by their hash, that were found sound: the very same page is not looked at twice."""


class CheckedClient(FlaskClient):
    """A browser for tests. `post` adds the CSRF field when the person is signed in; every HTML answer is checked."""

    csrf: str | None = None

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if self.csrf and kwargs.get("method") not in (None, "GET", "HEAD") and kwargs.pop("with_csrf", True):
            headers = dict(kwargs.get("headers") or {})
            headers.setdefault("X-CSRFToken", self.csrf)
            kwargs["headers"] = headers
        response = super().open(*args, **kwargs)
        if response.mimetype == "text/html" and not response.content_encoding:
            check_page(response.get_data(as_text=True), str(args[0] if args else kwargs.get("path")))
        return response


def under_test(app: Flask) -> Flask:
    """Return the app with a client that checks its pages, and with templates that others have compiled."""
    app.test_client_class = CheckedClient
    if folder := os.environ.get(COMPILED):
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache(folder)
    return app


def check_page(markup: str, where: str) -> None:
    """Fail if ids repeat, a field has no label, or anything inline would break the content security policy."""
    if hash(markup) in _sound:
        return
    page = parse(markup)
    ids = Counter(node.attributes["id"] for node in page.css("[id]"))
    twice = [name for name, times in ids.items() if times > 1]
    assert not twice, f"{where}: ids used twice: {twice}"
    for node in page.css("*") if LOOKS_INLINE.search(markup) else ():
        inline = [name for name in node.attributes if INLINE.match(name)]
        assert not inline, f"{where}: <{node.tag}> has {inline}"
    for script in page.css("script"):
        assert script.attributes.get("src"), f"{where}: inline script"
    labels = {node.attributes.get("for") for node in page.css("label[for]")}
    for control in page.css("input, select, textarea"):
        if control.attributes.get("type") in {"hidden", "submit", "button"}:
            continue
        named = control.attributes.get("id") in labels or {"aria-label", "aria-labelledby"} & set(control.attributes)
        assert named or _inside_label(control), f"{where}: a field without a label: {control.html}"
    _sound.add(hash(markup))


def parse(markup: str | TestResponse) -> LexborHTMLParser:
    """Return a page as a tree to ask with `.css(...)`."""
    return LexborHTMLParser(markup if isinstance(markup, str) else markup.get_data(as_text=True))


def words(page: Any) -> str:
    """Return the text of a page or node as a person reads it."""
    node = parse(page).body if isinstance(page, (str, TestResponse)) else page
    return " ".join(node.text(separator=" ").split())


def assert_page_and_fragment(client: FlaskClient, url: str, block: str) -> None:
    """The page has the block once; htmx gets the block alone; history gets the page; caches are told."""
    page = client.get(url)
    assert page.status_code == 200
    assert len(parse(page).css(f"#{block}")) == 1
    assert "HX-Request" in page.headers["Vary"]
    fragment = client.get(url, headers={"HX-Request": "true"})
    assert fragment.status_code == 200
    assert b"<html" not in fragment.data
    roots = [node for node in parse(fragment).body.iter() if node.tag != "-text"]
    assert [node.attributes.get("id") for node in roots] == [block]
    history = client.get(url, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert b"<html" in history.data


def _inside_label(node: Any) -> bool:
    while node is not None:
        if node.tag == "label":
            return True
        node = node.parent
    return False
