"""Files for the demo, made here: a page of notes as PDF, and pictures of light falling on a plain wall."""

from __future__ import annotations

import hashlib
import io

from PIL import Image

from portal.adapters.storage import Storage, new_key
from portal.domain.files.operations import StoredBytes

WIDTH, HEIGHT = 480, 320


def stored_pdf(storage: Storage, name: str, lines: list[str]) -> StoredBytes:
    """Keep a page with these lines in the store."""
    return _stored(storage, name, "application/pdf", pdf_page(lines))


def stored_picture(storage: Storage, name: str, warm: int) -> StoredBytes:
    """Keep a picture in the store; `warm` (0 to 100) moves its light from blue to amber."""
    return _stored(storage, name, "image/jpeg", picture(warm))


def pdf_page(lines: list[str]) -> bytes:
    """Return a PDF of one page in Helvetica; its lines are plain ASCII without brackets."""
    text = "BT /F1 13 Tf 18 TL 72 760 Td " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    document, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(document))
        document += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    document += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    start = document.index("xref\n0")
    document += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return document.encode("ascii")


def picture(warm: int) -> bytes:
    """Return a JPEG of light that falls on a wall from one side."""
    falling = Image.linear_gradient("L").rotate(90).resize((WIDTH, HEIGHT))
    round_light = Image.radial_gradient("L").resize((WIDTH, HEIGHT))
    red = Image.eval(falling, lambda value: min(255, value * (60 + warm) // 120))
    green = Image.eval(round_light, lambda value: (255 - value) * 3 // 4)
    blue = Image.eval(falling, lambda value: (255 - value) * (140 - warm) // 200)
    written = io.BytesIO()
    Image.merge("RGB", (red, green, blue)).save(written, "JPEG", quality=80)
    return written.getvalue()


def _stored(storage: Storage, name: str, kind: str, content: bytes) -> StoredBytes:
    key = new_key()
    storage.put([content], key)
    return StoredBytes(key=key, size=len(content), sha256=hashlib.sha256(content).hexdigest(), kind=kind, name=name)
