"""A shelf of policies over each kind of database."""

from __future__ import annotations

import pytest

from core.clock import TurnedClock
from core.db.engine import Database
from tests.fraud.rulesets.shelf import Shelf, open_shelf


@pytest.fixture
def shelf(database: Database, clock: TurnedClock) -> Shelf:
    return open_shelf(database, clock)
