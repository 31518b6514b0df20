"""What a search for gangs looks for, and what it finds: groups of accounts, each with evidence that a person can read. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.text import Text


@dataclass(frozen=True, slots=True)
class Limits:
    """The parameters of a search, each with where it comes from. Shares are of 1."""

    # More than a dormitory room sleeps (8), and than three generations are (a child, 2 parents, 4 grandparents).
    tied_accounts: int = 9
    # Published for group anomaly search (SynchroTrap, CopyCatch): the same targets, in the same hours, on several days. Three friends who buy together
    # are none, nor are two couples.
    together_accounts: int = 6
    together_days: int = 3
    # A sale's regulars come for one thing, or when its bell rings. Of more things, at more hours of the day that lie two hours apart, a group chose itself.
    together_things: int = 2
    together_hours: int = 3
    # Who comes first on so many of its days is followed by the others: an honest buyer, and no member. One of six is first on all of three days by chance in
    # one case of 216.
    led_share: float = 0.8
    # Around such a core, who was there on two days and on half of all of them belongs to it.
    fringe_days: int = 2
    fringe_share: float = 0.5
    # Of those who did a thing within the hour, so many must be members: what everybody does tells nothing.
    bucket_share: float = 0.5
    bucket_accounts: int = 3
    # A thing that more people do within the hour is popular.
    bucket_hub: int = 60
    # Of the days on which the group came together, each member was there on so many. Published floor of dense-block search: 10 % is found, 2 to 5 % is not.
    fill: float = 0.3
    # More accounts than this on one thing are an office, a pick-up point, a till, or an id that the app makes up.
    flat_hub: int = 30
    tie_hub: int = 200
    # A kind of tie counts when half of the group has it; one who brought four of five brought the group.
    tie_share: float = 0.5
    inviter_share: float = 0.8
    # A helper has one phone: an inviter whose people sit on so many shared devices and purses has no household.
    inviter_things: int = 3
    # Fewer on one device are a couple.
    inviter_accounts: int = 3
    refunders: int = 3
    refund_share: float = 2 / 3
    # What is larger is a crowd.
    accounts_most: int = 500


@dataclass(frozen=True, slots=True)
class Evidence:
    """One kind of evidence, how much of the group it covers (0 to 1), and what it says."""

    kind: str
    share: float
    text: Text


@dataclass(frozen=True, slots=True)
class Gang:
    """Accounts by their numbers in the record, in rising order, and why. `inviter` is the one who brought them, if anybody did; one of `accounts`."""

    accounts: tuple[int, ...]
    evidence: tuple[Evidence, ...]
    inviter: int | None = None
