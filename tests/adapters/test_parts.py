"""Parts of files: cut to what was acknowledged, never written to by two, never outside their folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from portal.adapters.parts import PartBusy, PartMissing, Parts
from portal.domain.errors import Locked

NAME = "ab" * 24


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path / "parts")


def ours() -> None:
    """Nobody else has taken it."""


def test_what_came_after_the_acknowledged_offset_is_cut_off(parts: Parts) -> None:
    with parts.opened(NAME, 0, ours) as part:
        part.write(b"0123456789")
    with parts.opened(NAME, 4, ours) as part:
        assert (part.position, parts.size(NAME)) == (4, 4)
        part.write(b"abc")
        part.sync()
        assert part.head(5) == b"0123a"
        assert part.sha256(ours) == hashlib.sha256(b"0123abc").hexdigest()
    assert parts.size(NAME) == 7


@pytest.mark.parametrize("there", [None, 3])
def test_less_than_was_acknowledged_is_never_gone_on_with(parts: Parts, there: int | None) -> None:
    if there:
        with parts.opened(NAME, 0, ours) as part:
            part.write(b"0" * there)
    with pytest.raises(PartMissing), parts.opened(NAME, 4, ours):
        pass
    assert parts.size(NAME) == there


def test_whoever_lost_it_writes_and_cuts_nothing_any_more(parts: Parts) -> None:
    lost = []

    def still_ours() -> None:
        if lost:
            raise Locked("passed")

    with parts.opened(NAME, 0, still_ours) as part:
        part.write(b"0123")
        lost.append(True)
        with pytest.raises(Locked):
            part.write(b"4567")
        with pytest.raises(Locked):
            part.cut(1)
    with pytest.raises(Locked), parts.opened(NAME, 1, still_ours):
        pass
    assert parts.size(NAME) == 4


def test_two_never_write_in_the_same_moment(parts: Parts) -> None:
    with parts.opened(NAME, 0, ours) as one, parts.opened(NAME, 0, ours) as other:

        def meanwhile() -> None:
            one._still_ours = ours
            with pytest.raises(PartBusy):
                other.write(b"other")

        one._still_ours = meanwhile
        one.write(b"one")
    assert parts.size(NAME) == 3


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", NAME + "/", NAME.upper(), NAME[:-1], NAME + "0", "/etc"]
)
def test_a_name_that_leads_elsewhere_is_none(parts: Parts, tmp_path: Path, name: str) -> None:
    for act in (parts.size, parts.remove, lambda name: parts.opened(name, 0, ours).__enter__()):
        with pytest.raises(ValueError, match="not a part of ours"):
            act(name)
    assert list(tmp_path.iterdir()) == []


def test_only_parts_are_listed(parts: Parts, tmp_path: Path) -> None:
    assert list(parts.every_name()) == []
    with parts.opened(NAME, 0, ours):
        pass
    (tmp_path / "parts" / "lost+found").mkdir()
    assert [name for name, _ in parts.every_name()] == [NAME]
    assert oct(os.stat(tmp_path / "parts").st_mode)[-3:] == "700"
