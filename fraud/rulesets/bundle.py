"""What is live at one moment, immutable: each merchant sees its own policies, the platform's and the shipped ones, the nearest of each id.

Whatever is derived from a set of policies is kept with it and dies with it; sets that did not change move on to the next bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from core.access.principals import PLATFORM
from fraud.features.plan import series_names
from fraud.policies import Policies
from fraud.rulesets.warmth import Stored, behind, late_series
from rules.model import Ruleset

T = TypeVar("T")
# Owner → policy id → the ruleset that serves.
Owned = Mapping[str, Mapping[str, Ruleset]]
# Owner → policy id → since when its series are recorded.
OwnedSince = Mapping[str, Mapping[str, Stored | None]]

# Owner → policy id → what was written down when the owner's own ended.
OwnedLeft = Mapping[str, Mapping[str, Mapping[str, Any]]]


class View:
    """One merchant's policies, and what was made of them. `late` are the series that began while the merchant was there already, with the time (µs)."""

    __slots__ = ("__weakref__", "_made", "late", "policies")

    def __init__(self, policies: Policies, late: Mapping[str, int] | None = None) -> None:
        self.policies = policies
        self.late = late or {}
        self._made: dict[Callable[[Policies], object], object] = {}

    def kept(self, make: Callable[[Policies], T]) -> T:
        """What `make` makes of these policies, made once (perhaps twice when threads meet, which does no harm)."""
        found = self._made.get(make)
        if found is None:
            found = self._made.setdefault(make, make(self.policies))
        return found  # type: ignore[return-value]

    def holds(self, rulesets: Mapping[str, Ruleset], late: Mapping[str, int]) -> bool:
        """Whether these are exactly the policies of this view, and since the same time."""
        mine = list(self.policies)
        return self.late == late and len(mine) == len(rulesets) and all(rulesets.get(one.id) is one for one in mine)


class Bundle:
    """Views by merchant. A merchant without policies of its own shares the platform's view, so that views never outnumber publishers."""

    __slots__ = ("__weakref__", "_others", "_owned")

    def __init__(
        self,
        shipped: Iterable[Ruleset],
        owned: Owned | None = None,
        before: Bundle | None = None,
        since: OwnedSince | None = None,
        left: OwnedLeft | None = None,
    ) -> None:
        owned, since, left, shipped = owned or {}, since or {}, left or {}, list(shipped)
        recorded = {one.id: series_names(one) for one in shipped} if since or left else {}

        def view(rulesets: Mapping[str, Ruleset], held: Mapping[str, Stored | None], previous: View | None) -> View:
            late = late_series(list(rulesets.values()), recorded, held)
            return previous if previous is not None and previous.holds(rulesets, late) else View(Policies(rulesets.values()), late)

        shipped_by_id = {one.id: one for one in shipped}
        common = shipped_by_id | dict(owned.get(PLATFORM, {}))
        common_since = _since_left(shipped_by_id, owned.get(PLATFORM, {}), since.get(PLATFORM, {}), left.get(PLATFORM, {}))
        self._others: View = view(common, common_since, None if before is None else before._others)
        self._owned: dict[str, View] = {}
        for merchant in (owned.keys() | left.keys()) - {PLATFORM}:
            mine = owned.get(merchant, {})
            held = _since_left(common, mine, {**common_since, **since.get(merchant, {})}, left.get(merchant, {}))
            if mine or held != common_since:
                previous = None if before is None else before._owned.get(merchant)
                self._owned[merchant] = view(common | dict(mine), held, previous)

    def __iter__(self) -> Iterator[View]:
        yield self._others
        yield from self._owned.values()

    def view(self, merchant: str) -> View:
        return self._owned.get(merchant, self._others)

    def for_merchant(self, merchant: str) -> Policies:
        """The policies that may judge the merchant's events."""
        return self.view(merchant).policies


def _since_left(
    behind_it: Mapping[str, Ruleset], mine: Mapping[str, Ruleset], since: Mapping[str, Stored | None], left: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Stored | None]:
    """`since`, with what serves again in the place of policies that the owner left."""
    again = {name: one for name, one in left.items() if name in behind_it and name not in mine}
    return {**since, **{name: behind(series_names(behind_it[name]), since.get(name), one) for name, one in again.items()}}


def always(rulesets: Iterable[Ruleset]) -> Callable[[], Bundle]:
    """A bundle that never changes: for tests, and wherever nothing is published."""
    bundle = Bundle(rulesets)
    return lambda: bundle
