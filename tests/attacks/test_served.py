"""What no test client can send: broken, smuggled, endless and slow requests to the portal as it is really served."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.attacks.fuzzing import INSIDES
from tests.attacks.served import Served

GET = b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
POST = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
FORM = POST.replace(b"/api/v1/auth/login", b"/login").replace(b"json", b"x-www-form-urlencoded")
HIDDEN = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
MALFORMED = {
    "length and chunks": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}" + HIDDEN,
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}" + HIDDEN,
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}" + HIDDEN,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n{}" + HIDDEN,
    "a length in hexadecimal": POST + b"Content-Length: 0x2\r\n\r\n{}" + HIDDEN,
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunked not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunks of an old version": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a broken chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a negative chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    "a folded header": GET + b"X-A: one\r\n two\r\n\r\n",
    "a header without a colon": GET + b"X-A\r\n\r\n",
    "a header without a name": GET + b": x\r\n\r\n",
    "NUL in a header": GET + b"X-A: a\x00b\r\n\r\n",
    "a bare return in a header": GET + b"X-A: a\rX-B: b\r\n\r\n",
    "a header name in other letters": GET + "Ẍ-A: b\r\n\r\n".encode(),
    "an enormous header": GET + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n",
    "a thousand headers": GET + b"".join(b"X-%d: a\r\n" % number for number in range(1000)) + b"\r\n",
    "an enormous address": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "no version": b"GET /login\r\n\r\n",
    "a version to come": b"GET /login HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    "no method": b" /login HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "words": b"hello portal\r\n\r\n",
    "TLS where there is none": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "another site's name": b"GET /login HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n",
    "another site's address": b"GET http://evil.test/login HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n",
    "a name that is none": b"GET /login HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n",
    "a forwarded name that is another's": GET + b"X-Forwarded-Host: evil.test\r\n\r\n",
    "TRACE": b"TRACE /login HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nCookie: portal=echo-me\r\n\r\n",
    "CONNECT": b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\nConnection: close\r\n\r\n",
}
INEXACT = {
    "a body that ends too early": POST + b"Content-Length: 5000\r\n\r\n{}",
    "a length without a body": POST + b"Content-Length: 10\r\n\r\n",
    "chunks that end too early": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
    "a length of ten gigabytes": POST + b"Content-Length: 10737418240\r\n\r\n{}",
    "a head that ends too early": GET + b"X-A: ",
}


def statuses(answer: bytes) -> list[int]:
    """Return the status of every answer that came on the line."""
    return [int(code) for code in re.findall(rb"(?:^|\r\n|\})HTTP/1\.[01] (\d{3})", answer)]


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_request_is_refused_once_and_hides_no_second_one(served: Served, what: str) -> None:
    answer = served.say(MALFORMED[what], seconds=3)
    assert len(statuses(answer)) <= 1, answer[:500]
    assert all(400 <= code < 600 and code != 500 for code in statuses(answer)), answer[:200]
    assert b"openapi" not in answer
    assert b"echo-me" not in answer
    assert not INSIDES.search(answer)
    assert served.answers_others()


@pytest.mark.parametrize("what", INEXACT)
def test_a_request_that_never_ends_holds_up_nobody_else(served: Served, what: str) -> None:
    with open_lines(served, INEXACT[what], 3):
        assert served.answers_others()
    assert served.answers_others()


def test_a_body_too_large_is_refused_without_being_read(served: Served) -> None:
    answer = served.say(POST + b"Content-Length: 10737418240\r\n\r\n" + b"x" * 1000, seconds=3)
    assert statuses(answer) == [413]


@pytest.mark.parametrize("what", ["heads", "bodies", "nothing"])
def test_two_hundred_slow_lines_keep_nobody_out_for_long(served: Served, what: str) -> None:
    """More lines than there are threads, each bringing next to nothing: others are answered within seconds."""
    said = {"heads": GET + b"X-A: ", "bodies": FORM + b"Content-Length: 1000\r\n\r\na", "nothing": b""}[what]
    with open_lines(served, said, 200):
        answer = requests.get(f"{served.address}/api/health/live", timeout=90)  # were they not ended: never
        assert answer.status_code == 200


def test_no_failure_was_logged_for_any_of_it(served: Served) -> None:
    served.say(GET + b"\r\n")
    log = served.log.read_text()
    assert "Traceback" not in log
    assert '"level": "critical"' not in log


@contextmanager
def open_lines(served: Served, words: bytes, number: int) -> Iterator[None]:
    """Keep so many lines open, each having said these words."""
    lines = []
    try:
        for _ in range(number):
            line = socket.create_connection(("127.0.0.1", served.port), timeout=10)
            lines.append(line)
            line.sendall(words)
        yield
    finally:
        for line in lines:
            line.close()
