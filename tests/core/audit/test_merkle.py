"""The tree against the vectors that Certificate Transparency publishes, and against the RFC's own words written as recursion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audit.merkle import (
    EMPTY_ROOT,
    GrowingTree,
    consistency_holds,
    consistency_spans,
    inclusion_holds,
    inclusion_spans,
    leaf_hash,
    node_hash,
    span_head,
)

# The eight leaves of the reference tree, and its heads by size.
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
INCLUSIONS = {
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
CONSISTENCIES = {
    (1, 1): (),
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
counts = st.integers(1, 70)


def heads(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(count)]


def grown(hashes: list[bytes]) -> GrowingTree:
    tree = GrowingTree()
    tree.extend(hashes)
    return tree


def mth(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, over leaf hashes."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else EMPTY_ROOT
    middle = 1
    while middle * 2 < len(hashes):
        middle *= 2
    return node_hash(mth(hashes[:middle]), mth(hashes[middle:]))


def path(index: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962."""
    if len(hashes) == 1:
        return []
    middle = 1
    while middle * 2 < len(hashes):
        middle *= 2
    if index < middle:
        return [*path(index, hashes[:middle]), mth(hashes[middle:])]
    return [*path(index - middle, hashes[middle:]), mth(hashes[:middle])]


def subproof(old: int, hashes: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962."""
    if old == len(hashes):
        return [] if whole else [mth(hashes)]
    middle = 1
    while middle * 2 < len(hashes):
        middle *= 2
    if old <= middle:
        return [*subproof(old, hashes[:middle], whole), mth(hashes[middle:])]
    return [*subproof(old - middle, hashes[middle:], False), mth(hashes[:middle])]


def spanned(spans: list[tuple[int, int]], hashes: list[bytes]) -> list[bytes]:
    """The heads of spans, from complete nodes alone."""
    return [span_head(span, lambda level, position: mth(hashes[position << level : (position + 1) << level])) for span in spans]


@pytest.mark.parametrize("size", range(1, 9))
def test_published_heads(size: int) -> None:
    assert grown([leaf_hash(leaf) for leaf in LEAVES[:size]]).root().hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert GrowingTree().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(("index", "size"), INCLUSIONS)
def test_published_proofs_of_inclusion(index: int, size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES[:size]]
    proof = spanned(inclusion_spans(index, size), hashes)
    assert tuple(one.hex() for one in proof) == INCLUSIONS[index, size]
    assert inclusion_holds(hashes[index], index, size, proof, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCIES)
def test_published_proofs_of_consistency(old: int, new: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES[:new]]
    proof = spanned(consistency_spans(old, new), hashes)
    assert tuple(one.hex() for one in proof) == CONSISTENCIES[old, new]
    assert consistency_holds(old, new, bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1]), proof)


@given(st.lists(st.integers(0, 40), max_size=8))
def test_growing_in_any_steps_is_the_recursion(steps: list[int]) -> None:
    hashes, tree, kept = heads(sum(steps)), GrowingTree(), {}
    for step in steps:
        # Through its packed form each time, as a sealer that was started anew.
        tree = GrowingTree(tree.size, tree.packed())
        tree.extend(
            hashes[tree.size : tree.size + step],
            lambda level, position, nodes: kept.update({(level, position + offset): node for offset, node in enumerate(nodes)}),
        )
        assert tree.root() == mth(hashes[: tree.size])
    complete = {(level, at) for level in range(12) for at in range(len(hashes) >> level)}
    assert kept == {(level, at): mth(hashes[at << level : (at + 1) << level]) for level, at in complete}


@given(counts, st.data())
def test_an_inclusion_is_the_recursion_and_holds_for_nothing_else(size: int, data: st.DataObject) -> None:
    hashes, index = heads(size), data.draw(st.integers(0, size - 1))
    proof, root = spanned(inclusion_spans(index, size), hashes), mth(hashes)
    assert proof == path(index, hashes)
    assert inclusion_holds(hashes[index], index, size, proof, root)
    other = data.draw(st.integers(0, size + 1))
    assert inclusion_holds(hashes[index], other, size, proof, root) == (other == index)
    assert not inclusion_holds(leaf_hash(b"x"), index, size, proof, root)
    assert not inclusion_holds(hashes[index], index, size, [*proof, root], root)
    if proof:
        assert not inclusion_holds(hashes[index], index, size, proof[:-1], root)


@given(counts, counts, st.data())
def test_a_consistency_is_the_recursion_and_holds_for_nothing_else(one: int, other: int, data: st.DataObject) -> None:
    old, new = sorted((one, other))
    hashes = heads(new)
    proof = spanned(consistency_spans(old, new), hashes)
    assert proof == subproof(old, hashes)
    assert consistency_holds(old, new, mth(hashes[:old]), mth(hashes), proof)
    assert not consistency_holds(old, new, mth([*hashes[: old - 1], leaf_hash(b"x")]), mth(hashes), proof)
    if old < new:
        assert not consistency_holds(old, new, mth(hashes[:old]), mth([*hashes[:-1], leaf_hash(b"x")]), proof)
        spoilt = data.draw(st.integers(0, len(proof) - 1))
        assert not consistency_holds(old, new, mth(hashes[:old]), mth(hashes), [*proof[:spoilt], leaf_hash(b"y"), *proof[spoilt + 1 :]])


@pytest.mark.parametrize(("size", "peaks"), [(3, b""), (1, b"x" * 33), (-1, b""), (4, b"x" * 64)])
def test_peaks_that_do_not_fit_are_refused(size: int, peaks: bytes) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        GrowingTree(size, peaks)


@pytest.mark.parametrize("bad", [lambda: inclusion_spans(3, 3), lambda: consistency_spans(0, 3), lambda: consistency_spans(4, 3)])
def test_proofs_of_what_is_not_there_are_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="tree"):
        bad()  # type: ignore[operator]
