from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.cast import Cast
from tests.factories import make_assignment


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    return assignment
