"""Pictures, sounds and videos as cameras, phones and studios make them, made here each time and never kept."""

from __future__ import annotations

import io
import math
import struct
from array import array
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

RATE = Fraction(25)
SECONDS = 1
GREY_STEP = 8  # between a frame and the next: which frame it is can be seen on it


def film(
    path: Path,
    codec: str = "libx264",
    *,
    container: str = "mp4",
    size: tuple[int, int] = (320, 180),
    seconds: float = SECONDS,
    rate: Fraction = RATE,
    pixels: str = "yuv420p",
    sound: str | None = "aac",
    turned: int = 0,
    begins: float = 0.0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video whose frames become lighter one by one, with a tone."""
    with av.open(str(path), "w", format=container) as output:
        picture = output.add_stream(codec, rate=rate, options=_quick(codec) | (options or {}))
        picture.width, picture.height, picture.pix_fmt = *size, pixels
        if turned:
            picture.set_display_rotation(turned)
        tone = output.add_stream(sound, rate=48_000, layout="mono") if sound else None
        output.start_encoding()
        for number in range(round(seconds * rate)):
            frame = grey(size, number).reformat(format=pixels)
            frame.pts, frame.time_base = number + round(begins * rate), 1 / rate
            output.mux(picture.encode(frame))
        output.mux(picture.encode(None))
        if tone is not None:
            _tone(output, tone, seconds, begins)
    return path


def sound(path: Path, codec: str = "pcm_s16le", *, container: str = "wav", seconds: float = SECONDS) -> Path:
    """Write a tone."""
    with av.open(str(path), "w", format=container) as output:
        _tone(output, output.add_stream(codec, rate=48_000, layout="mono"), seconds, 0.0)
    return path


def picture(size: tuple[int, int] = (400, 300), kind: str = "JPEG", mode: str = "RGB", **saving: Any) -> bytes:
    """Return a picture that is dark on its left and light on its right."""
    shades = Image.linear_gradient("L").rotate(90).resize(size)
    made = io.BytesIO()
    shades.convert(mode).save(made, kind, **saving)
    return made.getvalue()


def with_orientation(value: int) -> Image.Exif:
    """Return what a camera writes when it is held that way, and where it was."""
    exif = Image.Exif()
    exif[0x0112] = value
    exif[0x010E] = "taken at home"
    return exif


def pdf(pages: int = 1, size: tuple[int, int] = (200, 200), *, locked: bool = False) -> bytes:
    """Return a document of empty pages, which a password may be needed to open."""
    kids = b" ".join(b"%d 0 R" % number for number in range(3, 3 + pages))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]>>endobj\n" % size
    lock = b"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -4>>" % (b"ab" * 32, b"cd" * 32)
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        + b"2 0 obj<</Type/Pages/Kids[%s]/Count %d>>endobj\n" % (kids, pages)
        + b"".join(b"%d 0 obj" % number + page for number in range(3, 3 + pages))
        + b"trailer<</Root 1 0 R%s>>\n%%%%EOF\n" % (lock if locked else b"")
    )


def grey(size: tuple[int, int], number: int) -> Any:
    frame = av.VideoFrame(*size, "yuv420p")
    for plane, shade in zip(frame.planes, (16 + number * GREY_STEP % 220, 128, 128), strict=True):
        plane.update(bytes([shade]) * plane.buffer_size)
    return frame


def shades(path: Path) -> list[tuple[Fraction, int]]:
    """Return when each frame of a video is shown, and how light it is."""
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        return [
            (Fraction(frame.pts) * frame.time_base, bytes(frame.reformat(format="gray").planes[0])[100])
            for frame in opened.decode(stream)
        ]


def _quick(codec: str) -> dict[str, str]:
    return {
        "libx264": {"preset": "ultrafast"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    }.get(codec, {})


def _tone(output: Any, stream: Any, seconds: float, begins: float) -> None:
    samples = array("h", (round(8000 * math.sin(at * 0.06)) for at in range(1024)))
    for at in range(0, round(seconds * 48_000), 1024):
        frame = av.AudioFrame(format="s16", layout="mono", samples=1024)
        frame.planes[0].update(struct.pack("1024h", *samples))
        frame.sample_rate, frame.pts, frame.time_base = 48_000, at + round(begins * 48_000), Fraction(1, 48_000)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
