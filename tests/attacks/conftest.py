"""What every attack starts from: Ama's things, those who try, and a portal as it is really served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from portal.embedded import ClusterAccess
from tests.attacks.attackers import Attacker, attackers_of, build_private_estate
from tests.attacks.served import Served, served_portal
from tests.cast import Cast


@pytest.fixture
def estate(world: Session, cast: Cast) -> dict[str, Any]:
    """One of everything that has an address, all of it Ama's, with a word in it that nobody else may read."""
    return build_private_estate(world, cast)


@pytest.fixture
def attackers(
    app: Flask, world: Session, cast: Cast, settings: Any, sign_in: Callable[..., Any]
) -> dict[str, Attacker]:
    """The five who try."""
    return attackers_of(app, world, cast, settings, sign_in)


@pytest.fixture(scope="package")
def served(cluster: ClusterAccess, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The portal as it is served: gunicorn, two workers, limits as they are."""
    with served_portal(cluster, f"attacked_{worker_id}", tmp_path_factory.mktemp("attacked")) as served:
        yield served
