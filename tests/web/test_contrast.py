"""Every pair of colours in use can be read and told apart, in the light and in the dark theme."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[2] / "static" / "css"
TOKENS = (CSS / "tokens.css").read_text()

TEXT = 4.5
SHAPE = 3.0

PAIRS = [
    *[(ink, ground, TEXT) for ink in ("ink", "heading", "soft", "faint", "link") for ground in ("paper", "sheet")],
    *[(ink, "raised", TEXT) for ink in ("ink", "soft")],
    *[(ink, "blue-wash", TEXT) for ink in ("ink", "heading", "soft", "link")],
    *[(ink, "paper", TEXT) for ink in ("red-text", "amber-text", "green-text", "link-strong")],
    *[(ink, "sheet", TEXT) for ink in ("red-text", "amber-text", "green-text", "link-strong")],
    *[
        (ink, f"{tone}-wash", TEXT)
        for tone in ("amber", "red", "green")
        for ink in ("ink", "heading", "soft", f"{tone}-text")
    ],
    ("on-main", "main", TEXT),
    ("on-main", "main-strong", TEXT),
    ("on-red", "red-text", TEXT),
    ("stage-ink", "stage", TEXT),
    ("stage-ink", "stage-deep", TEXT),
    ("stage-soft", "stage", TEXT),
    ("stage-soft", "stage-deep", TEXT),
    ("stage-ink", "stage-line", TEXT),
    ("stage-on-main", "stage-main", TEXT),
    ("stage-on-main", "stage-soft", TEXT),
    ("stage-ink", "black", TEXT),
    ("stage-soft", "black", TEXT),
    ("stage-blue", "black", TEXT),
    ("print-ink", "print-paper", TEXT),
    *[(shape, ground, SHAPE) for shape in ("line", "blue", "focus", "red") for ground in ("paper", "sheet")],
    *[(shape, "sheet", SHAPE) for shape in ("amber", "green")],
    ("main", "paper", SHAPE),
    ("line", "raised", SHAPE),
    ("main", "raised", SHAPE),
    ("stage-blue", "stage", SHAPE),
    *[(f"{family}-figure", f"{family}-ground", SHAPE) for family in ("film", "tech", "craft", "other")],
]


def declared_in(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", block))


def block_after(selector: str) -> str:
    start = TOKENS.index(selector) + len(selector)
    return TOKENS[start : TOKENS.index("}", start)]


LIGHT = declared_in(block_after(":root {"))
DARK_BY_SYSTEM = declared_in(block_after(':root:not([data-theme="light"]) {'))
DARK_BY_SWITCH = declared_in(block_after('\n  :root[data-theme="dark"] {'))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_knows_black_from_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#0994c4", "#ffffff") == pytest.approx(3.5, abs=0.06)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_people_can_read_it(theme, ink, ground, least):
    colours = LIGHT if theme == "light" else LIGHT | DARK_BY_SWITCH
    reached = contrast(colours[ink], colours[ground])
    assert reached >= least, f"{ink} on {ground} in the {theme} theme: {reached:.2f}, needs {least}"


def test_the_switch_and_the_system_give_the_same_dark_theme():
    assert DARK_BY_SYSTEM == DARK_BY_SWITCH
    assert DARK_BY_SYSTEM


def test_colours_are_named_in_one_file_only():
    for sheet in sorted(CSS.glob("*.css")):
        if sheet.name != "tokens.css":
            found = re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{}]*;)|\b(?:rgb|hsl|oklch)\(", sheet.read_text())
            assert not found, f"{sheet.name} names colours of its own: {found}"


def test_every_token_that_is_used_exists():
    declared = set(re.findall(r"(--[\w-]+):", "".join(sheet.read_text() for sheet in CSS.glob("*.css"))))
    for sheet in sorted(CSS.glob("*.css")):
        missing = set(re.findall(r"var\((--[\w-]+)", sheet.read_text())) - declared
        assert not missing, f"{sheet.name} uses what nobody declares: {sorted(missing)}"


def test_every_token_that_exists_is_used():
    everything = "".join(sheet.read_text() for sheet in CSS.glob("*.css"))
    idle = {name for name in re.findall(r"(--[\w-]+):", TOKENS) if f"var({name})" not in everything}
    assert not idle
