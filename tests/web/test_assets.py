"""Static files have names that change with their content, weigh little, and come from our own house."""

from __future__ import annotations

import gzip
import re
from itertools import chain

import pytest
from flask import Flask

from portal.web import assets

KILOBYTE = 1000


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask(__name__, static_folder=None)
    assets.register(app)
    return app


def address(app: Flask, name: str) -> str:
    found: str = app.jinja_env.globals["asset"](name)
    return found


@pytest.mark.parametrize("name", ["css/portal.css", "js/portal.js", "js/htmx.js", "icons/mark.svg"])
def test_a_browser_may_keep_an_asset_for_ever(app, name):
    answer = app.test_client().get(address(app, name))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_an_asset_comes_compressed_to_those_who_take_it(app):
    client = app.test_client()
    plain = client.get(address(app, "css/portal.css"))
    packed = client.get(address(app, "css/portal.css"), headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.data) == plain.data


def test_a_known_asset_is_not_sent_twice(app):
    client = app.test_client()
    tag = client.get(address(app, "js/portal.js")).headers["ETag"]
    assert client.get(address(app, "js/portal.js"), headers={"If-None-Match": tag}).status_code == 304


def test_a_page_of_an_earlier_version_still_gets_its_style_but_nobody_keeps_it(app):
    answer = app.test_client().get("/static/000000000000/css/portal.css")
    assert answer.status_code == 200
    assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/static/x/package.json", "/static/x/../pyproject.toml", "/static/x/css/tokens.css"])
def test_nothing_but_assets_is_served(app, path):
    assert app.test_client().get(path).status_code == 404


def test_a_misspelt_asset_stops_the_page(app):
    with pytest.raises(assets.MissingAssetError):
        address(app, "css/portl.css")


def test_a_missing_script_stops_the_start_with_what_to_do(tmp_path):
    for kind in ("css", "js"):
        (tmp_path / kind).mkdir()
    for part in assets.STYLES:
        (tmp_path / "css" / f"{part}.css").write_text("")
    for part in assets.SCRIPTS:
        (tmp_path / "js" / f"{part}.js").write_text("")
    with pytest.raises(assets.MissingAssetError, match="make run"):
        assets.register(Flask(__name__, static_folder=None), static=tmp_path)


def test_the_institutes_own_mark_takes_the_place_of_ours(tmp_path):
    own = tmp_path / "own.svg"
    own.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    app = Flask(__name__, static_folder=None)
    assets.register(app, mark=own)
    assert app.test_client().get(address(app, "icons/mark.svg")).data == own.read_bytes()


def test_style_and_scripts_stay_light(app):
    weights = {
        name: len(app.test_client().get(address(app, name), headers={"Accept-Encoding": "gzip"}).data)
        for name in ("css/portal.css", "js/portal.js", "js/htmx.js")
    }
    assert weights["css/portal.css"] <= 11 * KILOBYTE
    assert weights["js/portal.js"] <= 6 * KILOBYTE
    assert sum(weights.values()) <= 36 * KILOBYTE


def test_what_sends_files_in_pieces_is_asked_for_by_the_page_that_needs_it_and_is_light(app):
    weight = 0
    for name in ("js/tus.js", "js/resumable.js"):
        weight += len(app.test_client().get(address(app, name), headers={"Accept-Encoding": "gzip"}).data)
    assert weight <= 27 * KILOBYTE


def test_joining_keeps_every_rule():
    joined = assets.join_styles(
        iter(["/* why */\na :is(b, i) { color: red; }\n", "@media (x) { p { margin: 0 calc(1px + 2px); } }"])
    )
    assert joined == "a :is(b,i){color:red}@media (x){p{margin:0 calc(1px + 2px)}}"


def test_every_source_belongs_to_a_bundle():
    assert {path.stem for path in (assets.STATIC / "css").glob("*.css")} == {
        *assets.STYLES,
        *assets.STYLES_OF_FEW_PAGES,
    }
    assert {path.stem for path in (assets.STATIC / "js").glob("*.js")} == {
        *assets.SCRIPTS,
        *chain.from_iterable(assets.SCRIPTS_OF_FEW_PAGES.values()),
    }


def test_nothing_comes_from_another_host(app):
    for name in ("css/portal.css", "js/portal.js", "js/resumable.js"):
        text = app.test_client().get(address(app, name)).text
        assert not re.search(r"https?://|url\(|@import", text), name
