"""Services for the end-to-end tests, one for each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service import Running, running


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Running]:
    with running(tmp_path, database_url, lease_seconds="2") as started:
        yield started
