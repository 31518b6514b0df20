"""The interval of a rule's precision, and the files that labels come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Malformed
from fraud.labels import Label, read_labels, wilson


# From the definition: roots of (p − q)² = z² q (1 − q) / n.
@pytest.mark.parametrize(("hits", "of", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (95, 100, 0.8882, 0.9785)])
def test_the_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**6).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_holds_the_share_and_narrows(pair: tuple[int, int]) -> None:
    hits, of = pair
    low, high = wilson(hits, of)
    assert 0 <= low <= hits / of + 1e-12
    assert hits / of - 1e-12 <= high <= 1
    wider = wilson(hits, of)[1] - wilson(hits, of)[0]
    assert wilson(hits * 100, of * 100)[1] - wilson(hits * 100, of * 100)[0] < wider


def test_a_file_is_read_line_by_line_whatever_else_it_has() -> None:
    text = '\ufeffnote,decision_id,label,source\r\nx, dec_1 ,fraud,chargeback\r\n"a\nb",dec_2,honest,appeal\r\n,,,\r\n'
    assert [one for _, one in read_labels(text)] == [Label("dec_1", "fraud", "chargeback"), Label("dec_2", "honest", "appeal"), Label("", "", "")]
    for bad in ("", "decision_id,label\n", "dec_1,fraud,shop\n"):
        with pytest.raises(Malformed):
            list(read_labels(bad))
