"""The browser or program at the other end, as far as guarding the accounts needs to know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """From where somebody asks. A command on the server has no address."""

    address: str | None = None
    user_agent: str = ""
    request_id: str = ""
    on_trusted_network: bool = False
    """On the institute's own line, where many people share one address and computers are shared."""
