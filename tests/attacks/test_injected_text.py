"""Whatever is typed anywhere is shown as it was typed and nothing of it runs: in pages, fragments, mails, links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy.orm import Session

from portal.domain.accounts.api_tokens import start_family
from portal.domain.notifications.models import NotificationKind
from portal.jobs.messages import mail_text
from portal.web.access import safe_next
from portal.web.bearer import token_keys
from portal.web.markdown import markdown
from tests.architecture.crowd import crowd
from tests.architecture.estate import build_estate
from tests.architecture.test_access import put_the_file
from tests.architecture.test_page_costs import ONE_MORE
from tests.attacks.attackers import every_text_says, pages_for
from tests.attacks.fuzzing import few_or_many
from tests.cast import Cast
from tests.factories import now
from tests.jobs.test_messages import DATA
from tests.pages import parse

ROOT = Path(__file__).resolve().parents[2]
MARK = "xss7"
MARKUP = f"\"'><img src={MARK} onerror=alert(1)><script>{MARK}</script></textarea><svg onload={MARK}>"
EXPRESSIONS = "{{700001+700001}} ${700001+700001} {% raw %} {0.__class__} %(x)s #{700001+700001} *|77|*"
REFLECTED = (
    MARKUP, "javascript:alert(1)//", "<svg/onload=alert(1)>", "%3Cscript%3Ealert(1)%3C/script%3E", "</script><script>",
    "{{700001+700001}}", "%252e%252e%252fetc%252fpasswd", "%2527", "' OR 1=1 --", "\\", "%", "_", "(a+)+$", "[", "*",
    ";", "\u202e\u200b", "\U0001f47b", "a" * 3000,
)  # fmt: skip
PARAMETERS = (
    "q", "state", "view", "week", "cursor", "sort", "order", "show", "shown", "seen", "next", "level", "category",
    "intake", "assignment", "module", "removed", "person", "past", "inline", "download", "page", "limit", "search",
    "days", "fields", "from", "to", "action", "kind", "actor", "user", "network", "role", "duty",
)  # fmt: skip
"""Every parameter that a page or call reads, and some that none does."""


def assert_inert(page: LexborHTMLParser, where: str) -> None:
    """Nothing of what was typed became an element, an attribute that runs, or a link that runs."""
    assert not page.css(f"img[src={MARK}], svg[onload], [onerror]"), where
    assert not [node for node in page.css("script") if not node.attributes.get("src")], where
    for node in page.css("a[href], form[action], [hx-get], [hx-post], img[src], iframe[src]"):
        for name in ("href", "action", "hx-get", "hx-post", "src"):
            address = "".join((node.attributes.get(name) or "").split()).lower()
            assert not address.startswith(("javascript:", "vbscript:", "data:text", "//")), f"{where}: {address}"


@pytest.mark.parametrize("who", ["visitor", "ama", "kofi", "efua"])
def test_what_people_typed_is_shown_as_text_on_every_page_and_fragment(
    app: Flask, world: Session, cast: Cast, sign_in: Any, who: str
) -> None:
    for person in (cast.ama, cast.esi, cast.kofi, cast.yaw, cast.efua):
        person.first_name = f"{person.first_name} {MARKUP}"
        world.add(person)
    cast.photography.title = cast.photography.description = cast.photography.summary = MARKUP
    cast.intake.title = cast.module.title = MARKUP
    world.add_all([cast.photography, cast.intake, cast.module])
    with every_text_says(world, MARKUP):
        estate = build_estate(world, cast)
        crowd(world, cast, estate, ONE_MORE)
    browser = sign_in(getattr(cast, who)) if who != "visitor" else app.test_client()
    shown = 0
    for address in pages_for(app, estate, who):
        for headers in ({}, {"HX-Request": "true"}):
            answer = browser.get(address, headers=headers)
            if answer.mimetype == "text/html":
                page = parse(answer)
                assert_inert(page, f"{address} {headers}")
                shown += MARK in (page.text() or "")
    assert shown >= {"visitor": 3, "ama": 20, "kofi": 20, "efua": 12}[who]


@pytest.mark.parametrize("who", ["visitor", "ama", "kofi", "efua"])
@few_or_many(1, len(REFLECTED))
def test_nothing_in_an_address_comes_back_as_markup_or_breaks_a_page(
    app: Flask, world: Session, cast: Cast, sign_in: Any, who: str, examples: int
) -> None:
    """Each page gets every parameter at once, all with the same payload; the next page gets the next one."""
    estate = build_estate(world, cast)
    browser = sign_in(getattr(cast, who)) if who != "visitor" else app.test_client()
    addresses = sorted({address.split("?")[0] for address in pages_for(app, estate, who)})
    open_to = [address for address in addresses if browser.get(address).status_code == 200]
    assert len(open_to) > 5
    for number, address in enumerate(open_to):
        for turn in range(examples):
            payload = REFLECTED[(number + turn) % len(REFLECTED)]
            query = dict.fromkeys(PARAMETERS, payload)
            for headers in ({}, {"HX-Request": "true"}):
                answer = browser.get(address, query_string=query, headers=headers)
                assert answer.status_code < 500, f"{address} with {payload[:40]}"
                if answer.mimetype == "text/html":
                    assert_inert(parse(answer), f"{address} with {payload[:40]}")
                assert b"1400002" not in answer.data


@pytest.mark.parametrize("payload", REFLECTED)
def test_a_search_takes_every_text_for_words(app: Flask, cast: Cast, connection: Any, payload: str) -> None:
    client, names = app.test_client(), ("q", "search", "level", "category", "sort", "state", "cursor", "page")
    for address in ("/courses", "/api/v1/courses"):
        for query in (dict.fromkeys(names[:2], payload), dict.fromkeys(names, payload)):
            answer = client.get(address, query_string=query)
            assert answer.status_code in {200, 400, 422}
            if answer.mimetype == "text/html":
                assert_inert(parse(answer), f"{address} with {payload[:40]}")


@pytest.mark.parametrize("address", ["/nowhere", "/courses/none", "/api/v1/nowhere", "/static/0/none"])
@pytest.mark.parametrize("door", [{}, {"HX-Request": "true"}])
def test_an_error_says_nothing_back_that_could_run(
    app: Flask, connection: Any, address: str, door: dict[str, str]
) -> None:
    answer = app.test_client().get(f"{address}{MARKUP}?{MARKUP}={MARKUP}", headers=door | {"Referer": MARKUP})
    assert answer.status_code == 404
    assert MARK not in answer.get_data(as_text=True)


@pytest.mark.parametrize("header", ["Referer", "HX-Current-URL"])
@pytest.mark.parametrize(
    "address",
    ["https://evil.test/x", "http://localhost//evil.test/x", "http://localhost@evil.test/", "//evil.test", "http://["],
)
def test_the_way_back_from_an_error_stays_in_the_portal(app: Flask, connection: Any, header: str, address: str) -> None:
    answer = app.test_client().get("/nowhere", headers={header: address})
    assert answer.status_code == 404
    for link in parse(answer).css("a[href]"):
        assert link.attributes["href"].startswith("/")
        assert not link.attributes["href"].startswith("//")
    sent_to = app.test_client().get("/account", headers={header: address, "HX-Request": "true"}).headers["HX-Redirect"]
    assert sent_to.startswith("/login?next=/")
    assert not sent_to.startswith("/login?next=//")


def test_mails_print_what_was_typed_and_work_nothing_out() -> None:
    typed = {name: text if "at" in name or "on" in name else f"{text} {EXPRESSIONS}" for name, text in DATA.items()}
    typed["files"], typed["starts_on"] = DATA["files"], DATA["starts_on"]
    for kind in NotificationKind:
        said = mail_text(
            kind,
            typed,
            first_name=EXPRESSIONS,
            address="https://x.test/",
            site="https://x.test",
            zone=ZoneInfo("Africa/Accra"),
        )
        assert EXPRESSIONS in said.body
        assert "1400002" not in said.title + said.body


@pytest.mark.parametrize(
    "source",
    [
        "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))", "[x](data:text/html,x)",
        "[x](vbscript:x)", "<javascript:alert(1)>", "![x](https://evil.test/pixel.png)", "![x](javascript:alert(1))",
        "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "<svg/onload=alert(1)>", "<iframe src=//evil>",
        "<a href=x hx-get=/admin/ hx-trigger=load>x</a>", "<form action=//evil><input name=p></form>",
        "<style>*{display:none}</style>", "[x]: javascript:alert(1)\n\n[x]", "```html\n<script>alert(1)</script>\n```",
        "<div data-hx-post=/logout hx-trigger=load>", "[x](//evil.test)", 
        "<base href=//evil>", "<math><mi xlink:href=x>",
        "[a](https://ok.test \"title' onmouseover='alert(1)\")", "\u2028<script>", "<!--<script>-->", "<p style=x>",
    ],
)  # fmt: skip
def test_a_text_in_markdown_cannot_run_load_or_ask_for_anything(source: str) -> None:
    page = LexborHTMLParser(str(markdown(source)))
    assert_inert(page, source)
    allowed = {"class", "hx-disable", "href", "title", "rel", "start"}
    for node in page.css("body *"):
        assert node.tag not in {"script", "img", "svg", "iframe", "form", "input", "style", "base", "math", "object"}
        assert set(node.attributes) <= allowed, source
        if "href" in node.attributes:
            assert node.attributes["href"].lower().startswith(("https://", "http://", "mailto:", "tel:", "#")), source


@pytest.mark.parametrize(
    "target",
    [
        "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test", "https:evil.test",
        "http:/evil.test", "javascript:alert(1)", "data:text/html,x", "/\t/evil.test", "/\n/evil.test", " //evil.test",
        "@evil.test", "evil.test", "/a\r\nSet-Cookie: x=1", "\x00/", "/\x00", "//evil.test/%2f..", "", "?x", "#x",
        "/%0d%0aLocation:evil", "//[::1]", "/\u2028/evil.test", "https:///evil.test", "/.//evil.test", "/..//evil.test",
    ],
)  # fmt: skip
def test_nobody_is_sent_to_another_site_after_signing_in(
    app: Flask, world: Session, cast: Cast, sign_in: Any, target: str
) -> None:
    gone_to = sign_in(cast.ama).get("/login", query_string={"next": target}).location
    assert gone_to.startswith("/")
    assert not gone_to.startswith(("//", "/\\"))
    assert not any(ord(character) < 0x21 for character in gone_to)
    assert safe_next(target, "/here").startswith("/")


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)", "data:text/html,x", "//evil.test/x", "ftp://evil.test/x", "http://",
        "https://user:password@evil.test", "https://\x00evil.test", "java\nscript:x",
    ],
)  # fmt: skip
def test_a_link_handed_in_leads_to_the_web_or_is_refused(
    world: Session, cast: Cast, sign_in: Any, link: str, app: Flask, settings: Any
) -> None:
    estate = build_estate(world, cast)
    ama = sign_in(cast.ama)
    page = f"/student/assignments/{estate['assignment_id']}"
    answer = ama.post(f"{page}/submission", data={"key": "1", "text": "", "links": link})
    assert_inert(parse(answer), link)
    token = start_family(world, cast.ama.id, token_keys(settings), at=now()).access_token
    world.commit()
    address = f"/api/v1/assignments/{estate['assignment_id']}/submit"
    program = app.test_client().post(address, data={"links": link}, headers={"Authorization": f"Bearer {token}"})
    assert program.status_code in {201, 422}
    assert_inert(parse(sign_in(cast.kofi).get("/trainer/marking?state=all")), link)
    for browser, where in ((ama, page), (ama, f"/student/submissions/{estate['submission_id']}/receipt")):
        assert_inert(parse(browser.get(where)), link)


@pytest.mark.parametrize(
    "name",
    [
        'a"b\r\nSet-Cookie: x=1.jpg',
        "Ɛyɛ\u2028.pdf",
        "a;filename=b.exe",
        '\\"',
        "%22%0d%0a.jpg",
        "\x7f\x00",
        "\u202egpj.exe",
    ],
)
def test_a_file_name_that_becomes_a_header_stays_one_header(
    app: Flask, world: Session, cast: Cast, sign_in: Any, name: str
) -> None:
    put_the_file(app)
    estate = build_estate(world, cast, file_name=name.replace("\x00", ""))
    answer = sign_in(cast.ama).get(f"/student/submissions/{estate['submission_id']}/files/{estate['file_id']}")
    header = answer.headers["Content-Disposition"]
    assert header.startswith('attachment; filename="')
    assert header.isprintable()
    assert header.isascii()
    assert header.count('"') == 2
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "forbidden",
    [
        r"shell=True", r"(?<![.\w])eval\(", r"(?<![.\w])exec\(", r"pickle", r"marshal\.", r"yaml\.load", r"os\.system",
        r"verify=False", r"render_template_string", r"innerHTML",
        r"hashlib\.(md5|sha1)\(", r"random\.(random|choice|randint)",
    ],
)  # fmt: skip
def test_nothing_in_the_portal_runs_what_a_person_typed_or_trusts_what_is_weak(forbidden: str) -> None:
    sources = [*ROOT.glob("portal/**/*.py"), *ROOT.glob("templates/**/*.html"), *ROOT.glob("static/js/**/*.js")]
    assert len(sources) > 200
    assert not [str(path) for path in sources if re.search(forbidden, path.read_text())]
