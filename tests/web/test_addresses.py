"""Addresses as templates write them."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, "/courses"),
        ({"q": "ink & paper"}, "/courses?q=ink+%26+paper"),
        ({"level": ["basic", "further"]}, "/courses?level=basic&level=further"),
        ({"q": "ink", "_anchor": "found here"}, "/courses?q=ink#found%20here"),
        ({"level": ["basic", "further"], "_anchor": "found"}, "/courses?level=basic&level=further#found"),
        ({"_anchor": None}, "/courses"),
    ],
)
def test_what_the_rule_does_not_name_is_a_parameter_or_a_place_on_the_page(
    app: Flask, values: dict[str, Any], address: str
) -> None:
    assert app.jinja_env.globals["url_for"]("public.catalogue", **values) == address
