"""Which meeting links are taken."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.errors import Invalid
from portal.domain.live_classes.meeting_links import HOSTS, LONGEST, checked_meeting_link


@pytest.mark.parametrize(
    "link",
    [
        "https://zoom.us/j/1234567890?pwd=abc",
        "https://us02web.zoom.us/j/1234567890",
        "https://meet.google.com/abc-defg-hij",
        "https://teams.microsoft.com/l/meetup-join/19%3ameeting",
        "https://teams.live.com/meet/9312345678901",
        "https://meet.jit.si/KofiTeachesLight",
        "https://meet.google.com:443/abc-defg-hij",
        "  https://meet.google.com/abc-defg-hij  ",
    ],
)
def test_a_link_of_a_known_service_is_taken(link: str) -> None:
    assert checked_meeting_link(link) == link.strip()


@pytest.mark.parametrize(
    "link",
    [
        "http://zoom.us/j/123",
        "javascript:alert(1)//zoom.us/x",
        "https://zoom.us.evil.test/j/123",
        "https://evilzoom.us/j/123",
        "https://zoom.us@evil.test/j/123",
        "https://person:secret@zoom.us/j/123",
        "https://evil.test/zoom.us",
        "https://evil.test\\@zoom.us/j/1",
        "https://zoom.us:8443/j/1",
        "https://zoom.us/j/1 2",
        "https://zoom.us/j/1\nLocation: x",
        "https://zoom.us/",
        "https://[::1",
        "https://zoom.us:port/j/1",
        "zoom.us/j/123",
        "",
        "https://zoom.us/j/" + "1" * LONGEST,
    ],
)
def test_any_other_link_is_refused_beside_its_field(link: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_meeting_link(link)
    assert refused.value.fields["meeting_url"]


@given(
    st.text(max_size=60)
    | st.text(max_size=40).map(lambda text: f"https://{text}")
    | st.from_regex(r"https://[a-z.@:/]{0,30}")
)
def test_whatever_is_typed_a_link_that_is_taken_leads_to_a_known_host_over_tls(text: str) -> None:
    try:
        link = checked_meeting_link(text)
    except Invalid:
        return
    parts = urlsplit(link)
    assert parts.scheme == "https"
    assert parts.username is None
    assert parts.hostname in HOSTS or str(parts.hostname).endswith(".zoom.us")
