"""The portal's settings: one frozen, typed value, read once from the environment.

`Settings.from_env()` is the only reader of environment variables in the portal. It reports every
problem in one message, so that whoever starts a server mends them all at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

MINIMUM_SECRET_LENGTH = 32  # characters; 128 bits even when written in hexadecimal
DEVELOPMENT_SECRET = "development-only-secret-that-no-server-may-use"  # noqa: S105 - refused in production

Network = IPv4Network | IPv6Network


class SettingsError(Exception):
    """What is wrong with the settings: one line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("The settings are not complete:\n" + "\n".join(f"  - {line}" for line in problems))


def _text(value: str) -> str:
    return value


def _flag(value: str) -> bool:
    match value.strip().lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off" | "":
            return False
    raise ValueError("must be one of true, false, yes, no, on, off, 1, 0")


def _whole(value: str) -> int:
    try:
        number = int(value)
    except ValueError:
        raise ValueError("must be a whole number") from None
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part) for part in _list(value))
    except ValueError as error:
        raise ValueError(f"must list networks such as 197.251.0.0/24 ({error})") from None


def _zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone such as Africa/Accra") from None


def _folder(value: str) -> Path:
    return Path(value).expanduser().absolute()


def _file(value: str) -> str:
    if value and not Path(value).expanduser().is_file():
        raise ValueError(f"names no file: {value}")
    return str(Path(value).expanduser().absolute()) if value else ""


def _database(value: str) -> str:
    parts = urlsplit(value)
    _port_of(parts)
    if parts.scheme not in {"postgresql", "postgres", "postgresql+psycopg"} or not parts.path.strip("/"):
        raise ValueError("must be a PostgreSQL address such as postgresql://portal:password@host/portal")
    return "postgresql+psycopg" + value[len(parts.scheme) :]


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    _port_of(parts)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
        raise ValueError("must be an address such as https://portal.example.org, without a path")
    return value.rstrip("/")


def _mail_server(value: str) -> str:
    parts = urlsplit(f"//{value}")
    _port_of(parts)
    if value and (not parts.hostname or parts.path or parts.username):
        raise ValueError("must be a host, or host:port, such as mail.example.org:587")
    return value


def _mail_sender(value: str) -> str:
    if "@" not in parseaddr(value)[1]:
        raise ValueError("must be an address such as KM Media <portal@example.org>")
    return value


def _port_of(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ValueError("has a port that is not a number from 0 to 65535") from None


def _sentry(value: str) -> str:
    parts = urlsplit(value)
    if value and not (parts.scheme in {"http", "https"} and parts.username and parts.path.strip("/")):
        raise ValueError("must be an address such as https://key@errors.example.org/1")
    return value


def _storage(value: str) -> str:
    names_bucket = value.startswith("s3://") and value.removeprefix("s3://").strip("/")
    if not (names_bucket or value.startswith("folder:")):
        raise ValueError("must be folder:/path or s3://bucket")
    return value


def _redis(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be an address such as redis://host:6379/0")
    return value


def _environment(value: str) -> str:
    if value not in {"production", "development", "test"}:
        raise ValueError("must be production, development or test")
    return value


def _setting(read: Callable[[str], Any], about: str, *, default: Any = None, secret: bool = False) -> Any:
    """Declare a setting: how its text is read, what it means, and what it is when absent."""
    return field(default=default, metadata={"read": read, "about": about, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that can be set from outside. A field is read from the variable of its name in capitals."""

    environment: str = _setting(
        _environment, "`production`, `development` (what `make run` sets) or `test`", default="production"
    )
    portal_home: Path = _setting(
        _folder,
        "Folder of everything that is kept: files, mail in development, the embedded database",
        default=Path("var").absolute(),
    )
    portal_url: str = _setting(
        _web_address,
        "Address at which people open the portal; links in messages start with it",
        default="http://127.0.0.1:8000",
    )
    database_url: str = _setting(
        _database, "PostgreSQL as the portal's own role, which may not change tables", default="", secret=True
    )
    migration_database_url: str = _setting(
        _database, "PostgreSQL as the role that owns the tables; used by migrations only", default="", secret=True
    )
    redis_url: str = _setting(
        _redis, "Redis for rate limits and cache; PostgreSQL keeps them where absent", default="", secret=True
    )
    storage_url: str = _setting(
        _storage, "Where files are kept: `folder:/path` or `s3://bucket`; a folder in the home where absent", default=""
    )
    s3_endpoint: str = _setting(_web_address, "Address of an S3 service other than Amazon's", default="")
    s3_region: str = _setting(_text, "Region of the bucket", default="us-east-1")
    s3_access_key_id: str = _setting(_text, "Key id for the bucket", default="", secret=True)
    s3_secret_access_key: str = _setting(_text, "Secret key for the bucket", default="", secret=True)
    secret_key: str = _setting(_text, "Signs cookies and links; at least 32 random characters", default="", secret=True)
    secret_key_fallbacks: tuple[str, ...] = _setting(
        _list,
        "Earlier values of `SECRET_KEY`, separated by commas: still accepted, never used to sign",
        default=(),
        secret=True,
    )
    jwt_keys: tuple[str, ...] = _setting(
        _list,
        "Keys of API tokens, separated by commas: the first signs, all verify; each at least 32 characters",
        default=(),
        secret=True,
    )
    trusted_proxies: int = _setting(_whole, "How many proxies stand in front and set `X-Forwarded-*`", default=0)
    trusted_networks: tuple[Network, ...] = _setting(
        _networks,
        "The institute's own lines: sign-in limits are ten times higher, computers count as shared",
        default=(),
    )
    time_zone: ZoneInfo = _setting(_zone, "Zone of the institute's clock", default=ZoneInfo("Africa/Accra"))
    institute_mark: str = _setting(_file, "An SVG file shown in place of our own mark", default="")
    mail_server: str = _setting(
        _mail_server, "Mail server `host:port`; where absent, mail is written to a folder in the home", default=""
    )
    mail_user: str = _setting(_text, "User at the mail server", default="", secret=True)
    mail_password: str = _setting(_text, "Password at the mail server", default="", secret=True)
    mail_encryption: str = _setting(_text, "`starttls`, `tls` or `none`", default="starttls")
    mail_sender: str = _setting(
        _mail_sender, "Sender of the portal's mail", default="KM Media Training Institute <portal@localhost>"
    )
    metrics_token: str = _setting(
        _text, "Token that opens `/metrics`; where absent only a signed-in admin sees it", default="", secret=True
    )
    sentry_dsn: str = _setting(_sentry, "Where errors are reported; nowhere when absent", default="", secret=True)
    breached_passwords: str = _setting(
        _file, "A file of breached passwords, one in a line, refused beside the common ones", default=""
    )
    log_level: str = _setting(_text, "`debug`, `info`, `warning` or `error`", default="info")
    limits_factor: int = _setting(_whole, "Multiplies every rate limit; measuring runs raise it", default=1)
    demo_password: str = _setting(_text, "Password of the demo accounts", default="akwaaba-2026-demo", secret=True)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of this process, or raise `SettingsError` with all that is wrong.

        `X_FILE` names a file whose content is the value of `X`, as secret stores hand them over.
        """
        environ = os.environ if environ is None else environ
        problems: list[str] = []
        values: dict[str, Any] = {}
        for setting in fields(cls):
            name = variable_name(setting.name)
            try:
                text = _value_of(name, environ)
                if text is not None:
                    values[setting.name] = setting.metadata["read"](text)
            except ValueError as error:
                problems.append(f"{name} {error}")
        settings = cls(**values)
        problems += settings.problems(unread={line.split(" ", 1)[0] for line in problems})
        if problems:
            raise SettingsError(problems)
        return settings

    def problems(self, unread: Collection[str] = ()) -> list[str]:
        """Return what makes these settings unfit for their environment, a line each."""
        found: list[str] = []
        if not self.database_url and "DATABASE_URL" not in unread:
            found.append("DATABASE_URL is missing: the address of PostgreSQL (`make run` brings its own)")
        if self.mail_encryption not in {"starttls", "tls", "none"}:
            found.append("MAIL_ENCRYPTION must be starttls, tls or none")
        if self.log_level not in {"debug", "info", "warning", "error"}:
            found.append("LOG_LEVEL must be debug, info, warning or error")
        if self.storage_url.startswith("s3://") and not (self.s3_access_key_id and self.s3_secret_access_key):
            found.append("STORAGE_URL names a bucket: S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are missing")
        if self.environment == "production":
            found += self._production_problems(unread)
        return found

    def _production_problems(self, unread: Collection[str]) -> list[str]:
        found = []
        if len(self.secret_key) < MINIMUM_SECRET_LENGTH or self.secret_key == DEVELOPMENT_SECRET:
            found.append(f"SECRET_KEY is missing or weak: set at least {MINIMUM_SECRET_LENGTH} random characters")
        if not self.jwt_keys or any(
            len(key) < MINIMUM_SECRET_LENGTH or key == DEVELOPMENT_SECRET for key in self.jwt_keys
        ):
            found.append(f"JWT_KEYS is missing or weak: set keys of at least {MINIMUM_SECRET_LENGTH} random characters")
        if not self.portal_url.startswith("https://") and "PORTAL_URL" not in unread:
            found.append("PORTAL_URL must start with https:// in production")
        return found

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """All keys a signature may carry, the one to sign with first."""
        return (self.secret_key or DEVELOPMENT_SECRET, *self.secret_key_fallbacks)

    @property
    def token_keys(self) -> tuple[str, ...]:
        """All keys an API token may be signed with, the one to sign with first."""
        return self.jwt_keys or (DEVELOPMENT_SECRET,)

    @property
    def secure_cookies(self) -> bool:
        """Whether people reach the portal over TLS, so that cookies may never leave it."""
        return self.portal_url.startswith("https://")


def variable_name(field_name: str) -> str:
    """Return the environment variable of a field; the demo password's carries the portal's name."""
    prefix = "portal_" if field_name in {"environment", "demo_password"} else ""
    return (prefix + field_name).upper()


def _value_of(name: str, environ: Mapping[str, str]) -> str | None:
    direct, file_name = environ.get(name), environ.get(f"{name}_FILE")
    if direct is not None and file_name is not None:
        raise ValueError(f"and {name}_FILE are both set: keep one")
    if file_name is None:
        return direct
    try:
        return Path(file_name).read_text().strip()
    except OSError as error:
        raise ValueError(f"cannot be read from {name}_FILE={file_name} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"cannot be read from {name}_FILE={file_name} (it holds no text)") from None


@dataclass(frozen=True)
class SettingDescription:
    """One row of the table of settings in the README."""

    variable: str
    default: str
    about: str
    secret: bool = False


def describe_settings() -> list[SettingDescription]:
    """Return every setting with its variable, default and meaning, in order."""
    rows = []
    for setting in fields(Settings):
        default = setting.default
        shown = "" if default in ("", (), None) else "`./var`" if setting.name == "portal_home" else f"`{default}`"
        rows.append(
            SettingDescription(
                variable_name(setting.name), shown, cast(str, setting.metadata["about"]), setting.metadata["secret"]
            )
        )
    return rows
