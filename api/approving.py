"""Every kind of approval that there is, what it is measured in, and the file of rules that says when which applies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from api.persons.unmask import KIND as UNMASK
from campaigns.law.pack import EXCEPTION
from campaigns.lifecycle import KIND as RESUME
from campaigns.mechanics import mechanic_named, mechanic_names
from campaigns.publishing import KIND as PUBLISH
from campaigns.withdrawals.asking import KIND as PAYOUT
from core.access.inforce import adopt, terms_of
from core.access.rulefile import ApprovalRules, Kinds, Measure, load_rules, rules_of, shipped_rules
from core.clock import Clock
from core.config import Settings
from core.db.engine import Database
from core.errors import Malformed, SettingsError
from core.text import Text
from fraud.cases.releases import KIND as RELEASE
from fraud.lists.changing import KIND as LIST_CHANGE
from fraud.rulesets.publishing import KIND as PUBLISH_POLICY
from fraud.snoozes.changing import KIND as SNOOZE
from fraud.stops.changing import KIND as START_RULE

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FEN = Measure("fen", alone=False)
_FURTHER = tuple(kind for name in mechanic_names() for kind in mechanic_named(name).approval_kinds)
# A test holds this beside `api.deciding`: a kind that one of them lacks fails it.
KINDS: Kinds = {
    PUBLISH: _FEN,
    RESUME: None,
    **dict.fromkeys(_FURTHER, _FEN),
    EXCEPTION: _FEN,
    UNMASK: None,
    PUBLISH_POLICY: None,
    START_RULE: None,
    LIST_CHANGE: Measure("entries", alone=True),
    RELEASE: Measure("fen", alone=True),
    SNOOZE: Measure("hours", alone=True),
    PAYOUT: _FEN,
}


_TWICE = Text(
    zh="SHEEPDOG_REVIEW_SECOND_FEN 与 SHEEPDOG_APPROVAL_RULES 不能同时使用:请把金额写入该文件的 kinds → review.release → above_fen",
    en="SHEEPDOG_REVIEW_SECOND_FEN and SHEEPDOG_APPROVAL_RULES exclude each other; write the amount into that file: kinds, review.release, above_fen",
)


def wanted_rules(settings: Settings) -> ApprovalRules:
    """The rules that these settings ask for. Raises `Malformed` with every place that is wrong in the file, `SettingsError` for two answers to one question."""
    shipped = shipped_rules()
    if settings.approval_rules:
        if settings.review_second_fen != shipped.terms(RELEASE).above:
            raise SettingsError([_TWICE])
        path = Path(settings.approval_rules)
        try:
            source = path.read_bytes()
        except OSError as error:
            text = Text(zh=f"无法读取 {path}:{error.strerror}", en=f"cannot read {path} (SHEEPDOG_APPROVAL_RULES): {error.strerror}")
            raise Malformed("file_unreadable", text) from error
        return load_rules(source, path.name, KINDS)
    if settings.review_second_fen == shipped.terms(RELEASE).above:
        return shipped
    # The setting is older than the file, and goes on to say the same.
    kinds, above = shipped.document["kinds"], {"above_fen": settings.review_second_fen}
    changed = {**kinds, RELEASE: {**kinds[RELEASE], **above}}
    return rules_of({**shipped.document, "kinds": changed})


def adopt_rules(settings: Settings, database: Database, clock: Clock) -> bool:
    """At the start of a service: what the settings ask for counts from now on, and a change stands in the audit log. True where it is one."""
    rules = wanted_rules(settings)
    with database.write() as connection:
        return adopt(connection, rules, clock.now())


def release_alone_fen(connection: Connection) -> int:
    """Up to which amount one person alone releases a held reward."""
    above = terms_of(connection, RELEASE).above
    return 0 if above is None else above
