"""What was read of the shipped policies is kept, and is the same; what is damaged or old is read again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.errors import Malformed
from fraud import packs
from fraud.packs import load_policies
from fraud.policies import Policies
from tests.fraud.conftest import PACKS

FEW = ("check-in.yaml", "wool-party.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FEW:
        shutil.copy(PACKS / name, tmp_path / name)
    return tmp_path


def read_again(folder: Path) -> Policies:
    """As another process would."""
    packs._of_content.cache_clear()
    return load_policies(folder)


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "__pycache__").glob("*"))


def test_what_is_kept_is_what_was_read(folder: Path) -> None:
    first, again = read_again(folder), read_again(folder)
    for one, other in zip(first, again, strict=True):
        assert (one.id, one.version, one.rules, one.features, one.cases, one.bands) == (
            other.id,
            other.version,
            other.rules,
            other.features,
            other.cases,
            other.bands,
        )
    assert len(kept(folder)) == 1


def test_a_change_of_a_pack_is_seen_and_the_old_one_is_gone(folder: Path) -> None:
    before = read_again(folder).find("check_in.check_in").version
    pack = folder / "wool-party.yaml"
    pack.write_text(pack.read_text().replace("farm_accounts: 3", "farm_accounts: 2"))
    assert load_policies(folder).find("check_in.check_in").version != before
    assert len(kept(folder)) == 1


@pytest.mark.parametrize("damage", [b"", b"x" * 100, b'0000\n[{"policy": "evil"}]'])
def test_what_is_damaged_is_read_again(folder: Path, damage: bytes) -> None:
    whole = read_again(folder).find("check_in.check_in").version
    (file,) = kept(folder)
    file.write_bytes(damage)
    assert read_again(folder).find("check_in.check_in").version == whole
    assert file.read_bytes() != damage


def test_mistakes_are_told_and_nothing_is_kept(folder: Path) -> None:
    (folder / "bad.yaml").write_text("policy: bad\n")
    with pytest.raises(Malformed):
        read_again(folder)
    assert kept(folder) == []
