"""What an entity takes in Redis: the features that are bounded stop growing, and bucketed ones take a fraction of a log."""

from __future__ import annotations

from bench.memory import FEATURES, bytes_of
from core.hotstate.clients import HotState


def test_a_bucketed_feature_takes_a_quarter_of_a_log(hot: HotState) -> None:
    log, bucketed = (bytes_of(hot, FEATURES[name], 200) for name in ("log: times", "bucketed count"))
    assert bucketed * 4 < log


def test_a_capped_count_stops_growing(hot: HotState) -> None:
    capped = FEATURES["count"].replace("cap: 1000", "cap: 50")
    # What stands beyond the cap until it is cut away is bounded as well.
    assert bytes_of(hot, capped, 1_000) <= bytes_of(hot, capped, 200)
