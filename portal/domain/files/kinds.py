"""What a file is, decided by its first bytes and never by its name alone, and how large each kind may be.

A name only tells apart what the bytes cannot: a DNG from a plain TIFF, an Illustrator file from a plain PDF.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

import puremagic

from portal.domain.errors import Invalid

MB = 1024 * 1024
GB = 1024 * MB
HEAD_BYTES = 65_536  # as much as is looked at


class Group(StrEnum):
    IMAGE = "image"
    RAW = "raw"
    DOCUMENT = "document"
    AUDIO = "audio"
    VIDEO = "video"
    ARCHIVE = "archive"


LIMITS = {
    Group.IMAGE: 50 * MB,
    Group.RAW: 500 * MB,
    Group.DOCUMENT: 100 * MB,
    Group.AUDIO: 200 * MB,
    Group.VIDEO: 2 * GB,
    Group.ARCHIVE: 2 * GB,
}
LARGEST = max(LIMITS.values())


@dataclass(frozen=True)
class Kind:
    media_type: str
    group: Group


GROUPS = {
    "application/pdf": Group.DOCUMENT,
    "application/rtf": Group.DOCUMENT,
    "application/msword": Group.DOCUMENT,
    "application/vnd.ms-excel": Group.DOCUMENT,
    "application/vnd.ms-powerpoint": Group.DOCUMENT,
    "application/x-ole-storage": Group.DOCUMENT,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": Group.DOCUMENT,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": Group.DOCUMENT,
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": Group.DOCUMENT,
    "application/vnd.oasis.opendocument.text": Group.DOCUMENT,
    "application/vnd.oasis.opendocument.spreadsheet": Group.DOCUMENT,
    "application/vnd.oasis.opendocument.presentation": Group.DOCUMENT,
    "application/epub+zip": Group.DOCUMENT,
    "text/plain": Group.DOCUMENT,
    "text/csv": Group.DOCUMENT,
    "image/tiff": Group.RAW,
    "image/x-adobe-dng": Group.RAW,
    "image/x-canon-cr2": Group.RAW,
    "image/x-canon-cr3": Group.RAW,
    "image/x-nikon-nef": Group.RAW,
    "image/x-sony-arw": Group.RAW,
    "image/vnd.adobe.photoshop": Group.RAW,
    "application/illustrator": Group.RAW,
    "application/postscript": Group.RAW,
    "application/zip": Group.ARCHIVE,
    "application/vnd.rar": Group.ARCHIVE,
    "application/x-7z-compressed": Group.ARCHIVE,
    "application/gzip": Group.ARCHIVE,
    "application/x-bzip2": Group.ARCHIVE,
    "application/x-xz": Group.ARCHIVE,
    "application/x-tar": Group.ARCHIVE,
}
"""Media types whose group their first word does not tell."""

MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"8BPS", "image/vnd.adobe.photoshop"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"%!PS-Adobe", "application/postscript"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
    (0, b"\x00\x00\x01\xb3", "video/mpeg"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "video/x-ms-wmv"),
    (0, b"\x06\x0e+4\x02\x05\x01\x01", "application/mxf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (257, b"ustar", "application/x-tar"),
)
RIFF = {b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo", b"WEBP": "image/webp"}
BRANDS = {  # of the container that MP4, QuickTime, HEIC and others share
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"avif": "image/avif",
    b"crx ": "image/x-canon-cr3",
}
OLD_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip"})
TRANSPORT_PACKETS = ((0, 188), (4, 192))
"""Where the first packet of a stream as it is broadcast begins and how long each is; cameras put a clock before it."""
BY_NAME = {
    ("image/tiff", ".dng"): "image/x-adobe-dng",
    ("image/tiff", ".cr2"): "image/x-canon-cr2",
    ("image/tiff", ".nef"): "image/x-nikon-nef",
    ("image/tiff", ".arw"): "image/x-sony-arw",
    ("application/pdf", ".ai"): "application/illustrator",
    ("application/postscript", ".ai"): "application/illustrator",
    ("application/x-ole-storage", ".doc"): "application/msword",
    ("application/x-ole-storage", ".xls"): "application/vnd.ms-excel",
    ("application/x-ole-storage", ".ppt"): "application/vnd.ms-powerpoint",
    ("text/plain", ".csv"): "text/csv",
}
OFFICE = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx"),
)
DECLARED_PACKAGE = re.compile(rb"application/(?:vnd\.oasis\.opendocument\.(?:text|spreadsheet|presentation)|epub\+zip)")
PACKAGE_PARTS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"word/", b"xl/", b"ppt/")
EXECUTABLE = (b"MZ", b"\x7fELF", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")
MARKUP = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|svg|iframe|object|embed|style|link|meta|\?php)\b", re.IGNORECASE
)
SCRIPT_NAMES = re.compile(  # what a computer would run, or a browser would show as a page
    r"\.(?:x?html?|mht(?:ml)?|svgz?|xml|xsl|m?js|css|php|py|rb|pl|sh|bash|bat|cmd|com|ps1|vb[se]|wsf|hta|exe|msi|scr"
    r"|dll|lnk|jar|apk|app|dmg|deb|reg|url|desktop)"
)
NO_PROGRAMS = "“{name}” is a web page, a script or a program. Put it into a ZIP archive and send that."
ENDINGS = {
    Group.IMAGE: "jpg jpeg png gif webp heic heif avif bmp",
    Group.RAW: "dng cr2 cr3 nef arw tif tiff psd psb ai eps",
    Group.DOCUMENT: "pdf doc docx xls xlsx ppt pptx odt ods odp rtf txt md csv epub",
    Group.AUDIO: "mp3 wav flac m4a aac ogg oga opus aif aiff wma",
    Group.VIDEO: "mp4 m4v mov mkv webm avi mpg mpeg mts m2ts wmv flv 3gp mxf ogv",
    Group.ARCHIVE: "zip rar 7z gz tgz bz2 xz tar",
}
GROUP_BY_ENDING = {ending: group for group, endings in ENDINGS.items() for ending in endings.split()}
SAFE_INLINE = re.compile(r"(?:image/(?:jpeg|png|gif|webp|avif)|video/[a-z0-9.-]+|audio/[a-z0-9.-]+|application/pdf)")
PICTURES_AND_SOUND = ("image/", "audio/", "video/")
DOCUMENT = "application/pdf"
LOOKED_INTO = (*PICTURES_AND_SOUND, DOCUMENT, "application/mxf")
"""How the kinds begin that are looked into: pictures, sound, video, and documents whose pages are drawn."""
SURE_ENOUGH = 0.7  # of the library's confidence, from 0 to 1
NEVER_IN_TEXT = frozenset(range(0x20)) - {0x09, 0x0A, 0x0C, 0x0D, 0x1B}
"""Control characters that no text has."""


def recognise(head: bytes, name: str) -> Kind:
    """Return what a file is by its first bytes; refuse with a sentence what the portal does not take."""
    extension = PurePosixPath(name.lower()).suffix
    if head.startswith(EXECUTABLE):
        raise Invalid(NO_PROGRAMS.format(name=name))
    refuse_by_name(name)
    media_type = _by_content(head, extension)
    if media_type is None and _is_text(head):
        if MARKUP.search(head[:4096]) or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?"):
            raise Invalid(f"“{name}” is a web page or a drawing with code. Put it into a ZIP archive and send that.")
        media_type = "text/plain"
    media_type = media_type or _by_library(head)
    if media_type is None:
        raise Invalid(
            f"The portal does not know what kind of file “{name}” is. Send a picture, a document, a sound, a video "
            "or a ZIP archive."
        )
    media_type = BY_NAME.get((media_type, extension), media_type)
    return Kind(media_type, group_of(media_type))


def refuse_by_name(name: str) -> None:
    """Refuse with a sentence what by its name alone is nothing the portal takes."""
    if SCRIPT_NAMES.fullmatch(PurePosixPath(name.lower()).suffix):
        raise Invalid(NO_PROGRAMS.format(name=name))


def group_by_name(name: str) -> Group | None:
    """Return the group a name promises, before there are bytes that decide; None where it promises nothing."""
    return GROUP_BY_ENDING.get(PurePosixPath(name.lower()).suffix.removeprefix("."))


def group_of(media_type: str) -> Group:
    """Return the group a media type belongs to, which decides how large it may be."""
    return GROUPS.get(media_type) or {
        "image": Group.IMAGE,
        "audio": Group.AUDIO,
        "video": Group.VIDEO,
    }.get(media_type.split("/", 1)[0], Group.VIDEO if media_type == "application/mxf" else Group.DOCUMENT)


def may_open_in_browser(media_type: str) -> bool:
    """Return whether a browser may show this by itself: pictures, sound, video and PDF, nothing that can run."""
    return SAFE_INLINE.fullmatch(media_type) is not None


def may_have_copies(media_type: str) -> bool:
    """Return whether a file of this media type is looked into, and small copies are made of it."""
    return media_type.startswith(LOOKED_INTO)


def _by_content(head: bytes, extension: str) -> str | None:
    if head[:4] == b"RIFF":
        return RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return "audio/aiff"
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12], "video/mp4")
    if head[4:8] in OLD_QUICKTIME:
        return "video/quicktime"
    if any(head[at : at + 2 * size + 1 : size] == b"GGG" for at, size in TRANSPORT_PACKETS):
        return "video/mp2t"
    found = next((kind for offset, magic, kind in MAGIC if head[offset : offset + len(magic)] == magic), None)
    if found == "application/zip":
        return _inside_zip(head, extension)
    if found == "audio/ogg" and b"theora" in head[:512]:
        return "video/ogg"
    if found == "video/x-matroska" and b"webm" in head[:64]:
        return "video/webm"
    return found or _bare_sound(head)


def _bare_sound(head: bytes) -> str | None:
    """Tell MP3 and AAC without a header of their own by the mark each of their frames begins with."""
    if len(head) < 3 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    return "audio/mpeg" if head[1] & 0xE6 in {0xE2, 0xE4} else None


def _inside_zip(head: bytes, extension: str) -> str:
    """Tell office documents, which are archives of a known shape, from other archives."""
    length = int.from_bytes(head[26:28], "little")
    first, content = head[30 : 30 + length], head[30 + length : 110 + length]
    if first == b"mimetype":
        declared = DECLARED_PACKAGE.match(content)
        return declared.group().decode() if declared else "application/zip"
    if first.startswith(PACKAGE_PARTS):
        by_part = next((kind for part, kind, _extension in OFFICE if part in head), None)
        by_name = next((kind for _part, kind, ending in OFFICE if ending == extension), None)
        return by_part or by_name or "application/zip"
    return "application/zip"


def _is_text(head: bytes) -> bool:
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        try:
            decoded = head[: len(head) // 2 * 2].decode("utf-16")
        except UnicodeDecodeError:
            return False
        return "\x00" not in decoded
    if not NEVER_IN_TEXT.isdisjoint(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # a character cut in two at the end is no fault
            return not any(0x80 <= byte < 0xA0 for byte in head)  # older office text in Latin letters
    return True


def _by_library(head: bytes) -> str | None:
    """Ask the library of signatures for the pictures, sounds and videos that are not in our own table."""
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return None
    sure = (match.mime_type for match in found if match.confidence >= SURE_ENOUGH)
    return next((str(kind) for kind in sure if kind.startswith(PICTURES_AND_SOUND) and "svg" not in kind), None)
