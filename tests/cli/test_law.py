"""The law on the command line: what a marketer is told of a file, in his language, and what an operator is told of a pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.law.book import SHIPPED, shipped
from tests.cli.conftest import Shell

EXAMPLES = Path(__file__).parents[2] / "examples"
COUPON = (
    "campaign: off\nmechanic: coupon\ntitle: {zh: 全网最佳立减, en: Off}\nstarts: 2026-11-01\nends: 2030-12-31\nlimits: {total: 100}\ncoupon:\n"
    '  amount: "20.00"\n  valid_for: 7d\n'
)
REBATE = 'campaign: off\nmechanic: rebate\ntitle: 人气爆款\nstarts: 2026-11-01\nends: 2030-12-31\nrebate: {tiers: ["8", "3", "1"]}\n'
PACK = "law: my-town\ntitle: My town\nrules: []\n"


@pytest.fixture
def best(tmp_path: Path) -> str:
    (tmp_path / "best.yaml").write_text(COUPON, encoding="utf-8")
    return str(tmp_path / "best.yaml")


@pytest.mark.parametrize(
    ("lang", "lines"),
    [
        (
            "zh",
            [
                "best.yaml:3:15: “最佳”是绝对化用语  [absolute_claim]",
                "    title: {zh: 全网最佳立减, en: Off}",
                "    改法: 删去“最佳”,改写可以证明的事实",
                "    依据: 禁止发布 · 《广告法》第九条第三项、第五十七条 · law-cn",
            ],
        ),
        (
            "en",
            [
                "best.yaml:3:15: “最佳” is an absolute claim  [absolute_claim]",
                "    fix: leave “最佳” out and state a fact that can be proved",
                "    law: blocks publication · Advertising Law, Arts 9(3) and 57 · law-cn",
            ],
        ),
    ],
)
def test_a_marketer_reads_what_is_wrong_where_why_and_what_to_change(shell: Shell, best: str, lang: str, lines: list[str]) -> None:
    done = shell.run("campaign", "check", best, "--lang", lang)
    assert done.exit_code == 1
    for line in lines:
        assert line in done.stdout
    assert "✓" not in done.stdout


def test_what_only_warns_or_needs_a_signature_leaves_the_exit_code_alone(shell: Shell, best: str) -> None:
    Path(best).write_text(REBATE, encoding="utf-8")
    told = shell.json("campaign", "check", best)
    assert (told["ok"], told["errors"]) == (True, [])
    assert [(one["code"], one["severity"], one.get("approval")) for one in told["findings"]] == [
        ("claim_to_prove", "warn", None),
        ("third_tier", "approval", "campaign.third_tier"),
    ]
    assert "needs an approval" in shell.ok("campaign", "check", best)


def test_programs_get_what_blocks_as_an_error_with_its_article(shell: Shell, best: str) -> None:
    (error,) = shell.json("campaign", "check", best, code=1)["errors"]
    assert (error["line"], error["column"], error["code"], error["severity"], error["pack"]) == (3, 15, "absolute_claim", "block", "law-cn")
    assert error["article"] == "Advertising Law, Arts 9(3) and 57"


def test_what_the_reader_refuses_for_the_law_names_the_article_too(shell: Shell, best: str) -> None:
    Path(best).write_text(COUPON + "reward_on: share\n", encoding="utf-8")
    done = shell.run("campaign", "check", best, "--lang", "zh")
    assert "不得以分享为条件发放奖励" in done.stdout
    assert "    依据: 禁止发布 · 微信外部链接内容管理规范 · law-cn" in done.stdout


def test_another_pack_may_be_asked(shell: Shell, best: str) -> None:
    assert shell.ok("campaign", "check", best, "--law", "law-none") == f"✓ {best}  off (coupon)"
    assert "there is no pack of law 'law-nc'; known: law-cn, law-none" in shell.refused("campaign", "check", best, "--law", "law-nc")


def test_the_settings_choose_by_platform_and_by_merchant(shell: Shell, best: str) -> None:
    assert shell.run("campaign", "check", best, env={"SHEEPDOG_LAW_PACKS": "law-none"}).exit_code == 0
    mine = {"SHEEPDOG_LAW_MERCHANTS": "hk=law-none"}
    assert shell.run("campaign", "check", best, "--merchant", "hk", env=mine).exit_code == 0
    assert shell.run("campaign", "check", best, "--merchant", "cn", env=mine).exit_code == 1


def test_every_example_passes(shell: Shell) -> None:
    told = shell.json("campaign", "check", *map(str, sorted(EXAMPLES.glob("*.yaml"))))
    assert told == {"ok": True, "errors": [], "findings": []}


def test_packs_are_listed_shown_and_checked(shell: Shell, tmp_path: Path) -> None:
    listed = shell.json("law", "list")
    assert [(one["pack"], one["platform"]) for one in listed["packs"]] == [("law-cn", True), ("law-none", False)]
    assert "| `absolute_claim` | block | Advertising Law, Arts 9(3) and 57 |" in shell.ok("law", "show", "law-cn")
    assert len(shell.json("law", "show", "law-cn")["rules"]) == len(shipped().packs["law-cn"].rules)
    assert "no pack of law 'law-nc'" in shell.refused("law", "show", "law-nc")
    assert shell.json("law", "check", str(SHIPPED / "law-cn"))["hash"] == shipped().packs["law-cn"].content_hash


def test_a_pack_of_ones_own_is_checked_and_then_used(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "packs" / "my-town").mkdir(parents=True)
    file = tmp_path / "packs" / "my-town" / "law.yaml"
    file.write_text(PACK.replace("rules: []", "rules: [{code: x, check: wen}]"), encoding="utf-8")
    told = shell.json("law", "check", str(file.parent), code=1)["errors"]
    assert ("unknown_word", 3, "did you mean when?") in [(one["code"], one["line"], one.get("fix")) for one in told]
    assert "law.yaml:3:26: 'wen' is none of" in shell.run("law", "check", str(file.parent)).stdout
    file.write_text(PACK, encoding="utf-8")
    assert shell.ok("law", "check", str(file.parent)).endswith("my-town (0)")
    mine = {"SHEEPDOG_LAW_FOLDER": str(tmp_path / "packs"), "SHEEPDOG_LAW_PACKS": "my-town"}
    assert [one["pack"] for one in shell.json("law", "list", env=mine)["packs"] if one["platform"]] == ["my-town"]
    assert "no pack of law 'my-town'" in shell.refused("law", "list", env={"SHEEPDOG_LAW_PACKS": "my-town"})


def test_publishing_from_the_command_line_says_the_same(people: dict[str, Shell], best: str) -> None:
    marketer = people["marketer"]
    refused = marketer.refused("campaign", "publish", best)
    assert "best.yaml:3:15: “最佳” is an absolute claim  [absolute_claim]" in refused
    assert "law: blocks publication · Advertising Law, Arts 9(3) and 57 · law-cn" in refused
    told = marketer.json("campaign", "publish", best, code=1)
    assert (told["code"], told["errors"][0]["severity"]) == ("law_block", "block")
    Path(best).write_text(REBATE, encoding="utf-8")
    made = marketer.json("campaign", "publish", best)
    assert [one["code"] for one in made["findings"]] == ["claim_to_prove", "third_tier"]
    (third,) = made["further_approvals"]
    approve = ("approvals", "approve", "--reason", "seen")
    assert "further approvals are missing: campaign.third_tier" in people["compliance"].refused(*approve, made["approval_id"])
    people["compliance"].ok(*approve, third["approval_id"])
    people["compliance"].ok(*approve, made["approval_id"])
    (version,) = marketer.json("campaign", "show", "off")["versions"]
    assert version["law"]["packs"] == [{"pack": "law-cn", "hash": shipped().packs["law-cn"].content_hash}]
