"""Who may do what kind of thing: roles, duties, permissions, their table. Whether to *this* row is the query's part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    STUDENT = "student"
    TRAINER = "trainer"
    ADMIN = "admin"


class Duty(StrEnum):
    """What an admin answers for. A sole administrator holds all."""

    REGISTRAR = "registrar"
    CASHIER = "cashier"
    CONTENT = "content"
    DIRECTOR = "director"
    SYSTEM = "system"


class Permission(StrEnum):
    KEEP_OWN_ACCOUNT = "account:keep"
    READ_OWN_NOTIFICATIONS = "notification:read"
    STUDY = "studies:read"
    SUBMIT_ASSIGNMENT = "assignment:submit"
    HAND_IN_FOR_STUDENT = "submission:hand-in-for"
    TEACH = "teaching:read"
    RELEASE_MATERIALS = "material:release"
    SET_ASSIGNMENT = "assignment:set"
    MARK_SUBMISSION = "submission:mark"
    READ_RESULTS = "result:read"
    SCHEDULE_LIVE_CLASS = "live-class:schedule"
    DRAFT_COURSE = "course:draft"
    PUBLISH_COURSE = "course:publish"
    MANAGE_INTAKES = "intake:manage"
    MANAGE_ENROLMENTS = "enrolment:manage"
    SEE_INSTITUTE = "institute:read"
    SEE_PEOPLE = "people:read"
    INVITE_PEOPLE = "people:invite"
    MANAGE_PEOPLE = "people:manage"
    CHANGE_ROLES = "people:change-role"
    LIFT_WAITS = "people:lift-wait"
    READ_AUDIT_TRAIL = "audit:read"
    READ_SECURITY_EVENTS = "security-event:read"
    SEE_SYSTEM = "system:read"
    MANAGE_JOBS = "job:manage"


_EVERYONE = frozenset(Role)
_STAFF = frozenset({Role.TRAINER, Role.ADMIN})  # an admin may be named trainer of an intake

GRANTS: dict[Permission, frozenset[Role | Duty]] = {
    Permission.KEEP_OWN_ACCOUNT: _EVERYONE,
    Permission.READ_OWN_NOTIFICATIONS: _EVERYONE,
    Permission.STUDY: frozenset({Role.STUDENT}),
    Permission.SUBMIT_ASSIGNMENT: frozenset({Role.STUDENT}),
    Permission.HAND_IN_FOR_STUDENT: _STAFF,
    Permission.TEACH: _STAFF,
    Permission.RELEASE_MATERIALS: _STAFF,
    Permission.SET_ASSIGNMENT: _STAFF,
    Permission.MARK_SUBMISSION: _STAFF,
    Permission.READ_RESULTS: _STAFF,
    Permission.SCHEDULE_LIVE_CLASS: _STAFF,
    Permission.DRAFT_COURSE: frozenset({Role.TRAINER, Duty.CONTENT}),
    Permission.PUBLISH_COURSE: frozenset({Duty.CONTENT}),
    Permission.MANAGE_INTAKES: frozenset({Duty.REGISTRAR, Duty.CONTENT}),
    Permission.MANAGE_ENROLMENTS: frozenset({Duty.REGISTRAR}),
    Permission.SEE_INSTITUTE: frozenset({Role.ADMIN}),
    Permission.SEE_PEOPLE: frozenset({Role.ADMIN}),
    Permission.INVITE_PEOPLE: frozenset({Duty.REGISTRAR, Duty.SYSTEM}),
    Permission.MANAGE_PEOPLE: frozenset({Duty.REGISTRAR, Duty.SYSTEM}),
    Permission.CHANGE_ROLES: frozenset({Duty.SYSTEM}),
    Permission.LIFT_WAITS: frozenset({Duty.REGISTRAR, Duty.SYSTEM}),
    Permission.READ_AUDIT_TRAIL: frozenset({Duty.DIRECTOR, Duty.SYSTEM}),
    Permission.READ_SECURITY_EVENTS: frozenset({Duty.DIRECTOR, Duty.SYSTEM}),
    Permission.SEE_SYSTEM: frozenset({Duty.SYSTEM}),
    Permission.MANAGE_JOBS: frozenset({Duty.SYSTEM}),
}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Whoever does something: a person with a role and duties, or the portal itself (`system:<job>`)."""

    id: UUID | None
    role: Role | None
    duties: frozenset[Duty] = frozenset()
    label: str = "person"
    """What the trail calls this actor's kind: `person`, `system:sealing`, `provider:paystack`."""

    def may(self, permission: Permission | str) -> bool:
        """Return whether this actor's role or one of the duties grants this kind of thing."""
        granted = GRANTS[Permission(permission)]
        return self.role in granted or not self.duties.isdisjoint(granted)

    @property
    def person_id(self) -> UUID:
        """The person's id; a system actor has none and may not do what needs one."""
        if self.id is None:
            raise PermissionError(f"{self.label} is no person")
        return self.id


def system_actor(job: str) -> Actor:
    """Return the actor of a background job or a command on the server, for the trail."""
    return Actor(id=None, role=None, label=f"system:{job}")
