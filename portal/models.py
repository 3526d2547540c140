"""Every table of the portal, imported in one place for migrations and for whoever needs them all."""

from portal import outbox
from portal.db import Base
from portal.domain import numbering
from portal.domain.accounts import models as accounts
from portal.domain.assignments import attachment_models as attachments
from portal.domain.assignments import extension_models as extensions
from portal.domain.assignments import group_models as groups
from portal.domain.assignments import models as assignments
from portal.domain.assignments import note_models as notes
from portal.domain.assignments import phrase_models as phrases
from portal.domain.assignments import rubric_models as rubrics
from portal.domain.audit import models as audit
from portal.domain.courses import models as courses
from portal.domain.enrolments import models as enrolments
from portal.domain.files import models as files
from portal.domain.live_classes import models as live_classes
from portal.domain.notifications import models as notifications
from portal.domain.quizzes import models as quizzes
from portal.domain.watch import models as watch
from portal.web import idempotency, once, stored_state

metadata = Base.metadata

__all__ = [
    "accounts",
    "assignments",
    "attachments",
    "audit",
    "courses",
    "enrolments",
    "extensions",
    "files",
    "groups",
    "idempotency",
    "live_classes",
    "metadata",
    "notes",
    "notifications",
    "numbering",
    "once",
    "outbox",
    "phrases",
    "quizzes",
    "rubrics",
    "stored_state",
    "watch",
]
