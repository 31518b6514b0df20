"""The guide to campaigns: every file on the page loads, both languages show the same, and no mechanic or refusal is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from campaigns.files.load import load_campaign
from campaigns.mechanics import mechanic_named, mechanic_names
from fraud.packs import load_policies

ROOT = Path(__file__).parents[2]
GUIDES = ("campaigns.md", "campaigns.zh-CN.md")
# What only prices carts has a guide of its own.
PRICES = ("quotes.md", "quotes.zh-CN.md")
REBATES = ("rebates.md", "rebates.zh-CN.md")
WITHDRAWALS = ("withdrawals.md", "withdrawals.zh-CN.md")
OWN = {"rebate": REBATES, "withdrawal": WITHDRAWALS}
PRICING = {name for name in mechanic_names() if mechanic_named(name).price_rule is not None}
SERVING = load_policies(ROOT / "rules" / "packs").serving


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def files(name: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", text(name), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("guide", [*GUIDES, *PRICES, *REBATES, *WITHDRAWALS])
def test_every_file_of_the_guide_loads(guide: str) -> None:
    loaded = [load_campaign(source.encode(), "guide.yaml", SERVING).campaign for source in files(guide)]
    own = {name for name, guides in OWN.items() if guide in guides}
    wanted = PRICING if guide in PRICES else own or set(mechanic_names()) - PRICING - set(OWN)
    assert {campaign.mechanic for campaign in loaded} == wanted


@pytest.mark.parametrize("guides", [GUIDES, PRICES, REBATES, WITHDRAWALS])
def test_both_languages_show_the_same_files(guides: tuple[str, str]) -> None:
    english, chinese = ([re.sub(r"\s*#.*", "", source) for source in files(guide)] for guide in guides)
    assert english == chinese


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("name", mechanic_names())
def test_every_mechanic_has_its_section_and_every_address_is_named(place: int, name: str) -> None:
    page = text((PRICES if name in PRICING else OWN.get(name, GUIDES))[place])
    assert f"`{name}`" in page or f"mechanic: {name}" in page
    for command in mechanic_named(name).commands:
        # The page writes the instance's place as people read it.
        assert command.path.replace("<instance>", "{instance}") in page or command.path == "claims"


def test_every_example_is_of_a_mechanic_and_every_mechanic_has_one() -> None:
    examples = [load_campaign(path.read_bytes(), path.name, SERVING).campaign.mechanic for path in (ROOT / "examples").glob("*.yaml")]
    assert set(examples) == set(mechanic_names())
