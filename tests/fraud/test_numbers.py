"""Numbers of the stream: holes, fillings, grace, and that the state survives being written down."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from fraud.answers import Numbers
from fraud.numbers import GRACE_MS, Gap, SeenNumbers


def test_a_hole_is_reported_once_and_only_after_the_grace() -> None:
    seen = SeenNumbers()
    seen.add([("p", 1), ("p", 4)], now_ms=0)
    assert seen.overdue(GRACE_MS - 1) == []
    assert seen.overdue(GRACE_MS) == [Gap("p", 2, 3)]
    assert seen.overdue(GRACE_MS) == []


def test_a_number_that_comes_late_fills_its_hole() -> None:
    seen = SeenNumbers()
    seen.add([("p", 5), ("p", 3)], now_ms=0)
    assert seen.overdue(GRACE_MS) == [Gap("p", 1, 2), Gap("p", 4, 4)]


def test_the_first_numbers_of_a_process_may_be_missing_too() -> None:
    seen = SeenNumbers()
    seen.add([("p", 2)], now_ms=0)
    assert seen.overdue(GRACE_MS) == [Gap("p", 1, 1)]


@given(st.lists(st.tuples(st.sampled_from("pq"), st.integers(1, 30)), max_size=60), st.integers(0, 60))
def test_missing_is_whatever_never_came_also_across_a_restart(numbers: list[tuple[str, int]], cut: int) -> None:
    first = SeenNumbers()
    first.add(numbers[:cut], now_ms=0)
    second = SeenNumbers(json.loads(json.dumps(first.state())))
    second.add(numbers[cut:], now_ms=0)
    found = {(gap.process, n) for gap in second.overdue(GRACE_MS) for n in range(gap.first, gap.last + 1)}
    came = set(numbers)
    highest = {process: max(n for p, n in came if p == process) for process, _ in came}
    assert found == {(p, n) for p, top in highest.items() for n in range(1, top + 1)} - came


def test_a_number_not_used_is_given_out_again() -> None:
    numbers = Numbers()
    one, two = numbers.take(), numbers.take()
    numbers.put_back(one)
    assert (one.count, two.count, numbers.take(), numbers.take().count) == (1, 2, one, 3)
