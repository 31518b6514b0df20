"""Runs the migrations on the connection that `core.db.migrate` hands in, or on `SHEEPDOG_DATABASE_URL` when alembic is called by hand."""

from alembic import context

import campaigns.codes.tables
import campaigns.orders.tables
import campaigns.rebates.tables
import campaigns.store.firsts
import campaigns.store.playing
import campaigns.store.tables
import campaigns.withdrawals.tables
import core.db.tables
import core.privacy.tables
import core.webhooks.tables
import fraud.cases.tables
import fraud.lists.tables
import fraud.rulesets.tables
import fraud.snoozes.tables
import fraud.stops.tables
import fraud.store.tables
from core.config import load_settings
from core.db.engine import open_database
from core.db.types import metadata

# Importing them is what fills the metadata.
TABLES = (
    core.db.tables,
    core.privacy.tables,
    core.webhooks.tables,
    campaigns.store.tables,
    campaigns.store.playing,
    campaigns.store.firsts,
    campaigns.codes.tables,
    campaigns.orders.tables,
    campaigns.rebates.tables,
    campaigns.withdrawals.tables,
    fraud.cases.tables,
    fraud.lists.tables,
    fraud.rulesets.tables,
    fraud.snoozes.tables,
    fraud.stops.tables,
    fraud.store.tables,
)


def run(connection) -> None:
    # SQLite cannot alter most things in place; batch mode copies the table.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with open_database(load_settings().effective_database_url).engine.connect() as connection:
        run(connection)
