from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.cast import Cast
from tests.factories import make_assignment


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    return assignment


@pytest.fixture
def ama(sign_in: Callable[..., FlaskClient], cast: Cast) -> FlaskClient:
    return sign_in(cast.ama)


@pytest.fixture
def esi(sign_in: Callable[..., FlaskClient], cast: Cast) -> FlaskClient:
    return sign_in(cast.esi)
