"""What a file is: by its bytes. What could run or be shown as a page is refused."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.errors import Invalid
from portal.domain.files.kinds import GB, LIMITS, MB, Group, group_by_name, group_of, may_open_in_browser, recognise

ODT = "application/vnd.oasis.opendocument.text"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def zipped(*names: str, mimetype: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, "x" * 50)
    return buffer.getvalue()


RECOGNISED = [
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a.jpg", "image/jpeg", Group.IMAGE),
    (b"\x89PNG\r\n\x1a\n\x00", "a.png", "image/png", Group.IMAGE),
    (b"GIF89a\x01", "a.gif", "image/gif", Group.IMAGE),
    (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "a.webp", "image/webp", Group.IMAGE),
    (b"\x00\x00\x00\x18ftypheic\x00", "a.heic", "image/heic", Group.IMAGE),
    ((b"G" + bytes(187)) * 3, "b.mts", "video/mp2t", Group.VIDEO),
    ((bytes(4) + b"G" + bytes(187)) * 3, "a.mts", "video/mp2t", Group.VIDEO),
    (b"II*\x00\x08\x00\x00\x00", "a.tif", "image/tiff", Group.RAW),
    (b"II*\x00\x10\x00\x00\x00CR\x02", "a.CR2", "image/x-canon-cr2", Group.RAW),
    (b"MM\x00*\x00", "a.nef", "image/x-nikon-nef", Group.RAW),
    (b"II*\x00\x08", "a.arw", "image/x-sony-arw", Group.RAW),
    (b"II*\x00\x08", "a.dng", "image/x-adobe-dng", Group.RAW),
    (b"8BPS\x00\x01", "poster.psd", "image/vnd.adobe.photoshop", Group.RAW),
    (b"%PDF-1.6 ", "logo.ai", "application/illustrator", Group.RAW),
    (b"%!PS-Adobe-3.0", "logo.ai", "application/illustrator", Group.RAW),
    (b"%PDF-1.7\n", "essay.pdf", "application/pdf", Group.DOCUMENT),
    (b"{\\rtf1", "a.rtf", "application/rtf", Group.DOCUMENT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc", "application/msword", Group.DOCUMENT),
    (zipped("[Content_Types].xml", "word/document.xml"), "a.docx", DOCX, Group.DOCUMENT),
    (zipped("word/numbering.xml"), "a.docx", DOCX, Group.DOCUMENT),
    (zipped("x", mimetype=ODT), "a.odt", ODT, Group.DOCUMENT),
    ("Shutter, aperture, ISO. Ɛyɛ!".encode(), "notes.txt", "text/plain", Group.DOCUMENT),
    (b"name,mark\nAma,17\n", "marks.csv", "text/csv", Group.DOCUMENT),
    ("Привет".encode("utf-16"), "a.txt", "text/plain", Group.DOCUMENT),
    (b"ID3\x04\x00", "a.mp3", "audio/mpeg", Group.AUDIO),
    (b"\xff\xfb\x90\x00" + b"\x00" * 20, "a.mp3", "audio/mpeg", Group.AUDIO),
    (b"RIFF\x10\x00\x00\x00WAVEfmt ", "a.wav", "audio/wav", Group.AUDIO),
    (b"fLaC\x00", "a.flac", "audio/flac", Group.AUDIO),
    (b"\x00\x00\x00\x1cftypM4A ", "a.m4a", "audio/mp4", Group.AUDIO),
    (b"\x00\x00\x00\x18ftypmp42", "a.mp4", "video/mp4", Group.VIDEO),
    (b"\x00\x00\x00\x14ftypqt  ", "a.mov", "video/quicktime", Group.VIDEO),
    (b"\x1aE\xdf\xa3\x93B\x82\x88matroska", "a.mkv", "video/x-matroska", Group.VIDEO),
    (b"\x1aE\xdf\xa3\x93B\x82\x84webm", "a.webm", "video/webm", Group.VIDEO),
    (b"RIFF\x10\x00\x00\x00AVI LIST", "a.avi", "video/x-msvideo", Group.VIDEO),
    (b"\x06\x0e+4\x02\x05\x01\x01\r", "a.mxf", "application/mxf", Group.VIDEO),
    (zipped("site/index.html"), "site.zip", "application/zip", Group.ARCHIVE),
    (b"Rar!\x1a\x07\x01\x00", "a.rar", "application/vnd.rar", Group.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c\x00", "a.7z", "application/x-7z-compressed", Group.ARCHIVE),
]  # fmt: skip


@pytest.mark.parametrize("head, name, media_type, group", RECOGNISED, ids=[row[1] + "-" + row[2] for row in RECOGNISED])
def test_a_file_is_what_its_bytes_say(head, name, media_type, group):
    kind = recognise(head, name)
    assert (kind.media_type, kind.group) == (media_type, group)
    assert group_of(kind.media_type) == group


@pytest.mark.parametrize("name, group", [(row[1], row[3]) for row in RECOGNISED])
def test_an_honest_name_promises_what_the_bytes_turn_out_to_be(name, group):
    assert group_by_name(name) is group


@pytest.mark.parametrize("name", ["noname", "a.xyz", "jpg", ".jpg", "a.jpg.part", ""])
def test_other_names_promise_nothing(name):
    assert group_by_name(name) is None


@pytest.mark.parametrize("name", ["clip.mp4", "essay.pdf", "a.docx", "photo.jpg", "noname"])
def test_a_name_does_not_make_a_picture_of_a_zip(name):
    assert recognise(zipped("a.txt"), name).group == Group.ARCHIVE


@pytest.mark.parametrize(
    "head, name",
    [
        (b"<!DOCTYPE html><p>hi", "page.txt"),
        (b"  \n<!-- x --><HTML><script>", "photo.jpg"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg xmlns='x'>", "logo.png"),
        (b"<svg onload=alert(1)>", "logo.svg"),
        (b"hello <script>alert(1)</script>", "notes.txt"),
        (b"<?php system('ls');", "a.txt"),
        (b"#!/bin/sh\nrm -rf", "notes.txt"),
        (b"MZ\x90\x00", "photo.jpg"),
        (b"\x7fELF\x02", "a.pdf"),
        (b"\xca\xfe\xba\xbe\x00", "a.zip"),
        (b"alert(1)", "game.js"),
        (zipped("META-INF/MANIFEST.MF"), "game.jar"),
        (b"plain words", "setup.bat"),
        (b"plain words", "page.HTML"),
    ],
)
def test_pages_scripts_and_programs_are_refused_with_a_way_out(head, name):
    with pytest.raises(Invalid, match="ZIP archive"):
        recognise(head, name)


def test_what_nobody_knows_is_refused():
    with pytest.raises(Invalid, match="does not know what kind"):
        recognise(b"\x00\x01\x02\x03\x04\xfe\x00\x00", "mystery.bin")


@given(st.binary(max_size=600), st.text(max_size=30))
def test_whatever_bytes_come_the_answer_is_a_refusal_or_a_kind_that_cannot_run(head, name):
    with suppress(Invalid):
        kind = recognise(head, name)
        assert LIMITS[kind.group] > 0
        assert not kind.media_type.startswith(("text/html", "image/svg"))


def test_the_limits_are_those_of_the_product():
    assert {group: limit // MB for group, limit in LIMITS.items()} == {
        Group.IMAGE: 50, Group.RAW: 500, Group.DOCUMENT: 100, Group.AUDIO: 200, Group.VIDEO: 2048, Group.ARCHIVE: 2048,
    }  # fmt: skip
    assert LIMITS[Group.VIDEO] == 2 * GB


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "text/plain", "application/zip", "video/mp4;x", "image/tiff"]
)
def test_only_what_cannot_run_opens_in_the_browser(kind):
    assert not may_open_in_browser(kind)
