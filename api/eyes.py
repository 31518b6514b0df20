"""Who may do what alone: every route that changes something and every command, each with the approval that it needs or the reason why one person may.

A test lists the application's routes and commands beside this table; one that is missing here fails it. That those which name a kind really ask for it is
tested as well (`tests/api/test_eyes.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from api.persons.unmask import KIND as UNMASK
from campaigns.lifecycle import KIND as RESUME
from campaigns.publishing import KIND as PUBLISH
from campaigns.withdrawals.asking import KIND as PAYOUT
from core.text import Text
from fraud.cases.releases import KIND as RELEASE
from fraud.lists.changing import KIND as LIST_CHANGE
from fraud.rulesets.publishing import KIND as PUBLISH_POLICY
from fraud.snoozes.changing import KIND as SNOOZE
from fraud.stops.changing import KIND as START_RULE


@dataclass(frozen=True, slots=True)
class Asks:
    """A second person must agree, always or above a threshold, by an approval of this kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class Alone:
    """One person may, because …"""

    because: Text


Eyes = Asks | Alone

_STOPS = Alone(Text(zh="停止总是可以由一人进行", en="one person may always stop something"))
_NARROWS = Alone(Text(zh="只会收紧,不会放宽", en="it makes nothing easier for anybody"))
_DECIDES = Alone(Text(zh="这就是第二人的决定", en="it is the second person's own word"))
_CUSTOMER = Alone(Text(zh="顾客的行为,按已批准的活动和策略处理", en="a customer's act, which goes by a campaign and policies that two people published"))
_FACT = Alone(Text(zh="商户后台告知已发生的事实", en="a fact that the shop's backend tells"))
_DESK = Alone(Text(zh="处理案件的分工与备注,不动钱", en="who works on a case, and notes; no money moves"))
_LOOKS = Alone(Text(zh="只读,不改变任何东西", en="it only looks"))
_WORD = Alone(
    Text(zh="只能出借自己的审批权,有期限、可撤销,且不能用于自己的内容", en="only one's own word is lent, until a time, and never for what one had a hand in")
)
_PLUMBING = Alone(Text(zh="仅管理员:通知地址,不动钱也不改规则", en="where messages go; neither money nor rules"))
_LABEL = Alone(Text(zh="事后标注,不改变任何决策", en="said afterwards; it changes no decision"))
_CODES = Alone(Text(zh="兑换码受已批准活动的总量与预算约束", en="codes give no more than the limits and budget of a campaign that two people published"))
_EMPTY = Alone(Text(zh="空名单;被策略使用的名单不能删除", en="an empty list; and one that a policy reads cannot be deleted"))
_OPERATOR = Alone(Text(zh="掌管机器的人,不是平台上的身份", en="whoever runs the machine, who is nobody on the platform"))
_ACCESS = Alone(Text(zh="仅管理员,留有审计", en="administrators alone, and in the audit"))

_PERSON = Alone(
    Text(
        zh="法律赋予本人的权利,由合规人员写明理由代办,留有审计;不动钱",
        en="what the law gives the person, done by compliance with a reason and in the audit; no money moves",
    )
)
_CHOICE = Alone(Text(zh="本人的选择,只会收紧对其数据的使用或交给人来决定", en="the person's own choice, which gives a person's look at most"))
_SEEN = Alone(Text(zh="只见遮盖后的内容,须写明理由,留有审计", en="masked values, with a reason and in the audit"))

# Endpoint → what it needs. Reading is not listed.
ROUTES: Mapping[str, Eyes] = {
    "appeals.create": _CUSTOMER,
    "approvals.approve": _DECIDES,
    "approvals.reject": _DECIDES,
    "campaigns.publish": Asks(PUBLISH),
    "campaigns.rollback": Asks(PUBLISH),
    "campaigns.pause": _STOPS,
    "campaigns.end": _STOPS,
    "campaigns.resume": Asks(RESUME),
    "cases.assign": _DESK,
    "cases.note": _DESK,
    "cases.release": _DESK,
    "cases.take": _DESK,
    "codes.create": _CODES,
    "commands.bargain_cut": _CUSTOMER,
    "commands.bargain_order": _CUSTOMER,
    "commands.bargain_start": _CUSTOMER,
    "commands.check_in_check_in": _CUSTOMER,
    "commands.coupon_claim": _CUSTOMER,
    "commands.group_buy_join": _CUSTOMER,
    "commands.group_buy_leave": _CUSTOMER,
    "commands.group_buy_open": _CUSTOMER,
    "commands.seckill_buy": _CUSTOMER,
    "delegations.add": _WORD,
    "delegations.end": _NARROWS,
    "events.take": _FACT,
    "events.take_many": _FACT,
    "labels.label": _LABEL,
    "labels.label_many": _LABEL,
    "lists.create": _EMPTY,
    "lists.delete": _EMPTY,
    "lists.change": Asks(LIST_CHANGE),
    "lists.lookup": _LOOKS,
    "orders.begin": _FACT,
    "orders.cancel": _FACT,
    "orders.pay": _FACT,
    "orders.refund": _FACT,
    "policies.publish": Asks(PUBLISH_POLICY),
    "policies.rollback": Asks(PUBLISH_POLICY),
    "promoters.become": _CUSTOMER,
    "promoters.bring": _CUSTOMER,
    "promoters.decide": Asks(RELEASE),
    "quotes.make": _LOOKS,
    "reviews.decide": Asks(RELEASE),
    "reviews.decide_many": Asks(RELEASE),
    "rewards.cancel": _NARROWS,
    "rewards.lock": _CUSTOMER,
    "rewards.redeem": _CUSTOMER,
    "risk.cancel": _FACT,
    "risk.cancel_many": _FACT,
    "risk.check": _LOOKS,
    "risk.check_many": _LOOKS,
    "risk.confirm": _FACT,
    "risk.confirm_many": _FACT,
    "snoozes.add": Asks(SNOOZE),
    "snoozes.end": _NARROWS,
    "stops.stop": _STOPS,
    "stops.start": Asks(START_RULE),
    **dict.fromkeys(("subjects.export", "subjects.erase"), _PERSON),
    "subjects.lookup": _SEEN,
    "subjects.set_choices": _CHOICE,
    "subjects.unmask": Asks(UNMASK),
    "webhooks.disable": _PLUMBING,
    "webhooks.enable": _PLUMBING,
    "webhooks.register": _PLUMBING,
    "webhooks.remove": _PLUMBING,
    "webhooks.replay": _PLUMBING,
    "webhooks.rotate": _PLUMBING,
    "withdrawals.audit": Asks(PAYOUT),
    "withdrawals.create": Asks(PAYOUT),
    "withdrawals.preview": _LOOKS,
    "withdrawals.told": _FACT,
}

# Command → what it needs.
COMMANDS: Mapping[str, Eyes] = {
    **dict.fromkeys(("serve", "api", "worker", "clerk", "config", "db upgrade", "backup", "restore", "demo env", "demo load", "demo show"), _OPERATOR),
    **dict.fromkeys(("principals create", "keys create", "keys revoke"), _ACCESS),
    **dict.fromkeys(("principals list", "keys list", "approvals list", "approvals check", "approvals rules", "approvals delegations"), _LOOKS),
    **dict.fromkeys(("approvals approve", "approvals reject"), _DECIDES),
    "approvals delegate": _WORD,
    "approvals revoke": _NARROWS,
    **dict.fromkeys(("campaign check", "campaign diff", "campaign history", "campaign list", "campaign preview", "campaign schema", "campaign show"), _LOOKS),
    "campaign codes": _CODES,
    **dict.fromkeys(("campaign pause", "campaign end", "rules stop"), _STOPS),
    "campaign publish": Asks(PUBLISH),
    "campaign rollback": Asks(PUBLISH),
    "campaign resume": Asks(RESUME),
    **dict.fromkeys(("rules check", "rules diff", "rules explain", "rules history", "rules list", "rules schema", "rules show", "rules snooze list"), _LOOKS),
    **dict.fromkeys(("rules stops", "rules test", "law list", "law show", "law check"), _LOOKS),
    "rules publish": Asks(PUBLISH_POLICY),
    "rules rollback": Asks(PUBLISH_POLICY),
    "rules snooze add": Asks(SNOOZE),
    "rules snooze end": _NARROWS,
    "rules start": Asks(START_RULE),
    **dict.fromkeys(("lists add", "lists import", "lists remove"), Asks(LIST_CHANGE)),
    **dict.fromkeys(("lists create", "lists delete"), _EMPTY),
    **dict.fromkeys(("lists export", "lists list", "lists lookup"), _LOOKS),
    **dict.fromkeys(("reviews assign", "reviews note", "reviews release", "reviews take"), _DESK),
    **dict.fromkeys(("reviews list", "reviews passes", "reviews show"), _LOOKS),
    **dict.fromkeys(("audit prove", "audit checkpoint", "audit export", "audit key"), _LOOKS),
    "audit rotate-key": _ACCESS,
    "reviews resolve": Asks(RELEASE),
    **dict.fromkeys(("audit find", "audit timeline", "audit report", "audit extract", "audit check-extract"), _LOOKS),
    **dict.fromkeys(("subject export", "subject erase"), _PERSON),
    **dict.fromkeys(("subject show", "subject unmasked"), _SEEN),
    "subject choose": _CHOICE,
    "subject unmask": Asks(UNMASK),
    **dict.fromkeys(("privacy new-key", "privacy rotate-key", "privacy retention"), _OPERATOR),
    "labels import": _LABEL,
    # Whom it finds is watched and held for a person.
    "gangs search": _NARROWS,
    **dict.fromkeys(("labels precision", "audit list", "audit verify", "ledger explain", "decisions show", "decisions replay"), _LOOKS),
    **dict.fromkeys(("withdrawals list", "withdrawals show", "withdrawals statement", "withdrawals taxes"), _LOOKS),
    **dict.fromkeys(("webhooks add", "webhooks replay"), _PLUMBING),
    **dict.fromkeys(("webhooks dead", "webhooks list"), _LOOKS),
}
