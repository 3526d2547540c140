"""Who is at the other end of this request, as the accounts' guards want to know it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from flask import current_app, g, request

from portal.domain.accounts.visitors import Visitor
from portal.settings import Settings


def the_visitor() -> Visitor:
    """Return from where and with what this request comes."""
    return Visitor(
        address=str(address) if (address := caller_address()) else None,
        user_agent=request.headers.get("User-Agent", ""),
        request_id=g.get("request_id", ""),
        on_trusted_network=on_trusted_network(),
    )


def caller_address() -> IPv4Address | IPv6Address | None:
    """Return the address of the caller; None where there is none that can be kept, as on a socket in a folder."""
    try:
        address = ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def on_trusted_network() -> bool:
    """Return whether this request comes over the institute's own line."""
    settings: Settings = current_app.config["SETTINGS"]
    address = caller_address()
    return address is not None and any(address in network for network in settings.trusted_networks)
