"""The materials of an intake: add, edit, order, release now or later, take back, remove and bring back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from flask_wtf.file import FileField
from werkzeug.wrappers import Response as BaseResponse
from wtforms import RadioField, SelectField
from wtforms.validators import Optional

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.clock import now
from portal.domain.courses import materials as operations
from portal.domain.courses import operations as course_operations
from portal.domain.courses import queries
from portal.domain.courses.materials import LONGEST_BODY, LONGEST_TITLE, LONGEST_URL, AddMaterial, EditMaterial
from portal.domain.courses.models import Material, MaterialKind
from portal.domain.courses.queries import IntakeRow, ModuleRow
from portal.domain.errors import Conflict, Invalid, NotFound, TooLarge
from portal.domain.files.kinds import LARGEST
from portal.domain.files.operations import StoredBytes
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.course_forms import ModuleForm
from portal.web.forms import LocalDateTimeField, LongTextField, PortalForm, SelectChoice, TextField, at_most, required
from portal.web.htmx import go_to, respond, wants_fragment
from portal.web.once import KeyedForm, perform_once
from portal.web.send_file import send_stored
from portal.web.sessions import the_person
from portal.web.uploads import discard, receive, takes_files

RELEASES = [
    SelectChoice("now", "Now"),
    SelectChoice("later", "At a set time"),
    SelectChoice("hidden", "Not yet: keep it to the trainers"),
]


class MaterialForm(PortalForm):
    module_id = SelectField("Module", [required()])
    title = TextField("Title", [required(), at_most(LONGEST_TITLE)])
    url = TextField("Address", [at_most(LONGEST_URL)], render_kw={"inputmode": "url"})
    body = LongTextField("Text", [at_most(LONGEST_BODY)], render_kw={"rows": 12})

    def offer(self, modules: list[ModuleRow]) -> None:
        """Let the form choose among these modules."""
        self.module_id.choices = [SelectChoice(str(module.id), module.title) for module in modules]


class NewMaterialForm(MaterialForm, KeyedForm):
    file = FileField("File")
    release = RadioField("Students see it", choices=RELEASES, default="now")
    released_at = LocalDateTimeField("From", [Optional()])

    def moment(self, at: datetime) -> datetime | None:
        """Return when students are to see the material."""
        match self.release.data:
            case "now":
                return at
            case "later":
                if self.released_at.data is None:
                    raise Invalid("Say when.", fields={"released_at": "Say from when students see it."})
                moment: datetime = self.released_at.data
                return moment
        return None


class ReleaseForm(PortalForm):
    released_at = LocalDateTimeField("Release at", [required()])


@blueprint.get("/intakes/<uuid:intake_id>/materials")
@requires(Permission.RELEASE_MATERIALS)
def materials(intake_id: UUID) -> Response:
    """List the materials of an intake this person teaches, module by module."""
    return _list(intake_id)


@blueprint.post("/intakes/<uuid:intake_id>/modules")
@requires(Permission.RELEASE_MATERIALS)
def add_module(intake_id: UUID) -> BaseResponse:
    """Add a module to the course of an intake."""
    intake = queries.intake_taught_by(current_session(), the_person().person_id, intake_id)
    form = ModuleForm()
    if not form.validate_on_submit():
        return _list(intake_id, 422, form)
    try:
        perform_once(course_operations.add_module, the_person(), intake.course_id, form.title.data or "", at=now())
    except Invalid as error:
        return _list(intake_id, form.refuse(error), form)
    return go_to(url_for("trainer.materials", intake_id=intake_id))


@blueprint.post("/intakes/<uuid:intake_id>/modules/<uuid:module_id>/place")
@requires(Permission.RELEASE_MATERIALS)
def move_module(intake_id: UUID, module_id: UUID) -> BaseResponse:
    """Move a module one place up or down."""
    queries.intake_taught_by(current_session(), the_person().person_id, intake_id)
    up = request.form.get("direction") == "up"
    perform(course_operations.move_module, the_person(), module_id, up=up, at=now())
    return _after_change(intake_id)


@blueprint.route("/intakes/<uuid:intake_id>/materials/new/<kind>", methods=["GET", "POST"])
@requires(Permission.RELEASE_MATERIALS)
@takes_files(LARGEST)
def new_material(intake_id: UUID, kind: str) -> BaseResponse:
    """Add a text, a link or a file to a module."""
    if kind not in set(MaterialKind):
        raise NotFound
    intake = queries.intake_taught_by(current_session(), the_person().person_id, intake_id)
    modules = queries.modules_of(current_session(), intake.course_id)
    form = NewMaterialForm()
    form.offer(modules)
    if not form.is_submitted() and request.args.get("module"):
        form.module_id.data = request.args["module"]
    if not form.validate_on_submit():
        return _new_page(intake, kind, form, 422 if form.is_submitted() else 200)
    received: list[StoredBytes] = []
    try:
        at = now()
        moment = form.moment(at)
        if kind == MaterialKind.FILE and form.file.data:
            received.append(receive(form.file.data))
        command = AddMaterial(
            intake_id=intake_id,
            module_id=UUID(form.module_id.data),
            kind=MaterialKind(kind),
            title=form.title.data or "",
            body=form.body.data or "",
            url=form.url.data or "",
            file=received[0] if received else None,
            released_at=moment,
        )
        perform_once(operations.add_material, the_person(), command, at=at)
    except (Invalid, Conflict, TooLarge) as error:
        discard(received)
        return _new_page(intake, kind, form, form.refuse(error))
    flash(f"“{form.title.data}” is added.", "done")
    return go_to(url_for("trainer.materials", intake_id=intake_id))


@blueprint.route("/materials/<uuid:material_id>", methods=["GET", "POST"])
@requires(Permission.RELEASE_MATERIALS)
def material(material_id: UUID) -> BaseResponse:
    """Edit a material, and say when students see it."""
    person = the_person()
    found = queries.material_taught_by(current_session(), person.person_id, material_id)
    form = _material_form(found)
    if not form.validate_on_submit():
        return _material_page(found, form, status=422 if form.is_submitted() else 200)
    command = EditMaterial(
        material_id=material_id,
        module_id=UUID(form.module_id.data),
        title=form.title.data or "",
        body=form.body.data or "",
        url=form.url.data or "",
    )
    try:
        perform(operations.edit_material, person, command, at=now())
    except Invalid as error:
        return _material_page(found, form, status=form.refuse(error))
    flash("Saved.", "done")
    return go_to(url_for("trainer.materials", intake_id=found.intake_id))


@blueprint.get("/materials/<uuid:material_id>/file")
@requires(Permission.RELEASE_MATERIALS)
def material_file(material_id: UUID) -> Response:
    """Send the file of a material of an intake this person teaches."""
    file = queries.material_file_taught_by(current_session(), the_person().person_id, material_id)
    return send_stored(file, inline="inline" in request.args)


@blueprint.post("/materials/<uuid:material_id>/release")
@requires(Permission.RELEASE_MATERIALS)
def release_material(material_id: UUID) -> BaseResponse:
    """Show a material to students, now or from a set time on."""
    at = now()
    found = queries.material_taught_by(current_session(), the_person().person_id, material_id)
    form = ReleaseForm(prefix="release")
    at_set_time = "release-released_at" in request.form
    if at_set_time and not form.validate_on_submit():
        return _material_page(found, _material_form(found, formdata=None), release=form, status=422)
    moment: datetime = form.released_at.data if at_set_time and form.released_at.data else at
    released = perform(operations.release_material, the_person(), material_id, released_at=moment, at=at)
    return _after_change(released.intake_id)


@blueprint.post("/materials/<uuid:material_id>/hiding")
@requires(Permission.RELEASE_MATERIALS)
def hide_material(material_id: UUID) -> BaseResponse:
    """Take a material back from students."""
    return _after_change(perform(operations.hide_material, the_person(), material_id, at=now()).intake_id)


@blueprint.post("/materials/<uuid:material_id>/place")
@requires(Permission.RELEASE_MATERIALS)
def move_material(material_id: UUID) -> BaseResponse:
    """Move a material one place up or down within its module."""
    up = request.form.get("direction") == "up"
    return _after_change(perform(operations.move_material, the_person(), material_id, up=up, at=now()).intake_id)


@blueprint.post("/materials/<uuid:material_id>/removal")
@requires(Permission.RELEASE_MATERIALS)
def remove_material(material_id: UUID) -> BaseResponse:
    """Remove a material, and offer to bring it back."""
    removed = perform(operations.remove_material, the_person(), material_id, at=now())
    return _after_change(removed.intake_id, undo=removed.id)


@blueprint.post("/materials/<uuid:material_id>/restoration")
@requires(Permission.RELEASE_MATERIALS)
def restore_material(material_id: UUID) -> BaseResponse:
    """Bring a removed material back."""
    return _after_change(perform(operations.restore_material, the_person(), material_id, at=now()).intake_id)


def _after_change(intake_id: UUID, undo: UUID | None = None) -> BaseResponse:
    """Answer a change of the list: htmx gets the list, a browser goes to it."""
    if wants_fragment():
        return _list(intake_id, undo=undo)
    return go_to(url_for("trainer.materials", intake_id=intake_id, removed=undo))


def _list(
    intake_id: UUID, status: int = 200, module_form: ModuleForm | None = None, undo: UUID | None = None
) -> Response:
    session = current_session()
    return respond(
        "trainer/materials.html",
        "materials",
        status=status,
        intake=queries.intake_taught_by(session, the_person().person_id, intake_id),
        modules=queries.materials_of(session, intake_id),
        module_form=module_form or ModuleForm(formdata=None),
        removed=undo or request.args.get("removed", type=UUID),
        at=now(),
    )


def _material_form(found: Material, **given: Any) -> MaterialForm:
    form = MaterialForm(obj=found, **given)
    form.offer(queries.modules_of(current_session(), found.course_id))
    return form


def _material_page(
    found: Material, form: MaterialForm, *, release: ReleaseForm | None = None, status: int = 200
) -> Response:
    usual = {"released_at": found.released_at}
    return respond(
        "trainer/material.html",
        status=status,
        material=found,
        form=form,
        intake=queries.intake_taught_by(current_session(), the_person().person_id, found.intake_id),
        release=release or ReleaseForm(formdata=None, data=usual, prefix="release"),
    )


def _new_page(intake: IntakeRow, kind: str, form: NewMaterialForm, status: int) -> Response:
    return respond("trainer/new_material.html", status=status, intake=intake, kind=kind, form=form)
