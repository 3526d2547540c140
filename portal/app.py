"""The application factory: a table of contents of what the portal is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from portal import db, models
from portal.adapters import storage
from portal.blueprints import admin, api_v1, auth, health, notifications, public, student, trainer
from portal.blueprints import uploads as uploads_blueprint
from portal.settings import Settings
from portal.web import (
    access,
    addresses,
    assets,
    bearer,
    cache,
    components,
    context,
    errors,
    extensions,
    formats,
    kept_forms,
    limits,
    logs,
    markdown,
    metrics,
    moments,
    navigation,
    security_headers,
    sessions,
    uploads,
    watching,
)

ROOT = Path(__file__).resolve().parent.parent
MAX_REQUEST_BYTES = 1024 * 1024  # of a form without files; views that take files say their own limit
MAX_FORM_FIELDS = 500


class Portal(Flask):
    """A Flask app whose views are all plain functions."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is: Flask would look thirty times in a request whether it is a coroutine."""
        return func


def create_app(settings: Settings | None = None) -> Flask:
    """Return the portal, ready to serve. It opens no connection and starts no thread."""
    settings = settings or Settings.from_env()
    app = Portal("portal", root_path=str(ROOT), template_folder="templates", static_folder=None)
    app.session_interface = sessions.PortalSessionInterface()
    configure(app, settings)
    logs.register(app, settings)
    metrics.register(app)
    watching.register(app)
    storage.register(app, settings)
    uploads.register(app, settings)
    errors.register(app)
    security_headers.register(app, settings)
    bearer.register(app)
    limits.register(app, settings)
    cache.register(app, settings)
    kept_forms.register(app)  # before access, which would only send them away
    access.register(app)
    extensions.register(app)
    db.bind(extensions.engine_of(app))
    assets.register(app, mark=settings.institute_mark)
    formats.register(app, zone=settings.time_zone)
    moments.register(app, institute=settings.time_zone)
    components.register(app)
    markdown.register(app)
    addresses.register(app)
    navigation.register(app)
    context.register(app)
    for blueprint in (public, auth, notifications, student, uploads_blueprint, trainer, admin, health):
        app.register_blueprint(blueprint.blueprint)
    api_v1.register(app)
    access.refuse_unmarked_views(app)
    return app


def configure(app: Flask, settings: Settings) -> None:
    """Set what Flask and its extensions read from `app.config`."""
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.signing_keys[0],
        SECRET_KEY_FALLBACKS=list(settings.signing_keys[1:]),
        SESSION_COOKIE_NAME="__Host-visitor" if settings.secure_cookies else "visitor",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_REQUEST_BYTES,
        MAX_FORM_PARTS=MAX_FORM_FIELDS,
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as the session it is tied to
        TRUSTED_HOSTS=None,
        TESTING=settings.environment == "test",
    )


__all__ = ["create_app", "models"]
