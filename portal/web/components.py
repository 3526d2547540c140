"""The components of pages: macros that every template may call by name.

`register(app)` makes each a global of the templates; its file is read when it is first called. Globals,
because a name imported at the top of a page is absent when a block of that page is rendered alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from typing import Any

from flask import Flask
from markupsafe import Markup

from portal.web import charts, motifs
from portal.web.formats import attribute_names

COMPONENTS: dict[str, tuple[str, ...]] = {
    "components/page.html": (
        "page_head", "breadcrumbs", "section", "card", "next_step", "figures", "figure", "stat", "key_values",
        "tabs", "empty_state", "notice", "avatar", "badge", "state_badge", "not_handed_in_badge", "problem",
    ),
    "components/icons.html": ("icon", "mark", "brand"),
    "components/time.html": ("deadline",),
    "components/forms.html": ("field", "fieldset", "error_summary", "search_form", "filters", "chips"),
    "components/actions.html": ("button", "link_button", "post_button", "confirm_button", "copy_text", "once_fields"),
    "components/lists.html": (
        "table", "pagination", "item_list", "item", "title_link", "file_list", "file_link", "receipt",
        "notification_list", "bulk_bar",
    ),
    "components/progress.html": ("progress", "seats_bar", "upload_progress", "pending_notice", "arrivals"),
    "components/marks.html": (
        "mark_changes", "mark_penalty", "rubric_table", "rubric_choices", "final_figures", "record",
        "given_meanwhile", "head_of_work",
    ),
    "components/groups.html": ("group_sizes", "small_group_notice"),
    "components/quiz.html": ("quiz_time", "question_part", "answered_part"),
    "components/comparison.html": ("attempts_chooser", "attempts_side_by_side"),
    "components/charts.html": ("bar_chart", "line_chart", "sparkline"),
    "components/calendar.html": ("week_calendar", "class_list"),
    "components/review.html": ("review_file", "review_list", "review_keys"),
    "components/public.html": ("hero", "course_card", "motif", "print_slip"),
    "components/messages.html": ("flash_messages", "bell"),
    "components/navigation.html": ("rail", "bottom_bar"),
}  # fmt: skip

DRAWN_ONCE = frozenset({"icon", "mark", "state_badge", "button", "seats_bar", "course_card", "rail", "bottom_bar"})
"""Components that are the same on page after page: what they wrote for the same few arguments is kept."""
KEPT_DRAWINGS = 512  # of each

STATES: dict[str, tuple[str, str]] = {
    # what people read, and the tone it is shown in
    "draft": ("Draft", "off"),
    "published": ("Published", "done"),
    "archived": ("Archived", "off"),
    "submitted": ("Handed in", "info"),
    "graded": ("Marked", "info"),
    "returned": ("Marked and returned", "done"),
    "withdrawn": ("Withdrawn", "off"),
    "under_review": ("Under review", "info"),
    "waitlisted": ("On the waiting list", "soon"),
    "offered": ("Place offered", "info"),
    "accepted": ("Accepted", "done"),
    "declined": ("Declined", "off"),
    "expired": ("Expired", "off"),
    "asked": ("Waits for an answer", "soon"),
    "granted": ("Granted", "done"),
    "refused": ("Refused", "off"),
    "rejected": ("Not offered a place", "off"),
    "enrolled": ("Enrolled", "done"),
    "active": ("Active", "done"),
    "suspended": ("Suspended", "soon"),
    "completed": ("Completed", "done"),
    "deferred": ("Deferred", "soon"),
    "deactivated": ("Deactivated", "off"),
    "invited": ("Invited", "soon"),
    "scheduled": ("Scheduled", "info"),
    "live": ("Live now", "done"),
    "ended": ("Ended", "off"),
    "cancelled": ("Cancelled", "off"),
    "present": ("Present", "done"),
    "late": ("Late", "soon"),
    "absent": ("Absent", "late"),
    "excused": ("Excused", "off"),
    "paid": ("Paid", "done"),
    "pending": ("Pending", "soon"),
    "failed": ("Failed", "late"),
    "refunded": ("Refunded", "off"),
    "overdue": ("Overdue", "late"),
    "due_soon": ("Due soon", "soon"),
    "not_started": ("Not started", "off"),
    "new": ("New", "info"),
    "contacted": ("Contacted", "info"),
    "closed": ("Closed", "off"),
    "done": ("Done", "done"),
    "open": ("Open", "info"),
    "full": ("Full", "soon"),
}


def register(app: Flask) -> None:
    """Offer every component to every template."""
    for template, names in COMPONENTS.items():
        for name in names:
            written = partial(_call, cache(partial(_macro, app, template, name)))  # a page asks for hundreds
            # typed: text that is safe to show must never stand in for the same text that is not
            kept = lru_cache(KEPT_DRAWINGS, typed=True)(written) if name in DRAWN_ONCE else written
            app.jinja_env.globals[name] = kept
    app.jinja_env.globals.update(
        symbol=app.jinja_env.globals["icon"],  # for macros with an argument named icon
        part=part,
        state_words=state_words,
        attribute_names=attribute_names,
        input_kind=input_kind,
        bar_layout=charts.bar_layout,
        line_layout=charts.line_layout,
        spark_layout=charts.spark_layout,
        motif_tiles=motifs.motif_tiles,
        motif_family=motifs.motif_family,
    )


def _macro(app: Flask, template: str, name: str) -> Callable[..., Markup]:
    found: Callable[..., Markup] = getattr(app.jinja_env.get_template(template).module, name)
    return found


def _call(macro: Callable[[], Callable[..., Markup]], /, *args: Any, **kwargs: Any) -> Markup:
    return macro()(*args, **kwargs)


def part(thing: Any, name: str, default: Any = None) -> Any:
    """Return a part of a mapping or of an object, so that lists take rows of either kind."""
    return thing.get(name, default) if isinstance(thing, Mapping) else getattr(thing, name, default)


def state_words(state: str) -> tuple[str, str]:
    """Return what people read for a state, and its tone."""
    return STATES.get(str(state), (str(state).replace("_", " ").capitalize(), ""))


def input_kind(field: Any) -> str:
    """Return how a form's field is drawn, from the widget that it brings."""
    widget = field.widget
    kind = getattr(widget, "input_type", None) or type(widget).__name__.lower()
    if type(field).__name__ in {"RadioField", "SelectMultipleField"} or kind in {"listwidget", "tablewidget"}:
        return "checkboxes" if "Multiple" in type(field).__name__ else "radios"
    return str(kind)
