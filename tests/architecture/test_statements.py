"""The statements that pages ask again and again are written once, and each of their parts is tied to its row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import signature
from pkgutil import walk_packages

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import psycopg

import portal.domain
from portal.db import LONGEST_STATEMENT

UNTIED = re.compile(r"FROM \w+(?: AS \w+)?, .*")
"""Two tables side by side: where a part of a statement asks for a row of the whole anew, it finds that of anybody."""
PUT_TOGETHER = re.compile(r"\S+ IN \(__\[POSTCOMPILE.*?\)")
"""A list that SQLAlchemy writes into the text for every request; `db.among` writes it once."""


def made_once() -> Iterator[tuple[str, Callable[[], object]]]:
    for module in walk_packages(portal.domain.__path__, "portal.domain."):
        for name, made in vars(import_module(module.name)).items():
            if hasattr(made, "cache_info") and made.__module__ == module.name and not signature(made).parameters:
                yield f"{module.name}.{name}", made


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in made_once()])
def test_a_statement_made_once_ties_its_parts_and_is_written_once(make: Callable[[], object]) -> None:
    statement = make()
    if not isinstance(statement, Select):
        return
    written = str(statement.compile(dialect=psycopg.dialect()))
    assert not UNTIED.findall(written), "join the tables, or correlate them"
    assert len(written) < LONGEST_STATEMENT, "it would be read anew for every page"
    assert not PUT_TOGETHER.findall(written), "use among()"
