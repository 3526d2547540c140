"""How the assignments of an intake weigh in its final mark: percent in hundredths that add to 100. Pure rules."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

WHOLE = Decimal(100)
HUNDREDTH = Decimal("0.01")
HUNDREDTHS = 10_000  # of a percent, in all


def share_out(parts: Sequence[int]) -> list[Decimal]:
    """Return 100 percent shared out in proportion to `parts`, in hundredths that add up exactly.

    What is left after rounding down goes to those who lost most by it, the first of them first. Nothing is shared
    out where there are no parts.
    """
    whole = sum(parts)
    if not whole:
        return [Decimal(0)] * len(parts)
    each = [divmod(HUNDREDTHS * part, whole) for part in parts]
    left = HUNDREDTHS - sum(number for number, _ in each)
    by_loss = sorted(range(len(parts)), key=lambda place: (-each[place][1], place))[:left]
    return [(number + (place in by_loss)) * HUNDREDTH for place, (number, _) in enumerate(each)]


def weight_of(typed: str) -> Decimal:
    """Return a typed weight; nothing typed is 0. Refuse what is none, with a sentence."""
    text = typed.strip().removesuffix("%").strip().replace(",", ".")
    if not text:
        return Decimal(0)
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{0,2})?", text) or Decimal(text) > WHOLE:
        raise ValueError("A number from 0 to 100, with at most two decimals.")
    return Decimal(text)


def in_words(total: Decimal) -> str:
    """Return what weights add to, as people read it."""
    return f"Weights add to {plain(total)} of 100"


def plain(weight: Decimal) -> str:
    """12.50 is `12.5`, 12.00 is `12`."""
    figures = f"{weight:.2f}"
    return figures.rstrip("0").rstrip(".")


def version_of(weights: Mapping[UUID, Decimal]) -> str:
    """Return a short name of these weights; what weighs nothing does not change it."""
    told = sorted(f"{assignment_id}:{weight:.2f}" for assignment_id, weight in weights.items() if weight)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
