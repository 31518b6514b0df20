"""Schema versions. `upgrade` brings a database to the newest one; `current` and `newest` tell whether it is there.

Revisions are the numbers that begin the files' names, so telling needs no Alembic, which is a tenth of what a process of the API would load at its start.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from core.db.engine import Database

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).resolve().parents[2] / "migrations"


def upgrade(database: Database, revision: str = "head") -> None:
    if revision == "head" and _is_newest(database):
        return
    from alembic import command

    _run(database, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str) -> None:
    from alembic import command

    _run(database, lambda config: command.downgrade(config, revision))


def current(connection: Connection) -> str | None:
    """The revision that the database is at, or None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


def knows(revision: str | None) -> bool:
    """Whether this version of the program has the revision's migrations."""
    return revision in _revisions()


def newest() -> str:
    return max(_revisions())


def _revisions() -> set[str]:
    return {file.name.partition("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*_*.py")}


def _is_newest(database: Database) -> bool:
    with database.read() as connection:
        return current(connection) == newest()


def _run(database: Database, act: Callable[[Config], None]) -> None:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        act(config)
