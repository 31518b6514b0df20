"""A claim desk for each kind of database."""

from __future__ import annotations

import pytest

from core.clock import TurnedClock
from core.db.engine import Database
from core.hotstate.clients import HotState
from core.privacy.vault import Vault
from tests.campaigns.house import House, open_house


@pytest.fixture
def house(database: Database, hot: HotState, vault: Vault, clock: TurnedClock) -> House:
    return open_house(database, hot, vault, clock)
