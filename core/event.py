"""The event: one dataclass, one canonical form, shared by checks, claims and order facts.

Its own time is believed only within [received − lateness, received + 60 s]; otherwise the server's time is used and the event is flagged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from core.canon import canonical, digest
from core.clock import to_micros

FUTURE_TOLERANCE = timedelta(seconds=60)
# Fields that tell who a person is: never stored in clear, never put into bytes that are sealed.
PERSONAL_FIELDS = ("user", "session", "device", "ip", "phone", "address", "payment_account", "email", "user_agent", "inviter")
# What a device's own probe may say against it.
DEVICE_FLAGS = ("emulator", "cloud", "group_control", "tampered", "rooted", "multi_open", "automation", "vpn")
# Plain ids and names that events bring beside the persons.
PLAIN_FIELDS = ("campaign", "order_id", "instance", "product", "invite_code", "page")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as a merchant tells it. `id` is the merchant's own and makes every retry harmless.

    `inviter` is the other person, by the shop's id; `instance` the group or bargain it is about; `device_flags` what the device's probe found, ()
    for nothing and None when nobody looked. `custom` holds declared custom fields; `amount_fen`, where there is one, is in fen. `clock_flag`
    is "", "late", "future", or "unstated" where the merchant gave no time. `stated_at` is the time that it gave and that was not believed.
    """

    id: str
    type: str
    merchant: str
    occurred_at: datetime
    received_at: datetime
    user: str
    session: str | None = None
    device: str | None = None
    ip: str | None = None
    phone: str | None = None
    address: str | None = None
    payment_account: str | None = None
    email: str | None = None
    user_agent: str | None = None
    inviter: str | None = None
    session_started_at: datetime | None = None
    campaign: str | None = None
    order_id: str | None = None
    instance: str | None = None
    product: str | None = None
    invite_code: str | None = None
    page: str | None = None
    device_flags: tuple[str, ...] | None = None
    amount_fen: int | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)
    clock_flag: str = ""
    stated_at: datetime | None = None

    def believed(self, lateness: timedelta) -> Event:
        """The event with a time that windows may use."""
        if self.occurred_at > self.received_at + FUTURE_TOLERANCE:
            return self._corrected("future")
        if self.occurred_at < self.received_at - lateness:
            return self._corrected("late")
        return self

    def _corrected(self, flag: str) -> Event:
        return replace(self, occurred_at=self.received_at, clock_flag=flag, stated_at=self.occurred_at)

    def personal(self) -> dict[str, str]:
        """The identifying fields that are present."""
        return {name: value for name in PERSONAL_FIELDS if (value := getattr(self, name)) is not None}

    def impersonal(self) -> dict[str, Any]:
        """Everything else, JSON-able, times as microseconds; what canonical forms may hold in clear."""
        fields: dict[str, Any] = {
            "id": self.id,
            "type": self.type,
            "merchant": self.merchant,
            "occurred_at": to_micros(self.occurred_at),
            "received_at": to_micros(self.received_at),
            "session_started_at": None if self.session_started_at is None else to_micros(self.session_started_at),
            **{name: getattr(self, name) for name in PLAIN_FIELDS},
            "device_flags": None if self.device_flags is None else sorted(set(self.device_flags)),
            "amount_fen": self.amount_fen,
            "custom": dict(self.custom) or None,
            "clock_flag": self.clock_flag or None,
            "stated_at": None if self.stated_at is None else to_micros(self.stated_at),
        }
        return {name: value for name, value in fields.items() if value is not None}

    def content_hash(self) -> str:
        """Tells two contents under one id apart: everything the merchant said, without the time of receipt."""
        said = {**self.impersonal(), **self.personal()}
        for ours in ("received_at", "clock_flag", "stated_at"):
            said.pop(ours, None)
        # What the merchant said, whether we believed it or not: a retry may come when its time is believed, or no more.
        if self.stated_at is not None:
            said["occurred_at"] = to_micros(self.stated_at)
        elif self.clock_flag:
            said.pop("occurred_at")
        return digest(canonical(said))
