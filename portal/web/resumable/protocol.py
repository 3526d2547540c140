"""What the protocol tus 1.0 says in headers, read strictly; every refusal has the status it asks for.

(tus resumable upload protocol 1.0.0, with its extensions creation, creation-with-upload, expiration, checksum and
termination. A length that is told later and uploads joined from others are refused: quota and permission would have
to be asked anew for each.)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from binascii import Error as NoBase64
from dataclasses import dataclass
from datetime import datetime

from flask import Response, abort, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

from portal.domain.errors import TooLarge
from portal.domain.files.kinds import LARGEST, MB
from portal.domain.files.operations import display_name

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
ALGORITHMS = ("sha1", "sha256")
PIECE_TYPE = "application/offset+octet-stream"
LONGEST_METADATA = 4096  # characters of the header
MOST_KEYS = 20
KEY = re.compile(r"[!-+\--~]+")  # visible ASCII without the comma
NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
HIGHEST = 2**63 - 1
NAMES = ("filename", "name")
"""Keys under which clients send what people call the file."""


class WrongVersion(HTTPException):
    code = 412
    description = "This server speaks tus 1.0.0."


class WrongSum(HTTPException):
    code = 460
    description = "What arrived is not what was sent. Nothing of it was kept: send it again."


@dataclass(frozen=True)
class Checksum:
    """What a client says the bytes of one request add up to."""

    algorithm: str
    expected: bytes

    def new(self) -> hashlib._Hash:
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def is_of(self, summed: hashlib._Hash) -> bool:
        return hmac.compare_digest(summed.digest(), self.expected)


@dataclass(frozen=True)
class Metadata:
    """What a client says of its file: the name is read, the rest is only told again."""

    text: str
    name: str


def check_version() -> None:
    """Refuse a client that speaks another version, or none."""
    if request.headers.get("Tus-Resumable") != VERSION:
        raise WrongVersion


def declared_length() -> int:
    """Return how long the whole upload will be."""
    for header in ("Upload-Defer-Length", "Upload-Concat"):
        if header in request.headers:
            abort(400, f"{header} is not offered here.")
    length = _number("Upload-Length")
    if length > LARGEST:
        raise TooLarge(f"This file is larger than {LARGEST // MB:,} MB, the most that is taken.")
    return length


def declared_offset() -> int:
    """Return from where on this request brings bytes."""
    return _number("Upload-Offset")


def metadata() -> Metadata:
    """Return what the client says of its file; refuse what is not exactly as the protocol has it."""
    text = request.headers.get("Upload-Metadata", "").strip()
    if len(text) > LONGEST_METADATA:
        abort(400, f"Upload-Metadata has at most {LONGEST_METADATA} characters.")
    values: dict[str, str] = {}
    for pair in text.split(",") if text else []:
        key, _, encoded = pair.strip().partition(" ")
        if not KEY.fullmatch(key) or key in values or len(values) == MOST_KEYS:
            abort(400, "Upload-Metadata has a key that is empty, odd, repeated, or one too many.")
        values[key] = _decoded(encoded.strip())
    given = next((values[key] for key in NAMES if values.get(key)), None)
    return Metadata(text, display_name(given))


def checksum() -> Checksum | None:
    """Return what the bytes of this request should add up to, if the client says so."""
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in ALGORITHMS:
        abort(400, f"Upload-Checksum is one of {', '.join(ALGORITHMS)}.")
    try:
        expected = base64.b64decode(encoded, validate=True)
    except (NoBase64, ValueError):
        expected = b""
    if len(expected) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        abort(400, "Upload-Checksum has no whole sum.")
    return Checksum(algorithm, expected)


def brings_bytes() -> bool:
    """Return whether this request has a body, or may have one whose length is not told."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def check_piece_type() -> None:
    """Refuse a body that does not say that it is a piece of an upload."""
    if request.mimetype != PIECE_TYPE:
        abort(415, f"The body of an upload has the type {PIECE_TYPE}.")


def tell_options(response: Response) -> Response:
    """Say what this server can do."""
    response.headers["Tus-Version"] = VERSION
    response.headers["Tus-Extension"] = EXTENSIONS
    response.headers["Tus-Max-Size"] = str(LARGEST)
    response.headers["Tus-Checksum-Algorithm"] = ",".join(ALGORITHMS)
    return response


def tell_expiry(response: Response, moment: datetime) -> None:
    """Say until when the upload is kept."""
    response.headers["Upload-Expires"] = http_date(moment)


def _number(header: str) -> int:
    text = request.headers.get(header, "")
    if not NUMBER.fullmatch(text) or int(text) > HIGHEST:
        abort(400, f"{header} is missing, or no whole number of bytes.")
    return int(text)


def _decoded(encoded: str) -> str:
    try:
        value = base64.b64decode(encoded, validate=True).decode()
    except (NoBase64, ValueError):
        abort(400, "Upload-Metadata has a value that is not the base64 of text.")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
        abort(400, "Upload-Metadata has a value with control characters.")
    return value
