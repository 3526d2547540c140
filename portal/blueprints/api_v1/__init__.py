"""The JSON API, version 1: what other programs read and write for the person whose token they carry."""

from __future__ import annotations

from flask import Flask
from flask_smorest import Api

from portal.blueprints.api_v1.envelope import RefusalSchema
from portal.web.extensions import csrf

DESCRIPTION = """
The JSON API of KM Media Training Institute's portal.

Every answer has one shape: `success`, `message` and `data`; lists add `pagination`. A refusal has `success: false`,
`message` and, for invalid input, `errors`. Times are RFC 3339 with an offset. Amounts of money are whole pesewas.
Sign in with `POST /auth/login`, then send `Authorization: Bearer <token>`. Cookies are not read.
Every `POST` takes an `Idempotency-Key`: a repeat with the same key and body does nothing twice and gives the first
answer again; renewing and signing out are repeatable without one.
""".strip()


class _Api(Api):
    """The portal's own error handlers answer for the API too, in the documented shape."""

    ERROR_SCHEMA = RefusalSchema

    def _register_error_handlers(self) -> None:
        pass


def register(app: Flask) -> None:
    """Add the API's blueprints, its OpenAPI document and its documentation page."""
    from portal.blueprints.api_v1 import (
        assignments,
        attachments,
        auth,
        courses,
        dashboards,
        docs,
        extensions,
        figures,
        groups,
        live_classes,
        marking,
        notes,
        quiz_marking,
        quiz_setting,
        quizzes,
        receipts,
        releasing,
        results,
        rubrics,
        setting,
        uploads,
    )

    app.config.update(
        API_TITLE="KM Media Training Institute",
        API_VERSION="1.0.0",
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={
            "info": {"description": DESCRIPTION},
            "servers": [{"url": "/api/v1"}],
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
        },
    )
    api = _Api(app)
    setting_work = setting, quiz_setting
    handing_in = assignments, attachments, groups, uploads, receipts, extensions
    about_marks = rubrics, marking, notes, releasing, figures, quizzes, quiz_marking, results
    for module in (auth, courses, *setting_work, *handing_in, *about_marks, live_classes, dashboards):
        csrf.exempt(module.blueprint)
        api.register_blueprint(module.blueprint)
    docs.register(app, api)
