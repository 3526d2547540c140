"""Which states lead where: every pair of state and step, the refused ones too."""

from __future__ import annotations

from itertools import product

import pytest

from portal.domain.errors import Conflict
from portal.domain.live_classes.models import LiveClassState
from portal.domain.live_classes.transitions import Step, state_after

ALLOWED = {
    ("scheduled", "begin"): "live",
    ("live", "end"): "ended",
    ("scheduled", "cancel"): "cancelled",
    ("live", "cancel"): "cancelled",
}


@pytest.mark.parametrize("state, step", list(product(LiveClassState, Step)))
def test_a_class_changes_its_state_only_along_the_arrows(state: LiveClassState, step: Step) -> None:
    if (state, step) in ALLOWED:
        assert state_after(state, step) == ALLOWED[state, step]
    else:
        with pytest.raises(Conflict):
            state_after(state, step)
