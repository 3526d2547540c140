"""The least a page can cost here: one statement on the portal's own engine, one small template, the same server.

What the portal's pages take is told as a multiple of this, which means the same on every machine.
"""

from __future__ import annotations

import os

from flask import Flask, render_template_string
from sqlalchemy import Engine, text

from portal.db import make_engine

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ title }}</title></head>
<body><main><h1>{{ title }}</h1><p>One statement, one template.</p></main></body>
</html>
"""
TITLE = text("SELECT title FROM courses WHERE slug = :slug")


def create_floor(database_url: str) -> Flask:
    app = Flask("floor")
    engine: Engine = make_engine(database_url, isolation_level="READ COMMITTED")

    @app.get("/")
    def page() -> str:
        with engine.connect() as connection:
            title = connection.execute(TITLE, {"slug": "course-0"}).scalar_one()
        return render_template_string(PAGE, title=title)

    return app


app = create_floor(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
