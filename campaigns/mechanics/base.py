"""What a mechanic is: a small pure package that declares its block of the file, its commands, its states and what follows from orders and time.

It looks at situations and answers with moves; it never touches a store. Found through the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import marshmallow as ma

from campaigns.discounts import Offer
from campaigns.mechanics.legal import NOTHING, Legal
from campaigns.mechanics.moves import Move
from campaigns.mechanics.situation import Part, Refuse, Situation, Wants, Wish
from core.text import Text
from core.yamlfile.problems import Fault

if TYPE_CHECKING:
    from campaigns.model import Campaign

Placed: TypeAlias = tuple[tuple[str | int, ...], Fault]
Moves: TypeAlias = Sequence[Move]
States: TypeAlias = Mapping[str, frozenset[str]]
# While the campaign runs; or, for what an instance promises, until that one ends, unless the campaign is paused; or at any time.
When: TypeAlias = Literal["running", "begun", "always"]
# The instance that a command is about: none, a new one, the one its address names, or the one of the campaign with the key that `key` gives.
About: TypeAlias = Literal["nothing", "new", "named", "keyed"]


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a customer may ask. `path` is its address below `/v1/campaigns/{campaign}/`, with `<instance>` for the named one.

    `scene`: where the risk engine is asked; None only for a command that never leads to a reward. `wants` is asked before anything is taken and
    may refuse; `act` is asked with the lock held. `key` names the instance of a "keyed" command ("@caller" for the caller's own).
    """

    name: str
    path: str
    words: Text
    fields: type[ma.Schema]
    scene: str | None
    wants: Callable[[Situation, Wish], Wants | Refuse]
    act: Callable[[Situation, Wish], Moves | Refuse]
    rewards: bool = True
    when: When = "running"
    about: About = "nothing"
    key: Callable[[Situation, Wish], str] | None = None


@dataclass(frozen=True, slots=True)
class Reactions:
    """What follows from outside. Each gets the situation (after the fact was written) and the part, and answers with moves.

    `paid`: its order was paid in full; `undone`: its order was cancelled or wholly refunded; `refused`: its reward became void in a review.
    """

    paid: Callable[[Situation, Part], Moves]
    undone: Callable[[Situation, Part], Moves]
    refused: Callable[[Situation, Part], Moves]


def _nothing(_: Situation, __: Part) -> Moves:
    return ()


def unused(common: Mapping[str, Any], mechanic: Text) -> list[Placed]:
    """Faults for what a file may not say with a mechanic that would not heed it: limits, a budget, a condition of who may take part."""
    text = Text(zh=f"{mechanic.zh}不看这一项,请删去", en=f"a {mechanic.en} does not heed this; leave it out")
    given = [name for name in ("budget", "eligible_when") if common.get(name) is not None]
    given += [f"limits.{name}" for name, value in (common.get("limits") or {}).items() if value not in (None, 1)]
    return [(tuple(name.split(".")), Fault("not_used_here", text)) for name in given]


IGNORES = Reactions(_nothing, _nothing, _nothing)


@dataclass(frozen=True, slots=True)
class Price:
    """A line of the price table: an article, what it costs without and with the campaign (fen), and how many there are (None: no bound of its own)."""

    sku: str
    list_fen: int
    price_fen: int
    stock: int | None


@dataclass(frozen=True, slots=True)
class Occasion:
    """One stretch of time in which the campaign gives something, for the drawn schedule: a session of a seckill, or its whole life."""

    begins: datetime
    ends: datetime
    label: str = ""


@dataclass(frozen=True, slots=True)
class FileForm:
    """The mechanic's block of a campaign file. `parse` makes terms of what `schema` read, with the campaign's zone; `document` and `from_document`
    write them as JSON and read them back; `faults` finds what contradicts, as (path, fault); `json_schema` is for editors."""

    schema: type[ma.Schema]
    faults: Callable[[Mapping[str, Any], Mapping[str, Any]], list[Placed]]
    parse: Callable[[Mapping[str, Any], Any], Any]
    document: Callable[[Any], dict[str, Any]]
    from_document: Callable[[Mapping[str, Any], Any], Any]
    json_schema: Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Mechanic:
    """`name` is also the key of its block in a file.

    `pools` gives the stocks that stand from publication on and their sizes, `pool_size` any pool's size (None: unlimited; a pool that comes to be
    later, such as a session's, is made at its first use; `KeyError` for one that cannot be). `limits` gives the capacity of each limit.
    `cost_max_fen` is the most that a campaign can give away (None: only its budget bounds it). `alarms`: "deadline" of an instance and "unpaid" of
    a part. `main_scene` is the scene that a file's `risk.policy` must serve; `policies` names the policy of a scene where it is not the
    one called like the scene. `due_pools` are stocks whose gate should stand
    by now; `warn_at` the percentages of a stock left at which "stock.low" is told; `conflicts` what two campaigns must not both do.
    `gate_parts`: in how many parts the gate stands, so that a hot stock is not bound to one server.
    `pool_closes`: when a stock is asked for no more. A reward that was promised for
    later is decided again in `post_scene`. `automatic_event` is the
    event that asks `automatic_command` by itself. `legal` tells what the law asks of a campaign; `approval_kinds` are
    those that a pack may ask for besides the publication's own. `price_rule` gives what a campaign that only prices carts says at a
    moment (`campaigns.pricing.model.Rule`); such a mechanic has no commands, and no `main_scene`. `claimable` gives
    the offer of a coupon that the user could claim at a moment, or the code of why not.
    """

    name: str
    title: Text
    form: FileForm
    commands: tuple[Command, ...]
    main_scene: str
    post_scene: str | None
    pools: Callable[[Campaign], Mapping[str, int]]
    pool_size: Callable[[Campaign, str], int | None]
    limits: Callable[[Campaign], Mapping[str, int]]
    cost_max_fen: Callable[[Campaign], int | None]
    pool_closes: Callable[[Campaign, str], datetime | None] = lambda *_: None
    gate_parts: Callable[[Campaign], int] = lambda _: 1
    bounds_itself: bool = False
    due_pools: Callable[[Campaign, datetime], Sequence[str]] = lambda *_: ()
    warn_at: Callable[[Campaign], Sequence[int]] = lambda _: ()
    conflicts: Callable[[Campaign, Campaign], Sequence[Text]] = lambda *_: ()
    policies: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[str, Text] = field(default_factory=dict)
    instance: str = ""
    instance_states: States = field(default_factory=dict)
    part_states: States = field(default_factory=dict)
    reactions: Reactions = IGNORES
    alarms: Mapping[str, Callable[[Situation, Part | None], Moves]] = field(default_factory=dict)
    prices: Callable[[Campaign], Sequence[Price]] = lambda _: ()
    occasions: Callable[[Campaign, datetime, datetime], Sequence[Occasion]] | None = None
    automatic_event: Callable[[Campaign], str | None] = lambda _: None
    automatic_command: str = ""
    view: Callable[[Situation], Mapping[str, Any]] = lambda _: {}
    approval_kinds: tuple[str, ...] = ()
    legal: Callable[[Campaign], Legal] = lambda _: NOTHING
    topics: tuple[str, ...] = ()
    price_rule: Callable[[Campaign, datetime], Any] | None = None
    claimable: Callable[[Campaign, datetime, str | None], Offer | str] | None = None

    def command(self, name: str) -> Command:
        """Raises `KeyError`."""
        return {command.name: command for command in self.commands}[name]

    def scenes(self) -> tuple[str, ...]:
        """Every scene in which this mechanic asks the risk engine."""
        asked = [command.scene for command in self.commands if command.scene is not None]
        return tuple(dict.fromkeys([*asked, *([self.post_scene] if self.post_scene else [])]))

    def policy_for(self, scene: str) -> str:
        """The policy that decides in a scene unless a campaign names another."""
        return self.policies.get(scene) or scene.replace(".", "-").replace("_", "-")
