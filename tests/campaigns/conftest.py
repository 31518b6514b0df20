"""A claim desk for each kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.clock import TurnedClock
from core.db.engine import Database
from core.hotstate.clients import HotState, connect
from core.privacy.vault import Vault
from tests.campaigns.house import House, open_house


@pytest.fixture
def house(database: Database, hot: HotState, vault: Vault, clock: TurnedClock) -> House:
    return open_house(database, hot, vault, clock)


@pytest.fixture(scope="session")
def hot_for_all(valkey_url: str) -> Iterator[HotState]:
    """A client for properties, whose examples share one fixture; each empties the server itself."""
    client = connect(valkey_url)
    yield client
    client.close()
