"""An erasure while the person's own claims run: each claim stands with the old subject or the new one, and nothing that matches is left behind."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from api.persons.erase import erase_person
from campaigns.store.tables import rewards
from core.db.engine import Database
from core.db.tables import subject_matches, subjects
from core.errors import Conflict, Unavailable
from core.privacy.subjects import subject_for
from core.privacy.vault import Vault
from fraud.cases.tables import review_entities
from fraud.store.tables import events
from tests.api.casework import hire, priced
from tests.api.conftest import Shop
from tests.api.test_subjects import OTHER_PHONE, WHO
from tests.conftest import START


@pytest.fixture(params=["shop", "postgres_shop"])
def any_shop(request: pytest.FixtureRequest) -> Shop:
    found: Shop = request.getfixturevalue(request.param)
    return found


def test_claims_and_erasures_at_once(any_shop: Shop) -> None:
    shop = any_shop
    hire(shop, "second")
    for number in range(8):
        shop.publish(priced(f"c{number}", "20.00"))
    shop.claim("c0", "ann", phone=OTHER_PHONE, **WHO)
    start = threading.Barrier(3)

    def claims() -> Counter[int]:
        start.wait()
        with shop.app.test_client() as http:
            own = Shop(shop.app, http, shop.services, shop.clock, shop.keys)
            return Counter(own.claim(f"c{number}", "ann", phone=OTHER_PHONE, **WHO).status_code for number in range(1, 8))

    def erasures() -> list[str]:
        start.wait()
        said = []
        for _ in range(6):
            try:
                said.append(erase_person(shop.services, "shop-1", user="ann", subject=None, by="x", reason="asked")["state"])
            except (Conflict, Unavailable) as error:
                said.append(error.code)
        return said

    with ThreadPoolExecutor(3) as pool:
        claimed, one, other = pool.submit(claims), pool.submit(erasures), pool.submit(erasures)
        assert set(claimed.result()) <= {201, 202, 409, 503}
        assert "erased" in one.result() + other.result()
    # The last word is an erasure: then nobody is matched, whatever came when.
    erase_person(shop.services, "shop-1", user="ann", subject=None, by="x", reason="asked")
    with shop.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(subject_matches)).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(review_entities)).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(subjects).where(subjects.c.wrapped_key.is_not(None))).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(events).where(events.c.personal.is_not(None))).scalar_one() == 0
        held = set(connection.execute(select(rewards.c.subject_id)).scalars())
        assert held <= set(connection.execute(select(subjects.c.id)).scalars())


def test_whoever_is_writing_about_a_person_holds_them(database: Database, vault: Vault) -> None:
    """On PostgreSQL the erasure waits for the claim; on SQLite only one of them writes at all."""
    if database.is_sqlite:
        with database.write() as connection:
            assert subject_for(connection, vault, "m", "u", START).key is not None
        return
    with database.write() as connection:
        made = subject_for(connection, vault, "m", "u", START)
    with database.write() as claiming:
        assert subject_for(claiming, vault, "m", "u", START) == made
        with pytest.raises(Unavailable), database.write() as erasing:
            erasing.execute(select(subjects.c.id).where(subjects.c.id == made.id).with_for_update())
