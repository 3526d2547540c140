"""Addresses as squares, for a phone that is pointed at paper."""

from __future__ import annotations

import segno
from markupsafe import Markup


def qr_code(address: str) -> Markup:
    """Return an address as a QR code in SVG; it is the only thing drawn."""
    drawn = segno.make(address, error="m").svg_inline(omitsize=True, border=2)
    return Markup(drawn)  # noqa: S704 - drawn by segno from our own address
