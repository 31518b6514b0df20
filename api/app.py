"""The Flask application. `create_app` builds it from settings; every request uses the services of its own process."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from api import documents, errors, health, limits, observe
from api.door import Door
from api.turnstile import Busy, Turnstile
from api.v1 import (
    appeals,
    approvals,
    audit,
    campaigns,
    cases,
    chronicle,
    codes,
    commands,
    decisions,
    delegations,
    events,
    instances,
    labels,
    lists,
    notifications,
    orders,
    passes,
    policies,
    promoters,
    quotes,
    reviews,
    rewards,
    risk,
    snoozes,
    stops,
    subjects,
    webhooks,
    withdrawals,
)
from api.wiring import Services, services_of_process
from core.config import Settings, load_settings
from core.text import lang_of

_PLAYING = (campaigns, codes, commands, instances, rewards, orders, quotes, promoters, withdrawals)
# What compliance asks.
_RECORD = (chronicle, audit)
_RESOURCES = (
    *_PLAYING,
    *_RECORD,
    risk,
    policies,
    decisions,
    labels,
    lists,
    snoozes,
    stops,
    reviews,
    cases,
    appeals,
    passes,
    events,
    approvals,
    delegations,
    subjects,
    notifications,
    webhooks,
)
BLUEPRINTS = tuple(resource.blp for resource in _RESOURCES)


def create_app(settings: Settings | None = None, services: Callable[[], Services] = services_of_process) -> Flask:
    """The WSGI application. Raises `SettingsError` with every problem of the settings."""
    settings = settings or load_settings()
    observe.configure_logs(settings.log_level)
    app = Flask("sheepdog", static_folder=None)
    app.config.update(
        SETTINGS=settings,
        READER_LANG=lang_of(settings.lang),
        API_TITLE="Sheepdog 牧羊犬",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/v1",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
            "security": [{"key": []}],
            "info": {"description": "Campaigns and risk checks for shops. Amounts are integers of fen; times are ISO 8601 with an offset."},
        },
    )
    app.extensions["sheepdog"] = services
    observe.install(app)
    errors.install(app)
    blocks = limits.install(app, settings).blocks
    busy = app.extensions["busy"] = Busy()
    inner = Door(app.wsgi_app, services, blocks)
    app.wsgi_app = Turnstile(inner, services, blocks, busy, app.config["READER_LANG"])  # type: ignore[method-assign]
    api = documents.LateApi(app)
    # Our problem documents are declared on every endpoint; smorest's own default error would be a second form.
    api.DEFAULT_ERROR_RESPONSE_NAME = None
    errors.install(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint, url_prefix="/v1")
    app.register_blueprint(health.blp)
    app.register_blueprint(documents.blp)
    return app
