"""The composition root: the one place that knows every room. Services are made once for each process, at its first use; nothing connects at import."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Lock

from api.auth import Keys
from api.deciding import lapse
from api.house import house_of
from api.observe import count_stages
from api.persons.erase import TIMER as SWEEP
from api.persons.erase import sweeping
from campaigns import usage
from campaigns.acting import facts
from campaigns.acting.desk import Desk
from campaigns.acting.promises import DUE
from campaigns.acting.settle import Settler
from campaigns.acting.stage import After
from campaigns.catalogue import Catalogue
from campaigns.codes import batches
from campaigns.gate.keeper import GateKeeper
from campaigns.law.book import LawBook, opened
from campaigns.persons.deeds import CampaignDeeds
from campaigns.rebates.accrual import TIMER as REBATE_TIMER
from campaigns.rebates.settling import RebateSettler
from campaigns.withdrawals import asking, paying
from campaigns.withdrawals.paying import Payer, ShopChannel
from campaigns.withdrawals.sandbox import SandboxChannel
from core.access.approvals import TIMER as APPROVAL_TIMER
from core.audit.anchors import Anchors
from core.audit.keys import SigningKeys
from core.clock import Clock, SystemClock
from core.config import Settings, load_settings, old_secret_keys_bytes, secret_key_bytes
from core.db.engine import Database, open_database
from core.errors import SettingsError
from core.hotstate.clients import HotState, connect
from core.jobs.timers import Handler, Handlers
from core.privacy.choices import LiveChoices
from core.privacy.retention import Retention, open_retention
from core.privacy.vault import Vault
from core.text import Text
from core.webhooks.postman import Postman
from core.webhooks.send import sender
from fraud.book import DecisionBook
from fraud.drainer import Drainer
from fraud.engine import RiskEngine
from fraud.gangs import searching
from fraud.gangs.searching import GangSearch
from fraud.lists.live import LiveLists
from fraud.packs import load_policies, load_shipped
from fraud.rulesets import settling
from fraud.rulesets.live import LiveRulesets
from fraud.rulesets.pinned import Pinned, keep_shipped
from fraud.snoozes.changing import EXPIRY, expire
from fraud.snoozes.live import LiveSnoozes
from fraud.telling import Teller

PACKS = Path(__file__).resolve().parents[1] / "rules" / "packs"


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that entry points use."""

    settings: Settings
    clock: Clock
    database: Database
    hot: HotState
    vault: Vault
    catalogue: Catalogue
    keeper: GateKeeper
    rulesets: LiveRulesets
    lists: LiveLists
    snoozes: LiveSnoozes
    risk: RiskEngine
    book: DecisionBook
    desk: Desk
    drainer: Drainer
    settler: Settler
    handlers: Handlers
    keys: Keys
    postman: Postman
    rebates: RebateSettler
    payer: Payer
    teller: Teller
    gangs: GangSearch
    law_book: Callable[[], LawBook]
    choices: LiveChoices
    retention: Retention
    audit_keys: SigningKeys
    anchors: Anchors

    @property
    def law(self) -> LawBook:
        """The packs of law that judge campaigns."""
        return self.law_book()

    @property
    def webhooks_anywhere(self) -> bool:
        """Whether webhooks may go to addresses that only this network can reach."""
        return self.settings.webhook_targets == "anywhere"

    def pinned(self) -> Pinned:
        """Every ruleset that ever judged, by its version."""
        return Pinned(self.rulesets.shipped)

    def keep_shipped(self) -> int:
        """Keep the shipped policies as they are in this program; returns how many are new."""
        return keep_shipped(self.database, load_shipped(PACKS).documents, self.clock.now())

    def follow(self, after: After) -> None:
        """What follows a commit: the gate hears what was given back, and rewards that are due are decided again."""
        for given in after.given:
            self.keeper.give_back_quietly(given)
        self.settler.settle(after)


def build_services(settings: Settings, clock: Clock | None = None) -> Services:
    """Wire the rooms together. Raises `Malformed` when a shipped policy cannot be read."""
    clock = clock or SystemClock()
    database = open_store(settings)
    hot = connect(settings.effective_redis_url)
    vault = open_vault(settings)
    keep = timedelta(hours=settings.idempotency_hours)
    book = DecisionBook(database, vault, review_hours=settings.review_hours)
    rulesets = LiveRulesets(database, load_policies(PACKS), clock)
    lists, snoozes, choices = LiveLists(database), LiveSnoozes(database), LiveChoices(database)
    risk = _risk_engine(settings, vault, clock, rulesets, book, lists, snoozes, choices)
    catalogue = Catalogue(database)
    keeper = GateKeeper(database, hot, keep)
    settler = Settler(database, risk, book, vault, clock)
    rebates = RebateSettler(database, risk, book, vault, clock)
    payer = Payer(database, vault, clock, {one.name: one for one in (ShopChannel(), SandboxChannel(database, clock))})
    retention = open_retention(settings.retention_file)
    gangs = GangSearch(database, vault, clock, settings.gang_window_days, settings.gang_search_hours, CampaignDeeds())
    desk = Desk(database, catalogue, keeper, risk, book, vault, clock, timedelta(seconds=settings.lease_seconds), keep, settler.settle)
    return Services(
        settings,
        clock,
        database,
        hot,
        vault,
        catalogue,
        keeper,
        rulesets,
        lists,
        snoozes,
        risk,
        book,
        desk,
        Drainer(hot, database, vault, clock),
        settler,
        timer_handlers(settler, vault, rebates, payer, gangs),
        Keys(database, clock),
        Postman(database, vault, clock, sender(settings.webhook_targets == "anywhere")),
        rebates,
        payer,
        Teller(database, vault, book, risk),
        gangs,
        opened(settings.law_folder, settings.law_packs, settings.law_merchants, house_of(retention)),
        choices,
        retention,
        SigningKeys(settings.data_dir, settings.audit_key),
        _anchors(settings, database, clock),
    )


def _risk_engine(
    settings: Settings, vault: Vault, clock: Clock, rulesets: LiveRulesets, book: DecisionBook, lists: LiveLists, snoozes: LiveSnoozes, choices: LiveChoices
) -> RiskEngine:
    return RiskEngine(
        # A client of its own, because a risk check may not wait as long as a gate may.
        connect(settings.effective_redis_url, settings.risk_deadline_ms / 1000),
        vault,
        rulesets.bundle,
        clock,
        direct=book,
        deadline_ms=settings.risk_deadline_ms,
        lateness_seconds=settings.lateness_seconds,
        lists=lists.book,
        snoozes=snoozes.book,
        choices=lambda merchant, user: choices.of(vault, merchant, user),
        timed=count_stages,
    )


def _anchors(settings: Settings, database: Database, clock: Clock) -> Anchors:
    every = timedelta(minutes=settings.audit_anchor_minutes)
    send = sender(settings.webhook_targets == "anywhere")
    return Anchors(database, clock, send, file=settings.audit_anchor_file, url=settings.audit_anchor_url, every=every)


def open_store(settings: Settings) -> Database:
    """The database alone, which makes no secret key: a restored one must find the data folder without any."""
    return open_database(settings.effective_database_url, pool_size=settings.api_threads + 4)


def open_vault(settings: Settings) -> Vault:
    """Raises `SettingsError` where a file holds no key."""
    try:
        return Vault(secret_key_bytes(settings), old_secret_keys_bytes(settings))
    except ValueError as error:
        path = settings.data_dir / "secret.key"
        text = Text(zh=f"{path} 中没有有效的密钥,请从备份恢复它", en=f"{path} holds no key ({error}); put the right one back from a backup")
        raise SettingsError([text]) from error


def timer_handlers(settler: Settler, vault: Vault, rebates: RebateSettler, payer: Payer, gangs: GangSearch) -> Handlers:
    """What each kind of timer does."""
    handlers = Handlers()
    handlers.register("instance.deadline", facts.instance_deadline)
    handlers.register("part.unpaid", facts.part_unpaid)
    handlers.register_prepared(batches.TIMER, lambda batch_id: _make_codes(settler.database, vault, batch_id))
    handlers.register_prepared(DUE, lambda reward_id: settler.handler(reward_id))
    handlers.register_prepared(REBATE_TIMER, rebates.handler)
    handlers.register_prepared(asking.PAY, payer.pay)
    handlers.register_prepared(paying.FOLLOW, payer.follow)
    handlers.register("coupon.expiry", usage.expire)
    handlers.register("coupon.unlock", usage.unlock)
    handlers.register(settling.TIMER, settling.fire_timer)
    handlers.register(EXPIRY, expire)
    handlers.register_prepared(searching.TIMER, gangs.run)
    handlers.register(APPROVAL_TIMER, lapse)
    handlers.register_prepared(SWEEP, lambda subject: sweeping(settler.database, settler.clock, subject))
    return handlers


def _make_codes(database: Database, vault: Vault, batch_id: str) -> Handler:
    """The whole batch before its timer is done: chunk by chunk, each in a transaction of its own."""
    batches.make_all(database, vault, batch_id)
    return lambda connection, ref, now: None


_made: tuple[int, Services] | None = None
_making = Lock()


def services_of_process() -> Services:
    """This process's services; a forked child makes its own, because connections do not survive a fork."""
    global _made
    made = _made
    if made is None or made[0] != os.getpid():
        with _making:
            if _made is None or _made[0] != os.getpid():
                _made = (os.getpid(), build_services(load_settings()))
            made = _made
    return made[1]
