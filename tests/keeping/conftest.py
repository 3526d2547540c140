"""What the tests of keeping share: a home with a small term, made once and copied, and a place for homes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import homes
from tests.keeping.homes import SMALL, make_home
from tests.platform.conftest import ordinary_user, place, start

__all__ = ["ordinary_user", "place", "start"]


@pytest.fixture(scope="session")
def small_term() -> Iterator[Path]:
    """A stopped home with a small term. Nobody changes it: `copy_of_home` does."""
    folder = Path(tempfile.mkdtemp(prefix="portal-term-"))
    folder.chmod(0o755)
    make_home(folder / "home", SMALL)
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture
def copy_of_home(small_term: Path, place: Path) -> Callable[[str], Path]:
    """Return a home of one's own with a small term: `copy_of_home("home")`."""

    def copy(name: str) -> Path:
        return homes.copy_of_home(small_term, place / name)

    return copy
