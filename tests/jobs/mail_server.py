"""A real mail server on this machine that keeps what it takes, and can be told to refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.controller import Controller

from tests.platform.runs import free_port


class Inbox:
    """What arrived, and how the server answers a recipient: `answers["ama@example.test"] = "450 Later"`."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answers: dict[str, str] = {}

    async def handle_RCPT(self, _server, _session, envelope, address, _options) -> str:  # noqa: N802 - aiosmtpd's name
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.messages.append(message_from_bytes(envelope.content, policy=default))
        return "250 Taken"


@contextmanager
def mail_server(inbox: Inbox | None = None, port: int = 0) -> Iterator[tuple[Inbox, str]]:
    """Yield the inbox and `host:port` of a server that runs meanwhile, on a free port or on this one."""
    inbox = inbox or Inbox()
    port = port or free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield inbox, f"127.0.0.1:{port}"
    finally:
        controller.stop()
