"""The counters of wrong passwords: rows that all workers share, charged and read under their locks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.accounts import lockout
from portal.domain.accounts.lockout import ACCOUNT_LIMIT, ADDRESS_LIMIT, TRUSTED_ADDRESS_LIMIT, Counter, Limit
from portal.domain.accounts.models import SignInThrottle
from portal.domain.accounts.visitors import Visitor


@dataclass(frozen=True)
class Key:
    """One counter: what it is about, its limit, and whose account it guards."""

    name: str
    limit: Limit
    user_id: UUID | None = None


def account_key(user_id: UUID | None, typed: str) -> Key:
    """Return the counter of an account; names nobody has are counted alike, so that nothing tells them apart."""
    return Key(f"account:{user_id or _digest(typed)}", ACCOUNT_LIMIT, user_id)


def account_and_address_key(user_id: UUID | None, typed: str, visitor: Visitor) -> Key:
    """Return the counter of an account at an address: it stays when the owner signs in elsewhere."""
    return Key(f"account-at:{user_id or _digest(typed)}:{network_of(visitor.address)}", ACCOUNT_LIMIT, user_id)


def address_key(visitor: Visitor) -> Key:
    """Return the counter of all strangers at an address."""
    limit = TRUSTED_ADDRESS_LIMIT if visitor.on_trusted_network else ADDRESS_LIMIT
    return Key(f"address:{network_of(visitor.address)}", limit)


def device_key(device_id: UUID, user_id: UUID) -> Key:
    """Return the counter of a browser its owner has signed in with before: strangers never touch it."""
    return Key(f"device:{device_id}", ACCOUNT_LIMIT, user_id)


def confirmation_key(user_id: UUID) -> Key:
    """Return the counter of somebody signed in who gives the password again."""
    return Key(f"confirm:{user_id}", ACCOUNT_LIMIT, user_id)


def reset_key(user_id: UUID | None, typed: str) -> Key:
    """Return the counter of links to a new password asked for an account: nobody's inbox is flooded from here."""
    return Key(f"reset:{user_id or _digest(typed)}", ACCOUNT_LIMIT)


def code_key(visitor: Visitor) -> Key:
    """Return the counter of wrong invitation and reset codes from an address."""
    limit = TRUSTED_ADDRESS_LIMIT if visitor.on_trusted_network else ADDRESS_LIMIT
    return Key(f"code:{network_of(visitor.address)}", limit)


def network_of(address: str | None) -> str:
    """Return what stands for an address in counters: one home has a whole /64 of IPv6."""
    if address is None:
        return "none"
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)


def charge(session: Session, keys: Sequence[Key], *, at: datetime) -> datetime | None:
    """Charge one attempt to every counter, or return when to come back if one of them makes it wait: then none is."""
    counters = _lock(session, keys)
    waits = [wait for counter in counters.values() if (wait := lockout.wait_until(counter, at))]
    if waits:
        return max(waits)
    _store(session, {key.name: lockout.charge(counters[key.name], key.limit, at) for key in keys})
    return None


def prove(session: Session, keys: Sequence[Key], *, cleared: Sequence[Key], charged_at: datetime) -> None:
    """The attempt charged to `keys` was right: those `cleared` are set back, the others only lose this attempt.

    They are locked together in the order in which attempts are charged: the two never wait for each other.
    """
    shared = [key for key in keys if key not in cleared]
    if shared:
        counters = _lock(session, keys)
        _store(session, {key.name: lockout.give_back(counters[key.name], key.limit, charged_at) for key in shared})
    if cleared:
        clear(session, cleared)


def clear(session: Session, keys: Sequence[Key]) -> None:
    """Forget what these counters hold."""
    session.execute(delete(SignInThrottle).where(SignInThrottle.key.in_([key.name for key in keys])))


def lift(session: Session, user_id: UUID) -> int:
    """Forget all waits of an account; return how many counters there were."""
    gone = session.execute(
        delete(SignInThrottle).where(SignInThrottle.user_id == user_id).returning(SignInThrottle.key)
    )
    return len(gone.all())


def _lock(session: Session, keys: Sequence[Key]) -> dict[str, Counter]:
    """Return these counters, made where they were missing and locked, always in the order of their names."""
    ordered = sorted(keys, key=lambda key: key.name)
    new = insert(SignInThrottle).values(
        [{"key": key.name, "failed_at": [], "waits": 0, "user_id": key.user_id} for key in ordered]
    )
    # An update that changes nothing locks the row that is there, and survives its removal by somebody else.
    locked = new.on_conflict_do_update(index_elements=["key"], set_={"user_id": new.excluded.user_id}).returning(
        SignInThrottle.key, SignInThrottle.failed_at, SignInThrottle.waits, SignInThrottle.blocked_until
    )
    return {
        row.key: Counter(failed_at=tuple(row.failed_at), waits=row.waits, blocked_until=row.blocked_until)
        for row in session.execute(locked)
    }


def _store(session: Session, counters: dict[str, Counter]) -> None:
    session.execute(
        update(SignInThrottle),
        [
            {
                "key": name,
                "failed_at": list(counter.failed_at),
                "waits": counter.waits,
                "blocked_until": counter.blocked_until,
            }
            for name, counter in counters.items()
        ],
    )


def _digest(typed: str) -> str:
    return hashlib.sha256(typed.encode()).hexdigest()[:32]
