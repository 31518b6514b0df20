"""A list in memory answers as the definition does, through additions, renewals, removals and ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fraud.lists.table import NO_END, REMOVED, ListTable, Row
from rules.enrich.networks import one_ip
from rules.windows.listed import hashed, is_on, one_entry

NOW = 1_000
FIELDS = {"cidr": "ip", "prefix": "phone", "hash": "device"}
PARTS = st.integers(0, 255)
V4 = st.builds(lambda a, b: f"10.{a % 4}.{b}.{a}", PARTS, PARTS)
V6 = st.builds(lambda a, b: f"2400:{a:x}::{b:x}", PARTS, PARTS)
NETWORKS = st.one_of(
    st.builds(lambda ip, length: f"{ip}/{length}", V4, st.integers(0, 32)),
    st.builds(lambda ip, length: f"{ip}/{length}", V6, st.integers(0, 128)),
    V4,
    st.just("::ffff:10.1.0.0/112"),
)
PREFIXES = st.text(alphabet="17+", min_size=1, max_size=4).map(lambda text: f"{text}*")
HASHES = st.sampled_from("abcd").map(hashed)
ENTRIES = {"cidr": NETWORKS, "prefix": PREFIXES, "hash": HASHES}
VALUES = {
    "cidr": st.one_of(V4, V6, st.builds(lambda ip: f"::ffff:{ip}", V4), st.just("no address")),
    "prefix": st.text(alphabet="17+", max_size=6),
    "hash": st.sampled_from("abcde"),
}


@given(st.data(), st.sampled_from(sorted(ENTRIES)))
def test_it_answers_as_the_definition(data: st.DataObject, match: str) -> None:
    table = ListTable(match, FIELDS[match])
    standing: dict[str, int] = {}
    for revision in range(1, data.draw(st.integers(1, 4)) + 1):
        written = data.draw(st.lists(st.tuples(ENTRIES[match], st.sampled_from([NO_END, NOW, NOW + 1, REMOVED])), max_size=6))
        changes = {one_entry(match, FIELDS[match], entry): until for entry, until in written}
        standing |= changes
        table = table.changed([Row(entry, until) for entry, until in changes.items()], revision)
    value = data.draw(VALUES[match])
    in_effect = [entry for entry, until in standing.items() if until > NOW]
    spelled = value.casefold() if match == "prefix" else one_ip(value) if match == "cidr" else value
    assert table.holds(spelled, NOW) is is_on(match, "other" if match == "prefix" else FIELDS[match], value, in_effect)


def test_many_changes_are_sorted_in_and_nothing_is_lost() -> None:
    table = ListTable("hash", "device")
    for start in range(0, 20_000, 2_500):
        table = table.changed([Row(hashed(str(number)), NO_END) for number in range(start, start + 2_500)], start)
    table = table.changed([Row(hashed(str(number)), REMOVED) for number in range(0, 20_000, 2)], 99)
    assert len(table) == 10_000
    assert [table.holds(str(number), NOW) for number in range(6)] == [False, True] * 3
    assert not table.holds("20001", NOW)
    assert table.changed([Row(hashed("0"), NO_END)], 100).holds("0", NOW)
