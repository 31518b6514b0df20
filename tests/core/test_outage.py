"""A request asks a hot state that is away twice, and then no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.errors import Unavailable
from core.hotstate.outage import Outage
from core.text import Text


def asking(answers: list[int | None]) -> Callable[[], int]:
    """A question with these answers, one after another; None is no answer."""

    def question() -> int:
        found = answers.pop(0)
        if found is None:
            raise Unavailable("hot_state_away", Text(zh="不可用", en="away"))
        return found

    return question


def test_after_two_questions_in_vain_nothing_is_asked_and_the_same_is_heard() -> None:
    outage, left = Outage(), [None, None, 1]
    for _ in range(4):
        with pytest.raises(Unavailable, match="away"):
            outage.ask(asking(left))
    assert left == [1]


def test_one_connection_that_broke_condemns_nothing_and_answers_do_not_count() -> None:
    outage, left = Outage(), [1, None, 2, 3, None, 4]
    assert outage.ask(asking(left)) == 1
    with pytest.raises(Unavailable):
        outage.ask(asking(left))
    assert [outage.ask(asking(left)) for _ in range(2)] == [2, 3]
    for _ in range(2):
        with pytest.raises(Unavailable):
            outage.ask(asking(left))
    assert left == [4]


def test_a_fault_of_another_kind_is_no_outage() -> None:
    outage, left = Outage(), list[int | None]()
    for _ in range(3):
        with pytest.raises(IndexError):
            outage.ask(asking(left))
