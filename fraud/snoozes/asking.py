"""A snooze as a person asks for it: a rule of a policy that runs, a field and its value, until when, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import Malformed
from core.privacy.vault import Vault
from core.text import Text
from fraud.lists.entries import masked
from rules.enrich.derived import DERIVED, derived, one_spelling
from rules.lang.kinds import Kind
from rules.model import Ruleset

MOST = timedelta(days=30)
COMMENT_MAX = 300
VALUE_MAX = 500
# Each event has another one, so that nothing would ever be silenced.
_NO_ENTITY = ("id", "type", "merchant")


@dataclass(frozen=True, slots=True)
class Snooze:
    """`token` is the keyed hash of the value; `shown` is what people see of it."""

    merchant: str
    policy: str
    rule: str
    field: str
    token: str
    shown: str
    until: datetime
    comment: str


def snooze_token(vault: Vault, merchant: str, field: str, value: str) -> str | None:
    """How a value is known among snoozes, however it was typed; None where nothing is left of it."""
    spelled = one_spelling(field, value)
    return None if spelled is None else vault.token(merchant, f"snooze:{field}", spelled)


def asked_snooze(
    vault: Vault, merchant: str, policies: Iterable[Ruleset], *, policy: str, rule: str, field: str, value: str, until: datetime, comment: str, now: datetime
) -> Snooze:
    """Raises `Malformed` for what is not there or makes no sense."""
    _require_rule(policies, policy, rule, field)
    words = comment.strip()
    if not 1 <= len(words) <= COMMENT_MAX:
        raise Malformed("comment_required", Text(zh=f"须写明原因(至多 {COMMENT_MAX} 字)", en=f"say why, in at most {COMMENT_MAX} characters"))
    if not now < until <= now + MOST:
        text = Text(zh=f"结束时间须在现在之后、{MOST.days} 天之内", en=f"a snooze ends after now, and within {MOST.days} days")
        raise Malformed("bad_snooze_time", text)
    # A field that follows from another may be named by that one's value: the network of an address, the domain of a mailbox.
    value = str(derived({DERIVED[field][1]: value}, [field]).get(field, value.strip().lower())) if field in DERIVED else value
    token, spelled = snooze_token(vault, merchant, field, value), one_spelling(field, value)
    if token is None or spelled is None or len(value) > VALUE_MAX:
        raise Malformed("bad_snooze_value", Text(zh=f"值应为 1 至 {VALUE_MAX} 个字符", en=f"a value has 1 to {VALUE_MAX} characters"))
    return Snooze(merchant, policy, rule, field, token, masked(field, spelled), until, words)


def _require_rule(policies: Iterable[Ruleset], policy: str, rule: str, field: str) -> None:
    found = next((one for one in policies if one.id == policy), None)
    if found is None:
        raise Malformed("unknown_policy", Text(zh=f"没有策略 {policy}", en=f"there is no policy {policy}"))
    if rule not in {one.id for one in found.rules}:
        raise Malformed("unknown_rule", Text(zh=f"策略 {policy} 没有规则 {rule}", en=f"policy {policy} has no rule {rule}"))
    known = found.catalogue.names.get(field)
    if known is None or known.kind is not Kind.TEXT or field in found.features or field in _NO_ENTITY:
        text = Text(zh=f"{field} 不是事件的文本字段(如 device、user、ip)", en=f"{field} is no text field of events, such as device, user or ip")
        raise Malformed("unknown_field", text)
