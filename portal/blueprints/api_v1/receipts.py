"""Receipts by a program: one's own with all they prove, and anybody's who holds number and code, without a name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import current_app

from portal.blueprints.api_v1.bodies import ApiBlueprint, at_most
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.blueprints.api_v1.schemas import NO_NUL, SubmittedFileSchema
from portal.db import current_session
from portal.domain.assignments import queries
from portal.domain.assignments.queries.public_receipts import UNKNOWN, public_receipt
from portal.domain.assignments.receipts import read_sha256, receipt_path
from portal.domain.errors import Invalid
from portal.domain.permissions import Permission
from portal.web.bearer import caller

blueprint = ApiBlueprint("api_receipts", __name__, url_prefix="/api/v1", description="Receipts of what was handed in")

NONE_OF_YOURS = "No such hand-in of yours."
LONGEST_TYPED = 200  # characters; a SHA-256 has 64


class ProofSchema(ma.Schema):
    """What every receipt tells."""

    number = ma.fields.String(required=True)
    code = ma.fields.String(required=True)
    begun_at = ma.fields.AwareDateTime(required=True)
    submitted_at = ma.fields.AwareDateTime(required=True)
    arrived_at_due = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "bytes that were here at the deadline, where some arrived later"},
    )
    longest_gap_seconds = ma.fields.Integer(required=True, allow_none=True)
    size = ma.fields.Integer(required=True, metadata={"description": "bytes of all files together"})


class ReceiptSchema(ProofSchema):
    """The receipt of one's own hand-in."""

    submission_id = ma.fields.UUID(required=True)
    assignment_id = ma.fields.UUID(required=True)
    assignment_title = ma.fields.String(required=True, attribute="title")
    attempt = ma.fields.Integer(required=True)
    late = ma.fields.Boolean(required=True)
    submission_text = ma.fields.String(required=True, attribute="text")
    links = ma.fields.List(ma.fields.String(), required=True)
    files = ma.fields.List(ma.fields.Nested(SubmittedFileSchema), required=True)
    handed_in_by = ma.fields.String(required=True, attribute="by")
    address = ma.fields.String(required=True, metadata={"description": "where anybody can have it verified"})


class ProvedFileSchema(ma.Schema):
    """A file without its name."""

    group = ma.fields.String(required=True)
    size = ma.fields.Integer(required=True, metadata={"description": "bytes"})
    sha256 = ma.fields.String(required=True)


class PublicReceiptSchema(ProofSchema):
    """What a receipt proves to whoever holds it."""

    withdrawn = ma.fields.Boolean(required=True)
    by_student = ma.fields.Boolean(required=True, metadata={"description": "false: staff handed it in for the student"})
    files = ma.fields.List(ma.fields.Nested(ProvedFileSchema), required=True)
    places = ma.fields.List(
        ma.fields.Integer(),
        required=True,
        allow_none=True,
        metadata={"description": "which of the files have the SHA-256 that was asked for, the first is 1; else null"},
    )


class HashArguments(ma.Schema):
    """A SHA-256 to be looked for."""

    class Meta:
        unknown = ma.EXCLUDE

    sha256 = ma.fields.String(load_default="", validate=[at_most(LONGEST_TYPED), NO_NUL])


@call(
    blueprint,
    "/assignments/submissions/<uuid:submission_id>/receipt",
    "GET",
    enveloped(ReceiptSchema),
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: NONE_OF_YOURS},
)
def receipt(submission_id: UUID) -> dict[str, Any]:
    """Read the receipt of a hand-in of one's own"""
    found = queries.receipt_for(current_session(), caller().person_id, submission_id)
    address = current_app.config["SETTINGS"].portal_url + receipt_path(found.number, found.code)
    return success(vars(found) | {"size": found.size, "address": address})


@call(
    blueprint,
    "/receipts/<receipt_name>",
    "GET",
    enveloped(PublicReceiptSchema),
    permission=None,
    refusals={404: UNKNOWN},
)
@blueprint.arguments(HashArguments, location="query")
def verify(asked: dict[str, str], receipt_name: str) -> dict[str, Any]:
    """Verify a receipt by its number and code, and a file by its SHA-256; without a token"""
    found = public_receipt(current_session(), receipt_name)
    sha256 = read_sha256(asked["sha256"])
    if asked["sha256"] and sha256 is None:
        raise Invalid("That is no SHA-256.", fields={"sha256": "64 letters and digits, from 0 to f."})
    places = found.places_of(sha256) if sha256 else None
    return success(vars(found) | {"size": found.size, "places": places})
