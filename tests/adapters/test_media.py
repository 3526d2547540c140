"""What strangers sent is looked into from outside: what it is, its small copies, and nothing that could hurt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from portal.adapters import media, media_program
from portal.adapters.media import Copy, Drawn, Facts, Made, WhyNot
from portal.domain.files.kinds import recognise
from tests import media_files

Look = Callable[..., Made | WhyNot]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Return what is found in some bytes, as their kind is decided by content; copies lie beside as `<purpose>`."""

    def look(source: Path | bytes, kind: str = "", **limits: int) -> Made | WhyNot:
        path = tmp_path / "work"
        path.write_bytes(source if isinstance(source, bytes) else source.read_bytes())
        kind = kind or recognise(path.read_bytes()[:65_536], "work").media_type
        return media.make_copies(kind, path, {copy: tmp_path / copy for copy in media.targets_of(kind)}, **limits)

    return look


FILMS = {
    "H.264": ({}, "h264", "aac"),
    "HEVC": ({"codec": "libx265", "container": "mov"}, "hevc", "aac"),
    "ProRes": ({"codec": "prores_ks", "container": "mov", "pixels": "yuv422p10le", "sound": "pcm_s16le"}, "prores", ""),
    "VP9": ({"codec": "libvpx-vp9", "container": "webm", "sound": "libopus"}, "vp9", "opus"),
    "MTS": ({"codec": "mpeg2video", "container": "mpegts", "sound": "ac3",
             "options": {"g": "12"}}, "mpeg2video", "ac3"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILMS)
def test_every_video_gets_a_small_one_that_plays_everywhere_and_its_sound(name, look, tmp_path):
    values, codec, sound = FILMS[name]
    made = look(media_files.film(tmp_path / "film", size=(960, 540), **values))
    assert isinstance(made, Made), made
    facts = made.facts
    assert (facts.width, facts.height, facts.codec) == (960, 540, codec)
    assert Fraction(facts.frames, facts.per_seconds) == 25
    assert 950 <= facts.milliseconds <= 1100
    assert facts.sound_codec == (sound or "pcm_s16le")
    assert made.copies == (Copy.SMALL, Copy.SOUND)
    with av.open(str(tmp_path / "small")) as small:
        picture, tone = small.streams.video[0], small.streams.audio[0]
        assert (picture.codec_context.name, picture.width, picture.height) == ("h264", 640, 360)
        assert picture.codec_context.pix_fmt == "yuv420p"
        assert tone.codec_context.name == "aac"
    head = (tmp_path / "small").read_bytes()
    assert head.index(b"moov") < head.index(b"mdat"), "a browser would have to read all of it before it plays"


@pytest.mark.parametrize("begins", (0.0, 1.4))
@pytest.mark.parametrize("container", ("mp4", "matroska", "mpegts"))
def test_a_frame_of_the_small_copy_is_at_the_time_of_the_same_frame(container, begins, look, tmp_path):
    original = media_files.film(tmp_path / "film", container=container, begins=begins, rate=Fraction(30_000, 1001))
    assert isinstance(look(original), Made)
    before, after = media_files.shades(original), media_files.shades(tmp_path / "small")
    assert len(before) == len(after) == 30
    first = before[0][0] if container == "mpegts" else 0  # the others count from the beginning themselves
    for (was, shade), (now_at, now_shade) in zip(before, after, strict=True):
        assert abs((was - first) - now_at) < Fraction(1, 100), "within half a frame"
        assert abs(shade - now_shade) < media_files.GREY_STEP / 2, "the same frame"


def test_a_phone_that_was_held_upright_gives_an_upright_copy(look, tmp_path):
    made = look(media_files.film(tmp_path / "film", size=(1280, 720), turned=90))
    assert (made.facts.width, made.facts.height) == (720, 1280)
    with av.open(str(tmp_path / "small")) as small:
        assert (small.streams.video[0].width, small.streams.video[0].height) == (360, 640)


def test_a_small_video_is_not_made_larger_and_one_without_sound_has_no_copy_of_it(look, tmp_path):
    made = look(media_files.film(tmp_path / "film", size=(160, 90), sound=None))
    assert made.copies == (Copy.SMALL,)
    assert made.facts.sound_codec is None
    with av.open(str(tmp_path / "small")) as small:
        assert (small.streams.video[0].width, small.streams.video[0].height) == (160, 90)


@pytest.mark.parametrize("codec, container", (("pcm_s24le", "wav"), ("flac", "flac"), ("libmp3lame", "mp3")))
def test_a_sound_is_heard_in_a_small_copy(codec, container, look, tmp_path):
    made = look(media_files.sound(tmp_path / "sound", codec, container=container))
    assert made.copies == (Copy.SOUND,)
    assert made.facts.width is None
    assert 950 <= made.facts.milliseconds <= 1100
    with av.open(str(tmp_path / "sound")) as sound:
        assert sound.streams.audio[0].codec_context.name == "aac"


def test_a_picture_of_twelve_megapixels_becomes_a_preview_without_what_the_camera_wrote(look, tmp_path):
    made = look(media_files.picture((4000, 3000), quality=95, exif=media_files.with_orientation(6)))
    assert made == Made(Facts(width=3000, height=4000, codec="jpeg"), (Copy.PREVIEW,))
    with Image.open(tmp_path / "preview") as preview:
        assert (preview.format, preview.size) == ("WEBP", (1536, 2048))
        assert not preview.getexif()
        assert preview.getpixel((700, 2000))[0] > preview.getpixel((700, 50))[0] + 50, "it is not upright"
    assert b"taken at home" not in (tmp_path / "preview").read_bytes()


PICTURES = {
    "TIFF in CMYK": ("TIFF", "CMYK"),
    "TIFF in 16 bits": ("TIFF", "I;16"),
    "PNG, transparent": ("PNG", "RGBA"),
    "GIF": ("GIF", "P"),
    "WebP": ("WEBP", "RGB"),
    "AVIF": ("AVIF", "RGB"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_every_kind_have_a_preview(name, look, tmp_path):
    kind, mode = PICTURES[name]
    made = look(media_files.picture((200, 100), kind, mode))
    assert made.facts == Facts(width=200, height=100, codec=kind.lower())
    with Image.open(tmp_path / "preview") as preview:
        assert (preview.format, preview.size) == ("WEBP", (200, 100))


LIARS = {
    "a photograph called a video": (media_files.picture, "video/mp4"),
    "text called a video": (lambda: b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "video/mp4"),
    "a playlist that names another file": (lambda: b"ffconcat version 1.0\nfile /etc/passwd\n", "video/x-matroska"),
    "a head without a body": (lambda: b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(500), "video/mp4"),
    "noise called a photograph": (lambda: b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20, "image/jpeg"),
    "a PostScript program called a TIFF": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run", "image/tiff"),
}


@pytest.mark.parametrize("name", LIARS)
def test_a_file_that_lies_about_its_type_is_not_shown(name, look, tmp_path):
    made, kind = LIARS[name]
    assert look(made(), kind) is WhyNot.DAMAGED


def test_what_is_not_a_picture_sound_or_video_gets_no_copy(look):
    assert look(media_files.pdf()) is WhyNot.UNKNOWN
    assert look(b"\x00\x00\x00\x18ftypheic\x00", "image/heic") is WhyNot.UNKNOWN


def test_a_video_that_was_cut_off_is_shown_as_far_as_it_goes(look, tmp_path):
    whole = media_files.film(tmp_path / "film", container="matroska", seconds=2).read_bytes()
    made = look(whole[: len(whole) // 2])
    assert isinstance(made, Made)
    assert 300 < made.facts.milliseconds < 2000


def test_a_picture_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked(look):
    bomb = bytearray(media_files.picture((100, 100), "PNG"))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    assert look(bytes(bomb)) is WhyNot.TOO_LARGE


def test_looking_has_an_end_in_memory_time_and_size(look, tmp_path):
    film = media_files.film(tmp_path / "film", size=(960, 540), seconds=2)
    assert look(film, memory_bytes=64 * media.MB) in {WhyNot.TOO_LARGE, WhyNot.FAILED}
    assert look(film, output_bytes=2_000) in {WhyNot.TOO_LARGE, WhyNot.DAMAGED, WhyNot.FAILED}
    assert look(film, wall_seconds=0) is WhyNot.TOO_LONG


def test_a_program_that_works_on_and_on_is_ended_by_the_processor_time_it_may_have(look, monkeypatch, tmp_path):
    limited = f"sys.path.insert(0, {str(Path(media_program.__file__).parent)!r})\nimport media_program\n"
    replaced(
        monkeypatch, tmp_path, limited + "media_program._limit(10**9, order['cpu_seconds'], 1000)\nwhile True: pass"
    )
    assert look(media_files.picture(), cpu_seconds=1) is WhyNot.TOO_LONG


def replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """Let another program stand where the one that looks is."""
    path = tmp_path / "program.py"
    path.write_text(f"import json, os, sys, time\norder = json.loads(sys.argv[1])\n{program}\n")
    monkeypatch.setattr(media_program, "__file__", str(path))


ANSWERS = (
    "[]", "null", "{}", '{"refused": "<script>"}', '{"refused": ["damaged"]}', '{"facts": {}, "made": []}',
    '{"facts": {}, "made": ["../small"]}', '{"facts": {}, "made": ["small", "small"]}', "{" * 100_000,
    '{"facts": {"width": -1, "height": 1}, "made": ["preview"]}', '{"facts": {"why": "x"}, "made": ["preview"]}',
    '{"facts": {"codec": "' + "x" * 50 + '"}, "made": ["preview"]}', '{"facts": {"width": true}, "made": ["preview"]}',
    '{"facts": {"milliseconds": 1e9}, "made": ["preview"]}', '{"facts": {}, "made": ["preview"]}',
    '{"facts": {"codec": "a\\u0000b"}, "made": ["preview"]}',
)  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_is_not_as_it_must_be_is_not_believed(answer, look, monkeypatch, tmp_path):
    replaced(monkeypatch, tmp_path, f"sys.stdout.write({answer!r})")
    assert look(media_files.picture()) in {WhyNot.DAMAGED, WhyNot.FAILED}


def test_an_answer_without_an_end_is_cut(look, monkeypatch, tmp_path):
    replaced(monkeypatch, tmp_path, "while True: sys.stdout.write('x' * 65536)")
    assert look(media_files.picture()) in {WhyNot.FAILED, WhyNot.TOO_LONG}


def test_the_program_knows_nothing_of_ours(look, monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", "a secret of the portal")
    told = tmp_path / "told.json"
    replaced(monkeypatch, tmp_path, f"json.dump([dict(os.environ), os.getcwd(), sys.path], open({str(told)!r}, 'w'))")
    look(media_files.picture())
    environ, folder, paths = json.loads(told.read_text())
    assert set(environ) <= {"LANG", "LC_CTYPE", "PWD"}
    assert folder == "/"
    assert str(Path.cwd()) not in paths, "it could import what stands where the portal was started"


def test_the_program_comes_after_people_and_ends_with_whoever_started_it():
    code = (
        f"import json, os, sys, resource, threading; sys.path.insert(0, {str(Path(media_program.__file__).parent)!r})\n"
        "import media_program as program\n"
        "program._limit(900_000_000, 50, 1000)\n"
        "told = [os.nice(0), *(resource.getrlimit(what)[0] for what in (resource.RLIMIT_AS, resource.RLIMIT_CPU,\n"
        "        resource.RLIMIT_FSIZE, resource.RLIMIT_CORE))]\n"
        "print(json.dumps(told), flush=True)\n"
        "program._end_with_parent()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert json.loads(started.stdout.readline()) == [min(os.nice(0) + 15, 19), 900_000_000, 50, 1000, 0]
        started.stdin.close()
        assert started.wait(10) == 3


def test_without_the_extra_only_pictures_are_opened(monkeypatch):
    monkeypatch.setattr(media.importlib.util, "find_spec", lambda name: None)
    assert media.has_what_opens("image/jpeg")
    assert not media.has_what_opens("video/mp4")
    assert not media.has_what_opens("application/pdf")


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., Drawn | WhyNot]:
    """Return what is found in a document; its pages lie beside as `page-1` and so on."""

    def draw(content: bytes, most: int = 3, **limits: int) -> Drawn | WhyNot:
        path = tmp_path / "script"
        path.write_bytes(content)
        return media.draw_pages("application/pdf", path, [tmp_path / f"page-{n + 1}" for n in range(most)], **limits)

    return draw


def test_pages_of_a_document_are_drawn_in_their_order_and_shape(draw, tmp_path):
    assert draw(media_files.pdf(2, (595, 842))) == Drawn(2, ((1131, 1600), (1131, 1600)))
    for number in (1, 2):
        with Image.open(tmp_path / f"page-{number}") as page:
            assert (page.format, page.size) == ("WEBP", (1131, 1600))
    assert not (tmp_path / "page-3").exists()


def test_of_a_long_document_only_the_first_pages_are_drawn_and_a_stamp_is_no_poster(draw):
    assert draw(media_files.pdf(7, (20, 10))) == Drawn(7, ((80, 40),) * 3)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (media_files.pdf(locked=True), WhyNot.LOCKED),
        (b"%PDF-1.4\nnothing of a document", WhyNot.DAMAGED),
        (media_files.pdf(0), WhyNot.DAMAGED),
        (media_files.pdf().replace(b"/Count 1", b"/Count 900000"), WhyNot.DAMAGED),
    ],
    ids=["locked", "broken", "no pages", "lies about its pages"],
)
def test_a_document_that_cannot_be_drawn_says_why(draw, content, why):
    assert draw(content) is why


def test_drawing_has_limits_of_time_and_memory(draw):
    assert draw(media_files.pdf(3, (2000, 2000)), cpu_seconds=1, memory_bytes=60 * 1024 * 1024) in {
        WhyNot.TOO_LARGE, WhyNot.FAILED, WhyNot.DAMAGED
    }  # fmt: skip
