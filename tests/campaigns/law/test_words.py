"""Absolute claims of the shipped pack: found however they are disguised, and left alone where the words mean something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.law.book import shipped
from campaigns.law.words import find, fold

CLAIMS = shipped().packs["law-cn"].words["absolute_claims"]
FORBIDDEN = [
    "国家级品质",
    "最高级面料",
    "全网最佳",
    "最佳选择",
    "最好的茶",
    "最优选材",
    "最强性能",
    "最大优惠来袭",
    "全国第一",
    "销量第一",
    "第一品牌",
    "行业第一名牌",
    "顶级食材",
    "顶尖工艺",
    "极品大红袍",
    "独一无二的礼物",
    "唯一有效的面霜",
    "全网最低价",
    "历史最低",
    "史上最低",
    "最便宜的一天",
    "最受欢迎的口红",
    "最畅销单品",
    "最先进技术",
    "最新科技面膜",
    "最安全的奶瓶",
    "最正宗的川味",
    "最好吃的粽子",
    "最新鲜的荔枝",
    "最舒适的床",
    "最专业的团队",
    "最奢华体验",
    "世界级工艺",
    "宇宙级优惠",
    "史无前例的折扣",
    "绝无仅有",
    "举世无双",
    "无与伦比的口感",
    "世界领先的技术",
    "遥遥领先",
    "填补国内空白",
    "国家免检产品",
    "国宴用酒",
    "中国驰名商标",
    "最高品质保证",
    "最高端定制",
    "最划算的套餐",
    "最超值礼盒",
    "全国唯一",
    "仅此一家",
    "首屈一指",
    "人气第一的小吃",
    "好喝到天下第一",
    "销量全网第1",
    "第一选择",
    "最高享受",
    "最快到货",
    "最佳礼物",
]
DISGUISED = [
    "最 佳 选 择",
    "最·佳",
    "最，佳",
    "国-家-级",
    "国 家 级 品质",
    "國家級品質",
    "頂級食材",
    "獨一無二",
    "全網最低價",
    "銷量第一",
    "最★佳",
    "最\u200b佳",
    "最🔥佳",
    "第　一　品　牌",
    "第_一_品_牌",
    "顶*级",
    "唯/一",
    "ＮＯ．１ 茶叶",
    "no.1 tea",
    "NO 1",
    "No1 茶",
    "ＴＯＰ１",
    "T O P 1",
    "Ｂｅｓｔ tea",
    "b-e-s-t tea",
    "the best tea in town",
    "Lowest price ever",
    "World-class taste",
    "National-level quality",
    "The cheapest phone",
    "number one tea",
    "An unbeatable offer",
]
HARMLESS = [
    "最高可省50元",
    "最高可减30元",
    "最高立减100元",
    "最高领20元",
    "最高返10%",
    "最高省88元",
    "最高50元",
    "最高限额1000元",
    "每单最高抵5元",
    "最佳赏味期",
    "最佳赏味期30天",
    "最佳食用时间",
    "最佳冲泡温度",
    "最佳观看角度",
    "第一步",
    "第一步领券,第二步下单",
    "第一次下单立减",
    "第一天",
    "第一件9.9元",
    "第一单免邮",
    "第一批发货",
    "第一时间通知",
    "第一名奖励100元",
    "第一期",
    "第一季",
    "最后一天",
    "最后一件",
    "最后一小时",
    "唯一编号",
    "唯一码核销",
    "唯一标识",
    "唯一指定退货地址",
    "并非唯一选择",
    "安全第一",
    "质量第一客户至上",
    "第一百货店庆",
    "第一大道店",
    "第一中学旁",
    "最好提前预约",
    "最好在三天内食用",
    "最新款",
    "最近上新",
    "最多可购5件",
    "最少一件",
    "最低9元",
    "最低消费20元",
    "最大承重100kg",
    "最大容量2L",
    "最优解",
    "最终解释权",
    "最快次日达",
    "最快30分钟送达",
    "顶级域名",
    "新人立减20元",
    "三人拼团享5折",
    "好友砍价",
    "每晚8点品牌特卖",
    "满99包邮",
    "秋季满减",
    "首单立减",
    "一等奖",
    "第一档满99减20",
    "家庭装",
    "国家法定节假日照常发货",
    "全国家具节",
    "级差价",
]
HARMLESS_SENTENCES = [
    "每单最高,级别越高减得越多".replace("最高,", "最高10元,"),
    "消费越多,等级越高",
    "Best before 30 days",
    "best enjoyed chilled",
    "Order No.1001",
    "order no. 1 of 3",
    "Bestand im Lager",
    "TOP10 榜单",
    "Half price for three",
    "20 yuan off for new customers",
    "Best wishes to all",
    "Table No. 12",
    "first order",
    "the first day",
    "第10件半价",
    "第1步扫码",
    "第十一期",
    "第一百期纪念",
    "最",
    "",
]


@pytest.mark.parametrize("copy", [*FORBIDDEN, *DISGUISED])
def test_a_claim_is_found(copy: str) -> None:
    found = find(CLAIMS, copy)
    assert found, copy
    for one in found:
        assert copy[one.start : one.start + len(one.written)] == one.written


@pytest.mark.parametrize("copy", [*HARMLESS, *HARMLESS_SENTENCES])
def test_harmless_copy_is_left_alone(copy: str) -> None:
    assert find(CLAIMS, copy) == []


def test_a_context_excuses_only_the_word_inside_it() -> None:
    assert [one.written for one in find(CLAIMS, "最佳赏味期内,口感最佳")] == ["最佳"]
    assert find(CLAIMS, "最佳赏味期内,口感最佳")[0].start == 9


def test_the_end_of_a_sentence_is_no_disguise_where_the_rest_is_written_together() -> None:
    assert find(CLAIMS, "来自同一国家,级别相同") == []
    assert [one.written for one in find(CLAIMS, "国,家,级")] == ["国,家,级"]


def test_folding_keeps_where_each_character_stood() -> None:
    folded = fold("ＮＯ．㈱ 國")
    assert folded.text == "no株国"
    assert [folded.written[place] for place in folded.places] == ["Ｎ", "Ｏ", "㈱", "國"]


SEPARATORS = st.text(st.sampled_from(" ·-_*.,、。|/~★\u3000\u200b"), min_size=1, max_size=3)
WORDS = sorted({word for entry in CLAIMS for word in entry.words if entry.unless is None and not word.isascii()})


@given(st.sampled_from(WORDS), SEPARATORS, st.sampled_from(["", "本店", "今天 "]))
def test_whatever_stands_between_all_characters_hides_nothing(word: str, between: str, before: str) -> None:
    written = before + between.join(word)
    assert any(one.start >= len(before) for one in find(CLAIMS, written))


@given(st.text(st.sampled_from("最佳高级国家第一顶唯可省元步 ,。.ＢestＮo1㈱\u200b"), max_size=40))
def test_what_is_found_stands_where_it_is_said_to_and_nothing_overlaps(written: str) -> None:
    reach = 0
    for one in find(CLAIMS, written):
        assert one.start >= reach
        assert written[one.start : one.start + len(one.written)] == one.written
        assert fold(one.written).text == one.word.replace(" ", "")
        reach = one.start + len(one.written)
