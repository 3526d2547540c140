"""Where a note stands: what people type is read as they mean it, and what is written is read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.places import Place, clock, how_to_type, in_words, place_of
from portal.domain.errors import Invalid

VIDEO, AUDIO, IMAGE, PDF, ZIP = "video/mp4", "audio/wav", "image/jpeg", "application/pdf", "application/zip"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

READ = [
    ("0:04.120", VIDEO, Place(milliseconds=4_120)),
    ("1:02.5", VIDEO, Place(milliseconds=62_500)),
    ("1:02,5", AUDIO, Place(milliseconds=62_500)),
    ("75", VIDEO, Place(milliseconds=75_000)),
    (" 4.1234 ", VIDEO, Place(milliseconds=4_123)),
    ("1:02:03", VIDEO, Place(milliseconds=3_723_000)),
    ("90:00", VIDEO, Place(milliseconds=5_400_000)),
    ("40, 25.5", IMAGE, Place(x=400, y=255)),
    ("40 % / 25.5 %", IMAGE, Place(x=400, y=255)),
    ("0 100", "image/tiff", Place(x=0, y=1000)),
    ("3", PDF, Place(page=3)),
    ("page 3", PDF, Place(page=3)),
    ("p. 12", PDF, Place(page=12)),
    ("page 3 at 40, 25.5", PDF, Place(page=3, x=400, y=255)),
    ("3: 40 % / 25.5 %", PDF, Place(page=3, x=400, y=255)),
    ("3, 40, 100", PDF, Place(page=3, x=400, y=1000)),
    ("P. 3 at 0 0", PDF, Place(page=3, x=0, y=0)),
    ("4", DOCX, Place(page=4)),
    ("", VIDEO, Place()),
    ("  ", ZIP, Place()),
]
REFUSED = [
    ("0:60", VIDEO), ("1:60:00", VIDEO), ("-1", VIDEO), ("1:", VIDEO), ("soon", VIDEO), ("40, 25", VIDEO),
    ("1e3", VIDEO), ("9" * 41, VIDEO), ("101, 5", IMAGE), ("40", IMAGE), ("0:04", IMAGE), ("40, -1", IMAGE),
    ("page 0", PDF), ("10000", PDF), ("0:04", PDF), ("1", ZIP), ("page 0 at 1, 1", PDF), ("3 at 101, 5", PDF),
    ("3 at 40", PDF), ("40, 25.5", PDF), ("3 at 40, 25.5", DOCX), ("3 at 40, 25.5", IMAGE),
]  # fmt: skip


@pytest.mark.parametrize("typed, kind, place", READ)
def test_a_place_is_read_as_it_is_meant(typed, kind, place):
    assert place_of(typed, kind) == place


@pytest.mark.parametrize("typed, kind", REFUSED)
def test_what_is_no_place_in_this_kind_of_file_is_refused_with_what_would_be_one(typed, kind):
    with pytest.raises(Invalid) as refusal:
        place_of(typed, kind)
    assert refusal.value.fields == {"place": how_to_type(kind)}


def test_it_is_said_once_what_may_be_typed_for_all_files_of_a_submission():
    assert how_to_type(VIDEO, AUDIO, PDF, ZIP) == (
        "A time such as 1:02.5, or a page such as 3 or a point of it such as 3 at 40, 25.5, or nothing for the whole."
    )
    assert how_to_type(DOCX) == "A page such as 3, or nothing for the whole."
    assert how_to_type(ZIP) == how_to_type() == "Nothing: a note stands for the whole of this file."


@given(milliseconds=st.integers(0, 99 * 3600 * 1000 - 1))
def test_a_moment_is_read_back_as_it_was_written(milliseconds):
    assert place_of(clock(milliseconds), VIDEO).milliseconds == milliseconds


@given(x=st.integers(0, 1000), y=st.integers(0, 1000))
def test_a_point_is_read_back_as_it_was_written(x, y):
    assert place_of(in_words(Place(x=x, y=y)), IMAGE) == Place(x=x, y=y)


@given(page=st.integers(1, 9_999))
def test_a_page_is_read_back_as_it_was_written(page):
    assert place_of(in_words(Place(page=page)), PDF) == Place(page=page)


@given(page=st.integers(1, 9_999), x=st.integers(0, 1000), y=st.integers(0, 1000))
def test_a_point_of_a_page_is_read_back_as_it_was_written(page, x, y):
    assert place_of(in_words(Place(page=page, x=x, y=y)), PDF) == Place(page=page, x=x, y=y)


@given(typed=st.text(max_size=60), kind=st.sampled_from([VIDEO, AUDIO, IMAGE, PDF, ZIP]))
def test_whatever_is_typed_is_one_place_or_refused(typed, kind):
    try:
        place = place_of(typed, kind)
    except Invalid:
        return
    assert place.milliseconds is None or (place.x, place.page) == (None, None)
    assert (place.x is None) is (place.y is None)
