"""A pattern of arcs and discs for each course that has no picture: always the same for the same course."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

COLUMNS, ROWS, TILE = 6, 2, 40
FAMILIES = {"media": "film", "tech": "tech", "vocational": "craft"}
SHAPES = ("arc", "arc", "ring", "disc", "half", "bars", "blank", "blank")


@dataclass(frozen=True)
class Tile:
    """One square of the pattern: what stands in it, which way it is turned, and its class of colour."""

    shape: str
    x: int
    y: int
    turn: int
    colour: str


def motif_family(category: str) -> str:
    """Return the family of colours of a category."""
    return FAMILIES.get(category.strip().lower(), "other")


def motif_tiles(seed: str) -> list[Tile]:
    """Return the tiles that are not blank, chosen by the bytes of a hash of the seed."""
    chosen = hashlib.sha256(seed.encode()).digest()
    tiles = [
        Tile(
            shape=SHAPES[byte % len(SHAPES)],
            x=(index % COLUMNS) * TILE,
            y=(index // COLUMNS) * TILE,
            turn=(byte >> 3) % 4 * 90,
            colour="spark" if (byte >> 5) % 4 == 0 else "figure-shape",
        )
        for index, byte in enumerate(chosen[: COLUMNS * ROWS])
    ]
    return [tile for tile in tiles if tile.shape != "blank"]
