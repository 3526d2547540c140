"""`portal admin`, as whoever runs the server uses it: no mail, no browser."""

import re

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cli.admin import admin
from portal.domain.accounts import tokens
from portal.domain.accounts.models import User
from portal.domain.accounts.queries import has_admin
from tests.factories import make_user, now


@pytest.fixture
def server(live_engine, live_settings, monkeypatch):
    """A server with an empty database; returns how a command is typed on it."""
    monkeypatch.setenv("DATABASE_URL", live_settings.database_url.replace("+psycopg", ""))
    monkeypatch.setenv("PORTAL_ENVIRONMENT", "test")
    return lambda *arguments: CliRunner().invoke(admin, arguments)


def secret_in(output):
    return re.search(r"/(?:invitation|reset)/(\S+)", output).group(1)


def test_the_first_admin_has_all_duties_and_a_way_in_without_mail(server, live_engine):
    with Session(live_engine) as session:
        assert not has_admin(session)
    made = server("create", "--email", "Nana@Example.Test", "--name", "Nana Yaw Boss")
    assert made.exit_code == 0, made.output
    with Session(live_engine) as session:
        assert has_admin(session)
        nana = session.scalars(select(User)).one()
        assert (nana.email, nana.first_name, nana.last_name) == ("nana@example.test", "Nana Yaw", "Boss")
        assert set(nana.duties) == {"registrar", "cashier", "content", "director", "system"}
        assert tokens.look_up(session, secret_in(made.output), at=now()).user_id == nana.id


def test_a_second_admin_has_the_duties_that_were_named(server, live_engine):
    server("create", "--email", "first@example.test", "--name", "First Admin")
    assert server("create", "--email", "second@example.test", "--name", "Second Admin").exit_code == 1
    done = server("create", "--email", "second@example.test", "--name", "Second Admin", "--duty", "cashier")
    assert done.exit_code == 0
    with Session(live_engine) as session:
        assert session.scalars(select(User.duties).where(User.email == "second@example.test")).one() == ["cashier"]


def test_an_admin_who_lost_everything_is_let_in_again(server, live_engine):
    with Session(live_engine) as session:
        efua = make_user(session, "admin", email="efua@example.test", password_hash="$argon2id$forgotten")
        session.commit()
        user_id = efua.id
    recovered = server("recover", "efua@example.test")
    assert "/reset/" in recovered.output
    with Session(live_engine) as session:
        assert tokens.look_up(session, secret_in(recovered.output), at=now()).user_id == user_id


@pytest.mark.parametrize("email", ["nobody@example.test", "ama@example.test"])
def test_only_admins_are_recovered_on_the_server(server, live_engine, email):
    with Session(live_engine) as session:
        make_user(session, email="ama@example.test")
        session.commit()
    refused = server("recover", email)
    assert refused.exit_code == 1
    assert "There is no administrator" in refused.output


def test_an_address_is_taken_once_and_the_command_says_so_in_a_line(server):
    server("create", "--email", "first@example.test", "--name", "First Admin")
    again = server("create", "--email", "first@example.test", "--name", "First Admin", "--duty", "system")
    assert again.exit_code == 1
    assert again.output.strip() == "Error: Not saved. Somebody else has this e-mail address."
