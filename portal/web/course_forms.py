"""The form in which trainers draft a course and the office edits it."""

from __future__ import annotations

from wtforms import IntegerField, SelectField
from wtforms.validators import NumberRange

from portal.domain.courses.models import Course, Level
from portal.domain.courses.operations import LONGEST_TITLE, MOST_WEEKS, CourseDescription
from portal.web.forms import LongTextField, MoneyField, SelectChoice, TextField, at_most, required
from portal.web.once import KeyedForm

LEVELS = [SelectChoice(level.value, level.value.capitalize()) for level in Level]


class CourseForm(KeyedForm):
    title = TextField("Title", [required(), at_most(LONGEST_TITLE)])
    category = TextField("Category", [required(), at_most(60)], render_kw={"list": "categories"})
    level = SelectField("Level", choices=LEVELS)
    weeks = IntegerField("Weeks", [required(), NumberRange(1, MOST_WEEKS, f"A course takes 1 to {MOST_WEEKS} weeks.")])
    price_pesewas = MoneyField("Price", [required()])
    summary = TextField("Summary", [at_most(240)])
    description = LongTextField("Description", [at_most(20_000)], render_kw={"rows": 10})
    outcomes = LongTextField("Outcomes", [at_most(5_000)], render_kw={"rows": 5})
    syllabus = LongTextField("Syllabus", [at_most(10_000)], render_kw={"rows": 8})

    def show(self, course: Course) -> None:
        """Fill the form with a course as it stands."""
        self.process(
            data={
                "title": course.title,
                "category": course.category,
                "level": course.level,
                "weeks": course.weeks,
                "price_pesewas": course.price_pesewas,
                "summary": course.summary,
                "description": course.description,
                "outcomes": "\n".join(course.outcomes),
                "syllabus": "\n".join(course.syllabus),
            }
        )

    def course(self) -> CourseDescription:
        """Return what was typed as the operation takes it."""
        return CourseDescription(
            title=self.title.data or "",
            category=self.category.data or "",
            level=Level(self.level.data),
            weeks=self.weeks.data or 0,
            price_pesewas=self.price_pesewas.data or 0,
            summary=self.summary.data or "",
            description=self.description.data or "",
            outcomes=tuple((self.outcomes.data or "").splitlines()),
            syllabus=tuple((self.syllabus.data or "").splitlines()),
        )


class ModuleForm(KeyedForm):
    title = TextField("Title of the module", [required(), at_most(LONGEST_TITLE)])
