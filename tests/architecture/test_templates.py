"""Every template compiles, is named where it lives, and has nothing inline."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
ALL = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
NO_PAGES = {"errors/layout.html", "notifications/bell.html"}  # what error pages extend; a fragment that is polled
CONSTANT_MARKUP = {"components/icons.html"}  # the paths of our own icons, written in that file
PARTS = {"layouts", "components", "partials"}
PAGES = [name for name in ALL if name.split("/")[0] not in PARTS and name not in NO_PAGES]

INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|hx-on|hx-vals=[\"']js:|javascript:", re.I)


@pytest.mark.parametrize("name", ALL)
def test_a_template_compiles(app: Flask, name: str) -> None:
    app.jinja_env.get_template(name)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_extends_a_layout_and_has_a_title(app: Flask, name: str) -> None:
    source = (TEMPLATES / name).read_text()
    assert "{% extends" in source
    assert "block title" in source


@pytest.mark.parametrize("name", ALL)
def test_a_template_has_nothing_inline(name: str) -> None:
    markup = re.sub(
        r"{[{%#].*?[}%#]}", "", (TEMPLATES / name).read_text(), flags=re.S
    )  # arguments of macros are no markup
    found = INLINE.search(markup)
    assert not found, found


@pytest.mark.parametrize("name", ALL)
def test_a_template_trusts_no_data(name: str) -> None:
    trusting = name in CONSTANT_MARKUP
    assert trusting or "|safe" not in (TEMPLATES / name).read_text().replace(" ", "")


def test_every_template_that_code_names_exists() -> None:
    named = set()
    for path in (ROOT / "portal").rglob("*.py"):
        named |= set(re.findall(r"[\"']([a-z_0-9]+/[a-z_0-9/]+\.html)[\"']", path.read_text()))
    assert named - set(ALL) == set()


def test_every_asset_that_a_template_names_exists(app: Flask) -> None:
    for name in ALL:
        for asset in re.findall(r"asset\('([^']+)'\)", (TEMPLATES / name).read_text()):
            with app.test_request_context():
                assert app.jinja_env.globals["asset"](asset), f"{name}: {asset}"
