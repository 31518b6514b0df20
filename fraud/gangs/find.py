"""The whole search, pure: a record in, gangs out, the larger evidence first."""

from __future__ import annotations

from fraud.gangs.invited import found_by_inviter
from fraud.gangs.kinds import money_of, ties_of
from fraud.gangs.model import Gang, Limits
from fraud.gangs.record import Record
from fraud.gangs.ties import found_by_ties
from fraud.gangs.together import found_together

DEFAULT = Limits()


def find_gangs(record: Record, limits: Limits = DEFAULT) -> list[Gang]:
    """An account may be in several: what it shares, who brought it, and whom it acts with are looked at apart."""
    ties, money = ties_of(record, limits), money_of(record)
    found = [*found_by_ties(ties, money, limits), *found_by_inviter(record, limits), *found_together(record, ties, money, limits)]
    return sorted(found, key=lambda gang: (-len(gang.evidence), -len(gang.accounts), gang.accounts))
