"""What every mechanic must hold to, asked of all that are registered: nobody can add one that skips the risk check or shares an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.v1.commands import blp
from campaigns.acting.model import REFUSALS
from campaigns.files.load import load_campaign
from campaigns.law.facts import CAMPAIGN as FACTS
from campaigns.law.facts import HOUSE
from campaigns.mechanics import mechanic_named, mechanic_names
from campaigns.mechanics.base import Command, Mechanic
from fraud.packs import load_policies

PACKS = Path(__file__).parents[3] / "rules" / "packs"
MECHANICS = [mechanic_named(name) for name in mechanic_names()]
COMMANDS = [(mechanic, command) for mechanic in MECHANICS for command in mechanic.commands]


def named(value: object) -> str:
    return value.name if isinstance(value, Mechanic | Command) else str(value)


@pytest.mark.parametrize(("mechanic", "command"), COMMANDS, ids=named)
def test_a_command_that_leads_to_a_reward_asks_the_risk_engine(mechanic: Mechanic, command: Command) -> None:
    assert (command.scene is not None) == command.rewards
    assert command.scene is None or command.scene.startswith(f"{mechanic.name}.")


@pytest.mark.parametrize("mechanic", MECHANICS, ids=named)
def test_every_scene_of_a_mechanic_has_a_shipped_policy(mechanic: Mechanic) -> None:
    shipped = load_policies(PACKS)
    # What only prices carts gives nothing, and asks nobody.
    assert bool(mechanic.scenes()) == (mechanic.price_rule is None)
    for scene in mechanic.scenes():
        assert mechanic.policy_for(scene) in shipped.serving(scene)
    assert mechanic.main_scene in (mechanic.scenes() or ("",))


@pytest.mark.parametrize("mechanic", MECHANICS, ids=named)
def test_states_lead_to_states_of_the_same_table(mechanic: Mechanic) -> None:
    for table in (mechanic.instance_states, mechanic.part_states):
        assert {new for following in table.values() for new in following} <= set(table)
    assert bool(mechanic.instance) == any(command.about != "nothing" for command in mechanic.commands)
    assert not mechanic.instance_states or mechanic.instance


EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_a_mechanic_tells_the_law_is_what_rules_may_ask(path: Path) -> None:
    loaded = load_campaign(path.read_bytes(), path.name)
    told = mechanic_named(loaded.campaign.mechanic).legal(loaded.campaign)
    assert set(told.facts) <= set(FACTS) - HOUSE
    assert set(told.places) <= set(FACTS)
    assert told.chance or not told.prizes


def test_addresses_and_endpoints_are_each_declared_once() -> None:
    paths = [command.path for _, command in COMMANDS]
    assert len(set(paths)) == len(paths)
    assert all(("<instance>" in command.path) == (command.about == "named") for _, command in COMMANDS)
    assert blp.name == "commands"


@pytest.mark.parametrize("mechanic", MECHANICS, ids=named)
def test_refusals_speak_both_languages_and_redefine_none_of_the_common_ones(mechanic: Mechanic) -> None:
    assert not set(mechanic.refusals) & set(REFUSALS)
    assert all(text.zh.strip() and text.en.strip() for text in mechanic.refusals.values())


@pytest.mark.parametrize("mechanic", MECHANICS, ids=named)
def test_instances_have_short_names_of_their_own(mechanic: Mechanic) -> None:
    assert len(mechanic.instance) <= 4
    others = [other.instance for other in MECHANICS if other is not mechanic and other.instance]
    assert mechanic.instance not in others
