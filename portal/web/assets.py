"""Names of static files that carry a hash of their content, so that browsers may keep them for ever.

`register(app)` reads our own style sheets and scripts, joins each kind into one response, and offers
`asset(name)` to templates. Third-party scripts are served by the same scheme from where they are installed.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, abort, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from portal.web.access import public

STATIC = Path(__file__).resolve().parents[2] / "static"
STYLES = (
    "tokens",
    "base",
    "layout",
    "forms",
    "page",
    "tables",
    "lists",
    "marking",
    "week",
    "charts",
    "public",
    "print",
)
SCRIPTS = ("messages", "theme", "menus", "dialogs", "uploads", "times", "forms", "lists", "marking")
SCRIPTS_OF_FEW_PAGES = {  # what each is joined from; asked for where it is needed
    "resumable": ("arrival", "resumable"),
    "review": ("review",),
    "quiz": ("quiz",),
    "gradebook": ("gradebook",),
}
STYLES_OF_FEW_PAGES = ("review", "quiz", "gradebook", "comparison")
INSTALLED = {
    "js/htmx.js": "node_modules/htmx.org/dist/htmx.min.js",
    "js/tus.js": "node_modules/tus-js-client/dist/tus.min.js",
}
SERVED_AS_THEY_ARE = ("icons", "images")
FOR_EVER = 365 * 24 * 3600  # seconds; the name changes with the content
COMPRESSED_KINDS = ("text/", "application/json", "image/svg")


class MissingAssetError(RuntimeError):
    """A file that pages need is not there."""


@dataclass(frozen=True)
class Asset:
    """One static response, ready to be sent."""

    name: str
    body: bytes
    compressed: bytes | None
    media_type: str
    digest: str

    @property
    def address(self) -> str:
        return f"/static/{self.digest}/{self.name}"


def register(app: Flask, static: Path = STATIC, mark: str | Path = "") -> None:
    """Serve the assets under hashed names and offer `asset(name)` to templates.

    `mark` names an SVG file that stands in place of our own mark.
    """
    assets = {made.name: made for made in _collect(static, Path(mark) if mark else None)}

    def asset(name: str) -> str:
        try:
            return assets[name].address
        except KeyError:
            raise MissingAssetError(f"There is no static file {name!r}") from None

    @public
    def static_asset(digest: str, name: str) -> Response:
        found = assets.get(name)
        return _respond(found, digest) if found else abort(404)

    @public
    def favicon() -> BaseResponse:
        return redirect(asset("icons/mark.svg"), 301)

    app.jinja_env.globals["asset"] = asset
    app.add_url_rule("/favicon.ico", "favicon", favicon)  # asked for where there is no page to name the mark
    app.add_url_rule("/static/<digest>/<path:name>", "static_asset", static_asset)


def _respond(asset: Asset, digest: str) -> Response:
    response = Response(asset.body, mimetype=asset.media_type)
    response.set_etag(asset.digest)
    if asset.compressed is not None:
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"]:
            response.set_data(asset.compressed)
            response.headers["Content-Encoding"] = "gzip"
    if digest == asset.digest:
        response.cache_control.public = True
        response.cache_control.max_age = FOR_EVER
        response.cache_control.immutable = True
    else:  # a page of an earlier version asks: it gets what there is, and nobody keeps it
        response.cache_control.no_cache = True
    response.make_conditional(request)
    return response


def _collect(static: Path, mark: Path | None) -> Iterator[Asset]:
    yield _asset("css/portal.css", join_styles(_read(static / "css" / f"{part}.css") for part in STYLES).encode())
    for part in STYLES_OF_FEW_PAGES:
        yield _asset(f"css/{part}.css", join_styles(iter([_read(static / "css" / f"{part}.css")])).encode())
    for name, parts in {"portal": SCRIPTS, **SCRIPTS_OF_FEW_PAGES}.items():
        yield _asset(f"js/{name}.js", join_scripts(_read(static / "js" / f"{part}.js") for part in parts).encode())
    for name, source in INSTALLED.items():
        yield _asset(name, _read(static / source).encode())
    for folder in SERVED_AS_THEY_ARE:
        for path in sorted((static / folder).rglob("*.*")):
            name = path.relative_to(static).as_posix()
            yield _asset(name, (mark if mark and name == "icons/mark.svg" else path).read_bytes())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingAssetError(f"{path} is missing: `make run` installs third-party scripts") from None


def _asset(name: str, body: bytes) -> Asset:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    shrinks = media_type.startswith(COMPRESSED_KINDS)
    return Asset(
        name=name,
        body=body,
        compressed=gzip.compress(body, 9, mtime=0) if shrinks else None,
        media_type=media_type,
        digest=hashlib.sha256(name.encode() + body).hexdigest()[:12],
    )


def join_styles(sources: Iterator[str]) -> str:
    """Return one style sheet without comments and idle space."""
    joined = re.sub(r"/\*.*?\*/", "", "\n".join(sources), flags=re.DOTALL)
    joined = re.sub(r"\s+", " ", joined)
    joined = re.sub(r"\s*([{};,>])\s*", r"\1", joined)
    joined = re.sub(r"([{;(][\w-]+):\s+", r"\1:", joined)
    return joined.replace(";}", "}").strip()


def join_scripts(sources: Iterable[str]) -> str:
    """Return one script; whole-line comments and indentation stay behind with the sources."""
    lines = (line.strip() for source in sources for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/*", "*/", "* ")))
