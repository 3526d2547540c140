"""A trainer sets a quiz: its questions, their order, how it is taken; sees it as students do, and how it went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, FieldList, FormField, HiddenField, IntegerField, RadioField
from wtforms.validators import AnyOf, NumberRange, Optional

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.assignments.queries.setting import SetPage
from portal.domain.assignments.setting import MOST_POINTS
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.domain.quizzes.models import QuestionKind
from portal.domain.quizzes.points import IN_WORDS
from portal.domain.quizzes.queries.trainers import figures_of, quiz_set_by, set_up_of
from portal.domain.quizzes.questions import (
    LONGEST_EXPLANATION,
    LONGEST_OPTION,
    LONGEST_QUESTION,
    MOST_OPTIONS,
    SetOption,
    SetQuestion,
    SetQuiz,
    add_question,
    edit_question,
    explain_question,
    move_question,
    remove_question,
    set_quiz,
    take_points_of_questions,
    true_or_false,
)
from portal.domain.quizzes.reading import KnownQuestion, question_of, questions_of
from portal.domain.quizzes.shuffling import in_order
from portal.web.access import requires
from portal.web.forms import LongTextField, PortalForm, SelectChoice, TextField, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.once import KeyedForm, perform_once
from portal.web.sessions import the_person

KIND_WORDS = {
    QuestionKind.SINGLE: "One right answer",
    QuestionKind.MULTIPLE: "Several right answers",
    QuestionKind.TRUE_FALSE: "True or false",
    QuestionKind.SHORT: "Short answer",
}
USUAL_OPTIONS = 4
PREVIEW_SEED = 1


class OptionForm(PortalForm):
    """An option as it is typed; it brings no token of its own."""

    class Meta(PortalForm.Meta):
        csrf = False

    text = TextField("Option", [at_most(LONGEST_OPTION)])
    is_right = BooleanField("Right")


class QuestionForm(KeyedForm):
    """A question as it is typed."""

    kind = HiddenField("Kind", [AnyOf([kind.value for kind in QuestionKind], "Choose again how it is answered.")])
    text = LongTextField("Question", [required("Write the question."), at_most(LONGEST_QUESTION)])
    points = IntegerField("Points", [required(), NumberRange(1, MOST_POINTS)], default=1)
    options = FieldList(FormField(OptionForm), "Options", max_entries=MOST_OPTIONS)
    is_true = RadioField(
        "What is right",
        [Optional()],
        choices=[SelectChoice("true", "True"), SelectChoice("false", "False")],
        default="true",
    )
    explanation = LongTextField("Explanation", [at_most(LONGEST_EXPLANATION)])

    @property
    def asked_kind(self) -> QuestionKind:
        """The kind that this form is for; a form that names none is refused, and shown as the usual one."""
        return next((kind for kind in QuestionKind if kind.value == self.kind.data), QuestionKind.SINGLE)

    def command(self) -> SetQuestion:
        """Return what the form says as the operations take it; options without a text are left out."""
        kind = self.asked_kind
        options = tuple(
            SetOption(text=option["text"], is_right=option["is_right"])
            for option in self.options.data
            if option["text"]
        )
        if kind is QuestionKind.TRUE_FALSE:
            options = true_or_false(self.is_true.data == "true")
        return SetQuestion(
            kind=kind,
            text=self.text.data or "",
            points=self.points.data or 0,
            options=() if kind is QuestionKind.SHORT else options,
            explanation=self.explanation.data or "",
        )


class QuizForm(PortalForm):
    """How a quiz is taken."""

    minutes = IntegerField("Minutes", [Optional()])
    shuffle = BooleanField("Each student has the questions and options in another order")


@blueprint.get("/assignments/<uuid:quiz_id>/questions")
@requires(Permission.SET_ASSIGNMENT)
def quiz_questions(quiz_id: UUID) -> Response:
    """The questions of a quiz, and how it is taken."""
    return _show(_page(quiz_id))


@blueprint.post("/assignments/<uuid:quiz_id>/quiz")
@requires(Permission.SET_ASSIGNMENT)
def set_up_quiz(quiz_id: UUID) -> BaseResponse:
    """Decide how a quiz is taken."""
    page = _page(quiz_id)
    form = QuizForm()
    if not form.validate():
        return _show(page, form, status=422)
    command = SetQuiz(minutes=form.minutes.data, shuffle=form.shuffle.data)
    try:
        perform(set_quiz, the_person(), quiz_id, command, at=now())
    except (Invalid, Conflict) as refusal:
        return _show(page, form, status=form.refuse(refusal))
    flash("Saved. Who has begun already keeps the time they were given.", "done")
    return _back(quiz_id)


@blueprint.get("/assignments/<uuid:quiz_id>/questions/new")
@requires(Permission.SET_ASSIGNMENT)
def new_question(quiz_id: UUID) -> Response:
    """An empty question of the kind that was chosen."""
    page = _page(quiz_id)
    blank = [{"text": "", "is_right": False}] * USUAL_OPTIONS
    form = QuestionForm(
        formdata=None, data={"kind": _kind_of_request(), "points": 1, "options": blank, "is_true": "true"}
    )
    return _form(page, form)


@blueprint.post("/assignments/<uuid:quiz_id>/questions")
@requires(Permission.SET_ASSIGNMENT)
def create_question(quiz_id: UUID) -> BaseResponse:
    """Keep a new question; or add lines for options, which keeps nothing yet."""
    page, form = _page(quiz_id), QuestionForm()
    if request.form.get("row") == "add-options":
        return _form(page, _with_options(form))
    if not form.validate():
        return _form(page, form, status=422)
    try:
        perform_once(add_question, the_person(), quiz_id, form.command(), at=now())
    except (Invalid, Conflict) as refusal:
        return _form(page, form, status=form.refuse(refusal))
    flash("Kept.", "done")
    if request.form.get("then") == "another":
        return go_to(url_for("trainer.new_question", quiz_id=quiz_id, kind=form.kind.data))
    return _back(quiz_id)


@blueprint.get("/assignments/<uuid:quiz_id>/questions/<uuid:question_id>")
@requires(Permission.SET_ASSIGNMENT)
def quiz_question(quiz_id: UUID, question_id: UUID) -> Response:
    """A question, to be changed; once somebody began, its explanation alone."""
    page, question = _question(quiz_id, question_id)
    typed = {
        "kind": question.kind,
        "text": question.text,
        "points": question.points,
        "explanation": question.explanation,
        "options": [{"text": option.text, "is_right": option.is_right} for option in question.options],
        "is_true": "true" if question.options and question.options[0].is_right else "false",
    }
    return _form(page, QuestionForm(formdata=None, data=typed), question)


@blueprint.post("/assignments/<uuid:quiz_id>/questions/<uuid:question_id>")
@requires(Permission.SET_ASSIGNMENT)
def change_question(quiz_id: UUID, question_id: UUID) -> BaseResponse:
    """Change a question; or add lines for options, which keeps nothing yet."""
    page, question = _question(quiz_id, question_id)
    form = QuestionForm()
    if request.form.get("row") == "add-options":
        return _form(page, _with_options(form), question)
    if not form.validate():
        return _form(page, form, question, status=422)
    try:
        perform(edit_question, the_person(), quiz_id, question_id, form.command(), at=now())
    except (Invalid, Conflict) as refusal:
        return _form(page, form, question, status=form.refuse(refusal))
    flash("Saved.", "done")
    return _back(quiz_id)


@blueprint.post("/assignments/<uuid:quiz_id>/questions/<uuid:question_id>/explanation")
@requires(Permission.SET_ASSIGNMENT)
def explain(quiz_id: UUID, question_id: UUID) -> BaseResponse:
    """Write what is shown once the quiz is closed."""
    page, question = _question(quiz_id, question_id)
    form = QuestionForm()
    try:
        perform(explain_question, the_person(), quiz_id, question_id, form.explanation.data or "", at=now())
    except (Invalid, Conflict) as refusal:
        return _form(page, form, question, status=form.refuse(refusal))
    flash("Saved.", "done")
    return _back(quiz_id)


@blueprint.post("/assignments/<uuid:quiz_id>/questions/<uuid:question_id>/removal")
@requires(Permission.SET_ASSIGNMENT)
def drop_question(quiz_id: UUID, question_id: UUID) -> BaseResponse:
    """Take a question away."""
    _question(quiz_id, question_id)
    return _act(quiz_id, "Removed.", remove_question, question_id)


@blueprint.post("/assignments/<uuid:quiz_id>/questions/<uuid:question_id>/place")
@requires(Permission.SET_ASSIGNMENT)
def place_question(quiz_id: UUID, question_id: UUID) -> BaseResponse:
    """Put a question at another place."""
    _, question = _question(quiz_id, question_id)
    to = request.form.get("to", type=int) or question.position
    return _act(quiz_id, "", move_question, question_id, to, shown=question_id)


@blueprint.post("/assignments/<uuid:quiz_id>/questions/points")
@requires(Permission.SET_ASSIGNMENT)
def agree_points(quiz_id: UUID) -> BaseResponse:
    """Have the quiz be worth what its questions are."""
    _page(quiz_id)
    words = "The quiz is worth what its questions are together."
    return _act(quiz_id, words, take_points_of_questions)


@blueprint.get("/assignments/<uuid:quiz_id>/quiz/preview")
@requires(Permission.SET_ASSIGNMENT)
def preview_quiz(quiz_id: UUID) -> Response:
    """A quiz as a student sees it; nothing is saved."""
    page, session = _page(quiz_id), current_session()
    set_up, questions = set_up_of(session, quiz_id), questions_of(session, quiz_id)
    asked = in_order(questions, PREVIEW_SEED if set_up.shuffle else 0)
    return respond("trainer/quiz_preview.html", assignment=page, set_up=set_up, questions=asked)


@blueprint.get("/assignments/<uuid:quiz_id>/quiz/figures")
@requires(Permission.MARK_SUBMISSION)
def quiz_figures(quiz_id: UUID) -> Response:
    """How each question went: the share of its points, and the wrong option chosen most."""
    page = _page(quiz_id)
    return respond("trainer/quiz_figures.html", assignment=page, questions=figures_of(current_session(), quiz_id))


def _page(quiz_id: UUID) -> SetPage:
    return quiz_set_by(current_session(), the_person().person_id, quiz_id)


def _question(quiz_id: UUID, question_id: UUID) -> tuple[SetPage, KnownQuestion]:
    return _page(quiz_id), question_of(current_session(), quiz_id, question_id)


def _show(page: SetPage, form: QuizForm | None = None, *, status: int = 200) -> Response:
    session = current_session()
    set_up = set_up_of(session, page.id)
    return respond(
        "trainer/quiz.html",
        status=status,
        assignment=page,
        set_up=set_up,
        questions=questions_of(session, page.id),
        form=form or QuizForm(formdata=None, minutes=set_up.minutes, shuffle=set_up.shuffle),
        kinds=KIND_WORDS,
        rules=IN_WORDS,
    )


def _form(page: SetPage, form: QuestionForm, question: KnownQuestion | None = None, *, status: int = 200) -> Response:
    kind = form.asked_kind
    return respond(
        "trainer/quiz_question.html",
        status=status,
        assignment=page,
        form=form,
        question=question,
        kind=kind,
        kind_words=KIND_WORDS[kind],
        rule=IN_WORDS[kind],
        most_options=MOST_OPTIONS,
        frozen=question is not None and set_up_of(current_session(), page.id).is_begun,
    )


def _kind_of_request() -> QuestionKind:
    asked = request.args.get("kind")
    return next((kind for kind in QuestionKind if kind.value == asked), QuestionKind.SINGLE)


def _with_options(form: QuestionForm) -> QuestionForm:
    """Return the form as typed, with two more lines for options."""
    typed = {name: form[name].data for name in ("kind", "text", "points", "explanation", "is_true")}
    options = [*form.options.data, *[{"text": "", "is_right": False}] * 2][:MOST_OPTIONS]
    return QuestionForm(formdata=None, data=typed | {"options": options})


def _act(
    quiz_id: UUID, words: str, operation: Callable[..., Any], *what: Any, shown: UUID | None = None
) -> BaseResponse:
    """Do one thing to a quiz and go back to its questions, to one of them; say there what was done, or why not."""
    try:
        perform(operation, the_person(), quiz_id, *what, at=now())
        if words:
            flash(words, "done")
    except (Invalid, Conflict) as refusal:
        flash(next(iter(refusal.fields.values()), refusal.message), "problem")
    return _back(quiz_id, shown)


def _back(quiz_id: UUID, shown: UUID | None = None) -> BaseResponse:
    return go_to(url_for("trainer.quiz_questions", quiz_id=quiz_id, _anchor=f"question-{shown}" if shown else None))
