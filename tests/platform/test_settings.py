"""Whoever starts a server is told of every setting that is wrong, at once and before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.settings import Settings, SettingsError

DATABASE = "postgresql://portal:secret@127.0.0.1/portal"
DEVELOPMENT = {"PORTAL_ENVIRONMENT": "development", "DATABASE_URL": DATABASE}
PRODUCTION = {
    "DATABASE_URL": DATABASE,
    "SECRET_KEY": "s" * 32,
    "JWT_KEYS": "j" * 32,
    "PORTAL_URL": "https://portal.example.org",
}


def problems_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(environ)
    return refused.value.problems


def test_all_that_is_wrong_is_said_in_one_message() -> None:
    said = "\n".join(problems_of({"TIME_ZONE": "Nowhere", "REDIS_URL": "localhost", "TRUSTED_PROXIES": "two"}))
    for name in ("TIME_ZONE", "REDIS_URL", "TRUSTED_PROXIES", "DATABASE_URL", "SECRET_KEY", "JWT_KEYS", "PORTAL_URL"):
        assert name in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_SERVER", "mail.example.org:submission"),
        ("MAIL_SERVER", "mail.example.org:70000"),
        ("MAIL_SENDER", "KM Media"),
        ("MAIL_ENCRYPTION", "ssl"),
        ("STORAGE_URL", "s3://"),
        ("STORAGE_URL", "/srv/files"),
        ("S3_ENDPOINT", "https://store.example.org:http"),
        ("DATABASE_URL", "postgresql://127.0.0.1:five/portal"),
        ("DATABASE_URL", "sqlite:///portal.db"),
        ("PORTAL_URL", "portal.example.org"),
        ("BREACHED_PASSWORDS", "/nowhere/at/all"),
        ("INSTITUTE_MARK", "/nowhere/at/all.svg"),
        ("SENTRY_DSN", "errors.example.org"),
        ("TRUSTED_NETWORKS", "the lab"),
        ("LIMITS_FACTOR", "-1"),
        ("LOG_LEVEL", "loud"),
        ("PORTAL_ENVIRONMENT", "staging"),
    ],
)
def test_a_value_that_would_fail_later_is_refused_at_the_start_by_name(name: str, value: str) -> None:
    (problem,) = (line for line in problems_of(DEVELOPMENT | {name: value}) if line.startswith(name))
    assert "Traceback" not in problem


@pytest.mark.parametrize(
    "change",
    [
        {"SECRET_KEY": "short"},
        {"SECRET_KEY": "development-only-secret-that-no-server-may-use"},
        {"JWT_KEYS": f"{'j' * 32},short"},
        {"PORTAL_URL": "http://portal.example.org"},
    ],
)
def test_production_takes_no_weak_secret_and_no_open_line(change: dict[str, str]) -> None:
    assert not Settings.from_env(PRODUCTION).problems()
    (problem,) = problems_of(PRODUCTION | change)
    assert problem.startswith(next(iter(change)))


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("f" * 40 + "\n")
    environ = {name: value for name, value in PRODUCTION.items() if name != "SECRET_KEY"}
    assert Settings.from_env(environ | {"SECRET_KEY_FILE": str(secret)}).secret_key == "f" * 40
    (missing,) = problems_of(environ | {"SECRET_KEY_FILE": str(tmp_path / "gone")})[:1]
    assert missing.startswith("SECRET_KEY cannot be read from")
    secret.write_bytes(b"\xff\xfe\x00")
    assert "holds no text" in problems_of(environ | {"SECRET_KEY_FILE": str(secret)})[0]
    assert "are both set" in problems_of(PRODUCTION | {"SECRET_KEY_FILE": str(secret)})[0]


def test_an_earlier_secret_is_still_accepted_and_never_used_to_sign() -> None:
    settings = Settings.from_env(PRODUCTION | {"SECRET_KEY_FALLBACKS": "old-one, older-one"})
    assert settings.signing_keys == ("s" * 32, "old-one", "older-one")
