"""Files as students hand them in: each is shown, described or refused rightly on the page of its trainer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import SubmissionFile
from portal.domain.files.kinds import recognise
from portal.jobs import media
from tests import media_files
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, stored
from tests.factories import make_assignment
from tests.pages import parse, words

SMALL = {"size": (640, 480), "seconds": 0.6}


def film(folder: Path, **values: Any) -> bytes:
    return media_files.film(folder / "film", **(SMALL | values)).read_bytes()


def portrait(folder: Path) -> bytes:
    return film(folder, size=(1280, 720), turned=90)


# What it is called, how it is made, with which element it is shown, and what is said of it.
KINDS: list[tuple[str, Callable[[Path], bytes], str, str]] = [
    ("scene.mp4", film, "video", "640 × 480 · 0:01 · H.264 · 25 frames a second A small copy is shown"),
    ("camera.mov", lambda folder: film(folder, codec="libx265", container="mov"), "video", "HEVC · 25 frames"),
    (
        "studio.mov",
        lambda folder: film(
            folder, codec="prores_ks", container="mov", pixels="yuv422p10le", sound="pcm_s16le", size=(320, 240)
        ),
        "video",
        "ProRes · 25 frames",
    ),
    (
        "web.webm",
        lambda folder: film(folder, codec="libvpx-vp9", container="webm", sound="libopus"),
        "video",
        "VP9 · 25 frames",
    ),
    ("phone.mp4", portrait, "video", "720 × 1280 · 0:01 · H.264"),
    ("voice.wav", lambda folder: media_files.sound(folder / "sound").read_bytes(), "audio", "0:01 · PCM S16LE"),
    (
        "photo.jpg",
        lambda folder: media_files.picture((4000, 3000), quality=90, exif=media_files.with_orientation(6)),
        "img",
        "3000 × 4000 · JPEG A small copy is shown",
    ),
    ("print.tif", lambda folder: media_files.picture((800, 600), "TIFF", "CMYK"), "img", "800 × 600 · TIFF"),
    ("script.pdf", lambda folder: media_files.pdf(), "img", "1 page, "),
    (
        "locked.pdf",
        lambda folder: media_files.pdf(locked=True),
        "",
        "It cannot be shown here. It is locked with a password. Download it:",
    ),
    (
        "lie.mp4",
        lambda folder: b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"not a film" * 200,
        "",
        "It cannot be shown here. It is damaged, or not what it says it is: nothing in it could be read. Download it:",
    ),
]


@pytest.mark.parametrize(("name", "make", "shown", "said"), KINDS, ids=[name for name, *_ in KINDS])
def test_each_kind_is_shown_described_or_refused_rightly(
    name: str, make: Any, shown: str, said: str, app: Any, world: Session, cast: Cast, sign_in: Any, tmp_path: Path
) -> None:
    storage, content = app.extensions["storage"], make(tmp_path)
    sent = stored(name, recognise(content[:65_536], name).media_type, content=content)
    storage.put([content], sent.key)
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    submission = hand_in(world, cast, assignment, files=(sent,))
    file_id = world.scalars(select(SubmissionFile.file_id)).one()
    media.make(storage, str(file_id))

    kofi = sign_in(cast.kofi)
    figure = parse(kofi.get(f"/trainer/submissions/{submission.id}")).css_first(".review")
    assert said in " ".join(words(figure.css_first(".review-words")).split())
    elements = {node.tag for node in figure.css("video, audio, img, iframe")}
    assert elements == ({shown} if shown else set())
    if shown in {"video", "audio", "img"}:
        source = figure.css_first(shown).attributes["src"]
        assert "/copies/" in source
        answer = kofi.get(source, headers={"Range": "bytes=0-99"})
        assert answer.status_code == 206
        assert recognise(answer.data, "copy").media_type == answer.mimetype
    download = kofi.get(figure.css_first("a.file-name").attributes["href"])
    assert download.data == content
    assert download.headers["Content-Disposition"].startswith("attachment")
