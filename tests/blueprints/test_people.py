"""The office and its people: find, invite, let in, keep out, roles and duties."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from portal.domain.accounts.models import SingleUseToken, User
from portal.domain.audit.models import AuditEntry
from tests.blueprints.signing_in import PASSWORD, WRONG, browser, fill_in, is_signed_in, try_to_sign_in, with_password
from tests.factories import make_session, make_user, now
from tests.pages import assert_page_and_fragment, parse, words

NEW = "nine tortoises crossed a wide road"


@pytest.fixture(autouse=True)
def quick_answers(app, monkeypatch):
    monkeypatch.setitem(app.config, "EVEN_ANSWER_SECONDS", 0)


@pytest.fixture
def office(cast, sign_in):
    """Efua's browser."""
    return sign_in(cast.efua)


def names(page):
    return [words(node) for node in parse(page).css("#people th[scope=row]")]


@pytest.mark.parametrize(
    "q, found",
    [
        ("ama", ["Ama Mensah"]),
        ("MENSAH ama", ["Ama Mensah"]),
        ("ama@exam", ["Ama Mensah"]),
        ("0241234567", ["Ama Mensah"]),
        ("024 123 4567", ["Ama Mensah"]),
        ("+233241", ["Ama Mensah"]),
        ("km26-0002", ["Esi Owusu"]),
        ("Ámá", ["Ama Mensah"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("'; --", []),
        ("nobody", []),
    ],
)
def test_people_are_found_by_any_part_of_what_they_are_known_by(office, q, found):
    assert names(office.get("/admin/people", query_string={"q": q})) == found


@pytest.mark.parametrize(
    "query, found",
    [
        ({"role": "trainer"}, {"Yaw Adjei", "Kofi Asante"}),
        ({"state": "deactivated"}, {"Kojo Boateng"}),
        ({"role": "trainer", "state": "deactivated"}, set()),
        ({"role": "emperor", "state": "confused", "q": "ama"}, {"Ama Mensah"}),
    ],
)
def test_people_are_narrowed_by_role_and_state(office, query, found):
    assert set(names(office.get("/admin/people", query_string=query))) == found


def test_the_list_is_searched_as_one_types(office):
    assert_page_and_fragment(office, "/admin/people?q=ama", "people")


def test_a_long_list_has_pages_either_way(world, office):
    for number in range(60):
        make_user(world, last_name=f"Zz{number:02d}")
    world.commit()
    seen, address = [], "/admin/people?q=Zz"
    while address:
        page = office.get(address)
        seen += names(page)
        link = parse(page).css_first("a[rel=next]")
        address = link.attributes["href"] if link else None
    assert seen == [f"Person Zz{number:02d}" for number in range(60)]
    back = office.get(parse(page).css_first("a[rel=prev]").attributes["href"])
    assert names(back)[-1] == "Person Zz49"


def test_lists_cost_the_same_for_one_and_for_a_hundred(world, cast, office, count_queries):
    addresses = ["/admin/people?role=trainer", f"/admin/people/{cast.kofi.id}", "/admin/people/invite"]
    costs = []
    for _ in range(2):
        for address in addresses:
            with count_queries() as queries:
                assert office.get(address).status_code == 200
            assert len(queries) <= 6, queries
            costs.append(len(queries))
        for _ in range(100):
            make_user(world, "trainer")
            make_session(world, cast.kofi)
        world.commit()
    assert costs[:3] == costs[3:]


def invite(office, **fields):
    form = {
        "role": "student",
        "first_name": "Adwoa",
        "last_name": "Sarpong",
        "by": "mail",
        "email": "adwoa@example.test",
    }
    return fill_in(office, "/admin/people/invite", **(form | fields))


def test_an_invitation_goes_by_mail(world, office):
    invited = invite(office)
    adwoa = world.scalars(select(User).where(User.email == "adwoa@example.test")).one()
    assert invited.location == f"/admin/people/{adwoa.id}"
    job = world.execute(text("SELECT task_name, args->>'user_id' FROM procrastinate_jobs")).one()
    assert tuple(job) == ("accounts.send_invitation", str(adwoa.id))


def test_whoever_makes_an_admin_gives_the_password_again_and_types_nothing_twice(world, cast, sign_in):
    with_password(world, cast.efua)
    office = sign_in(cast.efua, reauthenticated_at=now() - timedelta(minutes=11))
    assert invite(office).location.startswith("/admin/people/")  # a student
    asked = invite(office, role="admin", duties="cashier", email="new-admin@example.test", phone="")
    assert asked.location.startswith("/confirm-password?next=/kept-form/")
    assert world.scalars(select(User).where(User.email == "new-admin@example.test")).all() == []
    kept_at = asked.location.removeprefix("/confirm-password?next=")
    office.post("/confirm-password", data={"password": PASSWORD, "next": kept_at})
    form = parse(office.get(kept_at)).css_first("main form")
    fields = {node.attributes["name"]: node.attributes["value"] for node in form.css("input")}
    office.post(form.attributes["action"], data=fields)
    assert world.scalars(select(User.duties).where(User.email == "new-admin@example.test")).one() == ["cashier"]


def test_a_slip_that_opens_an_admins_account_asks_for_the_password_again(world, cast, sign_in):
    office = sign_in(cast.efua, reauthenticated_at=now() - timedelta(minutes=11))
    other = make_user(world, "admin", email="other-admin@example.test")
    world.commit()
    assert office.post(f"/admin/people/{cast.ama.id}/slip").status_code == 200
    assert office.post(f"/admin/people/{other.id}/slip").location.startswith("/confirm-password")


def test_an_invitation_is_printed_for_somebody_without_mail(app, world, office):
    slip = invite(office, by="slip", email="", phone="0201234567")
    assert slip.status_code == 200
    page = parse(slip)
    assert page.css_first(".slip svg path")
    code = words(page.css_first(".slip .code"))
    link = page.css_first("[data-copy]").attributes["data-copy"]
    assert link.endswith(f"/invitation/{code}")
    hers = browser(app)
    leads_to = fill_in(hers, "/code", code=code).location
    fill_in(hers, leads_to, password=NEW, repeat=NEW)
    assert is_signed_in(hers)
    assert try_to_sign_in(browser(app), "0201234567", NEW).status_code == 303
    assert code not in str([vars(row) for row in world.scalars(select(SingleUseToken))])


@pytest.mark.parametrize(
    "fields, says",
    [
        ({"email": ""}, "To invite by e-mail"),
        ({"email": "", "by": "slip"}, "Enter an e-mail address, a phone number, or both"),
        ({"email": "ama@example.test"}, "Somebody else has this e-mail address"),
        ({"phone": "123"}, "not a phone number"),
        ({"role": "admin"}, "at least one duty"),
        ({"first_name": ""}, "Fill in first name"),
    ],
)
def test_an_invitation_that_does_not_work_keeps_what_was_typed(world, cast, office, fields, says):
    before = world.query(User).count()
    page = invite(office, **fields)
    assert page.status_code in {409, 422}
    assert says in words(page)
    assert parse(page).css_first("input[name=last_name]").attributes["value"] == "Sarpong"
    assert world.query(User).count() == before


def test_a_person_without_a_password_is_invited_again_and_one_with_gets_a_reset(world, cast, office):
    def slip_for(person):
        return parse(office.post(f"/admin/people/{person.id}/slip"))

    with_password(world, cast.ama)
    assert "/reset/" in slip_for(cast.ama).css_first("[data-copy]").attributes["data-copy"]
    assert "/invitation/" in slip_for(cast.esi).css_first("[data-copy]").attributes["data-copy"]
    assert office.post(f"/admin/people/{cast.kojo.id}/slip").status_code == 409


def test_deactivation_ends_everything_at_once(app, world, cast, office):
    with_password(world, cast.ama)
    hers = browser(app)
    try_to_sign_in(hers, cast.ama.email, PASSWORD)
    assert office.post(f"/admin/people/{cast.ama.id}/deactivation", data={"reason": ""}).status_code == 422
    assert is_signed_in(hers)
    office.post(f"/admin/people/{cast.ama.id}/deactivation", data={"reason": "left the institute"})
    assert not is_signed_in(hers)
    assert try_to_sign_in(hers, cast.ama.email, PASSWORD).status_code == 422
    office.post(f"/admin/people/{cast.ama.id}/reactivation")
    assert try_to_sign_in(hers, cast.ama.email, PASSWORD).status_code == 303


def test_the_last_admin_cannot_lock_everyone_out(cast, office):
    answer = office.post(f"/admin/people/{cast.efua.id}/deactivation", data={"reason": "tired"})
    assert answer.status_code == 409
    assert "last active admin" in words(answer)
    refused = office.post(f"/admin/people/{cast.efua.id}/role", data={"role": "admin", "duties": ["cashier"]})
    assert refused.status_code == 409


def test_role_and_duties_are_changed_with_the_password_at_hand(world, cast, office):
    person = make_user(world)
    world.commit()
    address = f"/admin/people/{person.id}/role"
    assert fill_in(office, address, role="admin", duties=["cashier", "registrar"]).status_code == 303
    world.expire_all()
    assert (person.role, person.duties) == ("admin", ["registrar", "cashier"])
    page = parse(office.get(address))
    ticked = [node.attributes["value"] for node in page.css("input[name=duties][checked]")]
    assert ticked == ["registrar", "cashier"]
    assert office.post(f"/admin/people/{cast.ama.id}/role", data={"role": "trainer"}).status_code == 409


def test_a_wait_is_seen_and_lifted(app, world, cast, office):
    with_password(world, cast.ama)
    stranger = browser(app)
    for _ in range(5):
        try_to_sign_in(stranger, cast.ama.email, WRONG)
    assert "Too many wrong passwords" in words(office.get(f"/admin/people/{cast.ama.id}"))
    office.post(f"/admin/people/{cast.ama.id}/waits/lift")
    assert "Too many wrong passwords" not in words(office.get(f"/admin/people/{cast.ama.id}"))
    assert try_to_sign_in(stranger, cast.ama.email, PASSWORD).status_code == 303


def test_details_are_corrected(world, cast, office):
    form = {"first_name": "Ama", "last_name": "Mensah-Boateng", "email": "ama@new.test", "phone": "0201234567"}
    assert fill_in(office, f"/admin/people/{cast.ama.id}/details", **form).status_code == 303
    world.expire_all()
    ama = world.get_one(User, cast.ama.id)
    assert (ama.last_name, ama.email, ama.phone) == ("Mensah-Boateng", "ama@new.test", "+233201234567")
    clash = fill_in(office, f"/admin/people/{cast.ama.id}/details", **(form | {"email": "esi@example.test"}))
    assert clash.status_code == 409


def test_the_office_signs_somebody_out_everywhere(app, world, cast, office, sign_in):
    hers = sign_in(cast.ama)
    office.post(f"/admin/people/{cast.ama.id}/sessions/end")
    assert not is_signed_in(hers)
    assert world.scalars(select(AuditEntry.action)).all() == ["user:end-sessions"]


def test_a_cashier_sees_people_and_changes_none(world, cast, sign_in):
    cashier = make_user(world, "admin", duties=["cashier"])
    client = sign_in(cashier)
    page = client.get(f"/admin/people/{cast.ama.id}")
    assert page.status_code == 200
    assert not parse(page).css("main form")
    for act in ("deactivation", "reactivation", "slip", "invitation", "waits/lift", "sessions/end", "role", "details"):
        assert client.post(f"/admin/people/{cast.ama.id}/{act}").status_code == 403


def test_a_registrar_cannot_take_over_an_admins_account(world, cast, sign_in):
    client = sign_in(make_user(world, "admin", duties=["registrar"]))
    assert client.post(f"/admin/people/{cast.efua.id}/slip").status_code == 403
    assert client.post(f"/admin/people/{cast.efua.id}/deactivation", data={"reason": "x"}).status_code == 403
    page = parse(client.get(f"/admin/people/{cast.efua.id}"))
    assert [form.attributes["action"] for form in page.css("main form")] == []


def test_names_are_shown_as_they_were_typed_and_never_as_markup(world, office):
    person = make_user(world, first_name='<img src=x onerror=1>"', last_name="{{7*7}}")
    world.commit()
    for address in ("/admin/people?q=onerror", f"/admin/people/{person.id}"):
        page = parse(office.get(address))
        assert not page.css("img[src=x]")
        assert "{{7*7}}" in words(page.body)


def test_a_slip_is_kept_in_no_cache(cast, office):
    slip = office.post(f"/admin/people/{cast.esi.id}/slip")
    assert "no-store" in slip.headers["Cache-Control"]


def test_nobody_but_admins_sees_the_people(cast, sign_in):
    for person in (cast.ama, cast.kofi):
        assert sign_in(person).get("/admin/people").status_code == 403
