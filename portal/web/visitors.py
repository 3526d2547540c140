"""Who is at the other end of this request, as the accounts' guards want to know it."""

from __future__ import annotations

from ipaddress import ip_address

from flask import current_app, g, request

from portal.domain.accounts.visitors import Visitor
from portal.settings import Settings


def the_visitor() -> Visitor:
    """Return from where and with what this request comes."""
    return Visitor(
        address=request.remote_addr,
        user_agent=request.headers.get("User-Agent", ""),
        request_id=g.get("request_id", ""),
        on_trusted_network=on_trusted_network(),
    )


def on_trusted_network() -> bool:
    """Return whether this request comes over the institute's own line."""
    settings: Settings = current_app.config["SETTINGS"]
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in settings.trusted_networks)
