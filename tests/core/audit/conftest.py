"""A log in each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db.engine import Database, open_database
from tests.conftest import sqlite_url
from tests.core.audit.ledgers import Log


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Log:
    return Log(database, tmp_path / "keys")


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """A second database."""
    (tmp_path / "second").mkdir()
    opened = open_database(sqlite_url(tmp_path / "second"))
    yield opened
    opened.engine.dispose()
