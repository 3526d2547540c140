"""Forms: text is trimmed and normalised, times are in the person's zone, money is whole pesewas, refusals find a place.

A form checks shape only. What a rule refuses an operation says, and `refuse` puts it beside the fields.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from flask import current_app, request
from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from markupsafe import Markup, escape
from werkzeug.datastructures import FileStorage, MultiDict
from wtforms import DateTimeLocalField, Field, FileField, PasswordField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice as SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import Length, StopValidation, ValidationError
from wtforms.widgets import Input, TextArea, TextInput
from wtforms.widgets.core import clean_key  # type: ignore[attr-defined]  # its stubs lack it

from portal.domain.errors import DomainError
from portal.web.errors import status_of
from portal.web.sessions import current_identity

SHORT_TEXT = 200  # characters of a line, where the form says nothing else
LONG_TEXT = 20_000
LARGEST_AMOUNT = 1_000_000_00  # pesewas: no price or payment of the institute comes near a million cedis
UNPRINTABLE = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
LOCAL_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


class PortalForm(FlaskForm):
    """A form of the portal; `form_errors` holds what concerns no single field."""

    form_errors: list[str]

    class Meta(FlaskForm.Meta):
        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Have all text but passwords trimmed and normalised."""
            filters = list(unbound_field.kwargs.get("filters", ()))
            if issubclass(unbound_field.field_class, StringField):
                is_password = issubclass(unbound_field.field_class, PasswordField)
                filters.insert(0, refuse_nul if is_password else tidy)
            field = unbound_field.bind(form=form, filters=filters, **options)
            if isinstance(field.widget, Input):
                field.widget.html_params = attributes  # type: ignore[method-assign]  # made to be replaced
            return field

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """Return what was sent: files for fields of files, text for all others, and JSON for none."""
            if formdata is None or isinstance(formdata, MultiDict):
                return formdata
            if request.is_json:
                return None
            sent = super().wrap_formdata(form, formdata)
            if sent is None or not request.files:
                return sent
            of_files = {field.name for field in form if isinstance(field, FileField)}
            pairs = sent.items(multi=True)
            return MultiDict([pair for pair in pairs if isinstance(pair[1], FileStorage) == (pair[0] in of_files)])

    def refuse(self, error: DomainError) -> int:
        """Show a refusal where it belongs, and return the status to answer with."""
        for name, message in error.fields.items():
            if name in self._fields:
                field = self._fields[name]
                field.errors = [*field.errors, message]
        if error.message not in error.fields.values():
            self.form_errors = [*self.form_errors, error.message]
        return status_of(error)


def attributes(**named: Any) -> Markup:
    """Return the attributes of an element as WTForms' own function does, in an eighth of its time."""
    written = [
        clean_key(name) if value is True else f'{clean_key(name)}="{escape(value)}"'
        for name, value in sorted(named.items())
        if value is not False
    ]
    return Markup(" ".join(written))  # noqa: S704 - names are ours, and every value was escaped


class TextField(StringField):
    """A line of text."""

    def __init__(self, label: str | None = None, validators: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(label, _limited(validators, SHORT_TEXT), **kwargs)


class LongText(TextArea):
    """Writes what WTForms' own element says, its attributes in our way."""

    def __call__(self, field: Any, **named: Any) -> Markup:
        told = {name: getattr(field.flags, name, None) for name in self.validation_attrs}
        given = {name: value for name, value in told.items() if value is not None}
        written = attributes(**({"id": field.id, "name": field.name} | given | named))
        return Markup(f"<textarea {written}>\r\n{escape(field._value())}</textarea>")  # noqa: S704 - escaped here


class LongTextField(TextAreaField):
    """Text of several lines."""

    widget = LongText()

    def __init__(self, label: str | None = None, validators: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(label, _limited(validators, LONG_TEXT), **kwargs)


class LocalDateTimeField(DateTimeLocalField):
    """A moment, shown and typed in the person's zone; `data` is aware, in UTC."""

    def __init__(self, label: str | None = None, validators: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(label, tuple(validators), format=LOCAL_FORMATS, **kwargs)

    def _value(self) -> str:
        if self.raw_data:
            return " ".join(self.raw_data)
        return self.data.astimezone(persons_zone()).strftime(LOCAL_FORMATS[0]) if self.data else ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata(valuelist)
        if self.data is not None:
            self.data = self._in_utc(self.data)

    def _in_utc(self, wall_clock: datetime) -> datetime:
        moment = wall_clock.replace(tzinfo=persons_zone()).astimezone(UTC)
        if moment.astimezone(persons_zone()).replace(tzinfo=None) != wall_clock:
            raise ValueError("The clocks go forward then: that hour does not exist. Choose another time.")
        return moment


class MoneyField(Field):
    """An amount typed in cedis; `data` is whole pesewas."""

    widget = TextInput()

    def __init__(self, label: str | None = None, validators: Sequence[Any] = (), **kwargs: Any) -> None:
        kwargs.setdefault("render_kw", {"inputmode": "decimal"})
        super().__init__(label, tuple(validators), **kwargs)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data // 100}.{self.data % 100:02d}"

    def process_formdata(self, valuelist: list[Any]) -> None:
        typed = re.sub(r"(?i)gh[s₵]|[\s,₵]", "", valuelist[0]) if valuelist else ""
        self.data = pesewas_of(typed) if typed else None


class FilesField(MultipleFileField):
    """Files chosen together; `data` is a list without the empty part a browser sends for none."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.raw_data = self.data = [file for file in valuelist if isinstance(file, FileStorage) and file.filename]


class required:  # noqa: N801 - reads as a word in a list of validators
    """The field must be filled in; zero is filled in."""

    field_flags: ClassVar = {"required": True}

    def __init__(self, message: str | None = None) -> None:
        self.message = message

    def __call__(self, _form: Any, field: Any) -> None:
        if field.data is None or field.data in ("", [], ()):
            if field.errors:
                raise StopValidation  # what was typed could not be read, and the field says so
            raise StopValidation(self.message or f"Fill in {field.label.text[:1].lower()}{field.label.text[1:]}.")


def at_most(characters: int) -> Length:
    """The text may not be longer."""
    return Length(max=characters, message=too_long(characters))


def too_long(characters: int) -> str:
    """Return what is said of longer text, by a page and by the API."""
    return f"Use at most {characters:,} characters."


def tidy(value: Any) -> Any:
    """Return text as it is kept: composed letters, plain line breaks, nothing unprintable, no space around."""
    if not isinstance(value, str):
        return value
    refuse_nul(value)
    text = unicodedata.normalize("NFC", value).replace("\r\n", "\n").replace("\r", "\n")
    return UNPRINTABLE.sub("", text).strip()


def refuse_nul(value: Any) -> Any:
    """Refuse the one character that no text of the database can hold."""
    if isinstance(value, str) and "\x00" in value:
        raise ValidationError("This text holds a character that cannot be kept. Type it again.")
    return value


def pesewas_of(typed: str) -> int:
    """Return an amount of cedis as whole pesewas; refuse what is no amount, with a sentence."""
    try:
        amount = Decimal(typed) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]*)?|\.[0-9]+", typed) else None
    except InvalidOperation:
        amount = None
    if amount is None:
        raise ValueError("Type an amount such as 1,250.00.")
    pesewas = amount * 100
    if pesewas != pesewas.to_integral_value():
        raise ValueError("An amount has at most two digits after the point.")
    if pesewas > LARGEST_AMOUNT:
        raise ValueError(f"Type an amount of at most {LARGEST_AMOUNT // 100:,} cedis.")
    return int(pesewas)


def persons_zone() -> ZoneInfo:
    """Return the zone in which this person reads clocks."""
    identity = current_identity()
    zone: ZoneInfo = current_app.config["SETTINGS"].time_zone
    return ZoneInfo(identity.time_zone) if identity is not None else zone


def _limited(validators: Sequence[Any], characters: int) -> list[Any]:
    given = list(validators)
    return given if any(isinstance(validator, Length) for validator in given) else [*given, at_most(characters)]
