"""Flask extensions that only need to be bound: CSRF, sign-in, compression; and the engine of all sessions."""

from __future__ import annotations

from flask import Flask
from flask_compress import Compress
from flask_login import LoginManager
from flask_wtf import CSRFProtect
from sqlalchemy import Engine

from portal import db as portal_db
from portal.web.sessions import current_identity

csrf = CSRFProtect()
login = LoginManager()
compress = Compress()

PROBE_SECONDS = 2  # whoever asks how the portal is waits no longer for its database
BROTLI_QUALITY = 3  # of a page: a twentieth more bytes than the 4 that is usual, in half its time
COMPRESSED = ["text/html", "text/css", "text/javascript", "application/json", "image/svg+xml", "text/plain"]


def register(app: Flask) -> None:
    """Bind every extension to the app, and give each request's database session back at its end."""
    app.config.setdefault("COMPRESS_MIMETYPES", COMPRESSED)
    app.config.setdefault("COMPRESS_ALGORITHM", ["br", "gzip"])
    app.config.setdefault("COMPRESS_BR_LEVEL", BROTLI_QUALITY)
    app.config["REMEMBER_COOKIE_NAME"] = ";"  # no browser can send one of this name: nobody is known by such a cookie
    app.extensions["engine"] = portal_db.make_engine(app.config["SETTINGS"].database_url)
    app.extensions["probe_engine"] = portal_db.make_probe_engine(
        app.config["SETTINGS"].database_url, seconds=PROBE_SECONDS
    )
    csrf.init_app(app)
    login.init_app(app)
    login.session_protection = None  # it binds Flask's own session to a browser; who is signed in stands in our rows
    login.request_loader(lambda _request: current_identity())
    compress.init_app(app)
    app.teardown_appcontext(lambda _error: portal_db.close_session())


def engine_of(app: Flask) -> Engine:
    """Return the engine all sessions of this app use."""
    engine: Engine = app.extensions["engine"]
    return engine


def probe_engine_of(app: Flask) -> Engine:
    """Return the engine with which this app is asked how it is, apart from people's requests."""
    engine: Engine = app.extensions["probe_engine"]
    return engine
