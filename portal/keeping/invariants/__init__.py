"""What must hold of the portal's rows and bytes at any moment, and a look at whether it does.

Most of it is kept by constraints and operations already. This asks again, from outside: after a crash, a restore,
a full disk, or on any day.
"""

from portal.keeping.invariants.look import Found, Look
from portal.keeping.invariants.table import INVARIANTS, Answer, Invariant, check

__all__ = ["INVARIANTS", "Answer", "Found", "Invariant", "Look", "check"]
