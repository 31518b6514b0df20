"""A flaw of an expression shows at its own character of the file, as far as the file has that character on one line."""

from __future__ import annotations

import pytest

from core.yamlfile.problems import Place
from core.yamlfile.read import read_yaml
from rules.lang.catalogue import Catalogue, Known
from rules.lang.check import typed
from rules.lang.faults import BadExpression
from rules.lang.kinds import Kind
from rules.places import problems_of

CATALOGUE = Catalogue({"first_order": Known(Kind.BOOLEAN), "phone": Known(Kind.TEXT)})


def told(yaml: str) -> list[tuple[Place, str, str | None]]:
    document = read_yaml(yaml.encode(), "t.yaml")
    with pytest.raises(BadExpression) as caught:
        typed(document.root.value["when"].value, CATALOGUE)
    return [(one.place, one.fault.text.en, one.fault.hint and one.fault.hint.en) for one in problems_of(document, ("when",), caught.value)]


@pytest.mark.parametrize(
    ("yaml", "place"),
    [
        ("when: frist_order", Place(1, 7)),
        ("a: 1\nwhen:   frist_order", Place(2, 9)),
        ('when: "frist_order"', Place(1, 8)),
        ("when: 'frist_order'", Place(1, 8)),
        ("when: phone == '羊毛党' and frist_order", Place(1, 26)),
        ("when: \"phone == '🐑' and frist_order\"", Place(1, 25)),
    ],
)
def test_a_flaw_on_one_line_has_the_column_of_its_character(yaml: str, place: Place) -> None:
    assert told(yaml) == [(place, "there is no name frist_order", "did you mean first_order?")]


@pytest.mark.parametrize(
    ("yaml", "character"),
    [
        ("when: >\n  first_order\n  and frist_order", 17),
        ("when: |\n  frist_order", 1),
        ("when: first_order\n  and frist_order", 17),
        ('when: "first_order\n  and frist_order"', 17),
        ('when: "\\u0066irst_order and frist_order"', 17),
        ("when: 'phone == ''x'' and frist_order'", 18),
    ],
)
def test_a_flaw_elsewhere_has_the_place_of_the_value_and_tells_its_character(yaml: str, character: int) -> None:
    assert told(yaml) == [(Place(1, 7), f"there is no name frist_order (character {character} of the expression)", "did you mean first_order?")]


def test_every_flaw_is_told() -> None:
    assert [place for place, _, _ in told("when: frist_order and phone == 3")] == [Place(1, 7), Place(1, 32)]
