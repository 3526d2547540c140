"""What people are called."""

from __future__ import annotations


class Named:
    """A row of somebody with a first and a last name."""

    first_name: str
    last_name: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"
