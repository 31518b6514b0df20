"""Ten spellings of one flat are one address; two flats are two."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.enrich.address import address_area, one_address
from rules.enrich.characters import arabic, plain

SPELLINGS = """\
浙江省杭州市西湖区文三路123号阳光小区3幢2单元501室
浙江省杭州市西湖区文三路１２３號陽光小區3棟2單元501室(放门口)
杭州市西湖区文三路一百二十三号阳光小区三幢二单元五〇一室
杭州西湖区文三路123号阳光小区3-2-501
浙江 杭州 西湖区 文三路123号 阳光小区 3号楼 2单元 501
杭州市西湖区文三路123号阳光小区3#2单元501 请放门口谢谢
杭州市西湖区西溪街道文三路123号阳光小区3栋2单元5楼501室
浙江省-杭州市-西湖区-文三路123号,阳光小区,3座2单元0501房
杭州市西湖区文三路壹佰贰拾叁号阳光小区叁号楼贰单元伍零壹室😀放快递柜
杭州市西湖区文三路123号阳光小区3幢2单元501室 电话13800138000
杭州市西湖区文三路123阳光小区3-2-501丰巢
中国浙江省杭州市西湖区文三路123号阳光小区③幢②单元５０１户(有狗勿敲门)
浙江省杭州市西湖区文三路123号阳光小区3幢2单元5层01室,张三收
浙江省杭州市西湖区文三路123号阳光小区3幢2单元501室张三收
浙江省杭州市西湖区文三路123号阳光小区3幢2单元501李四先生
浙江省杭州市西湖区西湖区文三路123号阳光小区3幢2单元501室
浙江省杭州市西湖区 浙江省杭州市西湖区文三路123号阳光小区3幢2单元501室
收货地址:浙江省杭州市西湖区文三路123号阳光小区第3幢第2单元501室
浙江省杭州市西湖区文三路123号阳光小区第三幢二单元501室,门口
浙江省杭州市西湖区文三路123号陽光小區3\u200b幢2单元 五百零一室""".splitlines()


def test_many_spellings_of_one_flat_are_one_address() -> None:
    assert {one_address(one) for one in SPELLINGS} == {"杭州西湖区文3路123阳光小区-3-2-501"}
    assert {address_area(one) for one in SPELLINGS} == {"杭州西湖区文3路123阳光小区-3-2"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("阳光小区1号楼12室", "阳光小区11号楼2室"),
        ("阳光小区3单元501", "阳光小区3栋501"),
        ("阳光小区3栋2单元501", "阳光小区3栋3单元501"),
        ("阳光小区3栋501A", "阳光小区3栋501B"),
        ("阳光小区2期3栋501", "阳光小区3期3栋501"),
        ("阳光小区(东区)3栋501", "阳光小区(西区)3栋501"),
        ("文三路123号菜鸟驿站", "文三路123号"),
        ("Flat 5, 12 Nathan Road", "Flat 5, 12 Canton Road"),
        ("朝阳区建国路8号5栋1203", "朝阳区建国路85号1203"),
        ("北京市海淀区1号楼101", "上海市海淀区1号楼101"),
        ("南开区阳光里3号楼1门501", "南开区阳光里3号楼1门602"),
        ("滨江大道88号2期3栋501室", "滨江大道88号2期5栋602室"),
        ("幸福路12号院3排5号", "幸福路12号院3排6号"),
        ("望京1号院3区12号楼501", "望京1号院3区12号楼502"),
        ("天府二街99号2栋1层附12号", "天府二街99号2栋1层附13号"),
        ("中山路12-8号万科翡翠湾3栋501", "中山路12-8号万科翡翠湾5栋602"),
        ("东风路12-3号之一501房", "东风路12-3号之二502房"),
        ("解放路88号1幢西单元501", "解放路88号1幢东单元602"),
        ("88号3栋南楼501", "88号3栋北楼602"),
        ("3号楼2单元5楼东户", "3号楼2单元5楼西户"),
        ("3号楼2单元501室(东)", "3号楼2单元501室(西)"),
        ("3号楼2单元501室A", "3号楼2单元501室B"),
        ("3号楼2单元501室甲", "3号楼2单元501室乙"),
        ("学院路37号6号楼男生宿舍501", "学院路37号6号楼男生宿舍602"),
        ("阳光小区5楼2单元501", "阳光小区50楼2单元501"),
        ("万达广场-1楼101", "万达广场1楼101"),
        ("河南路100号3栋501", "四川路100号3栋501"),
        ("文三路1号23小区5幢501", "文三路12号3小区5幢501"),
        ("서울 강남대로 5-12", "부산 해운대로 5-12"),
        ("第3人民医院5幢501室", "第5人民医院5幢501室"),
        ("南京路第1百货3楼12号", "南京路第2百货3楼12号"),
        ("3号楼2单元501室门面", "3号楼2单元501室"),
        ("3号楼2单元501室后门张三收", "3号楼2单元501室前门张三收"),
        ("市中区市中路5号101", "市南区市中路5号101"),
        ("上海市黄浦区1号楼101", "上海市上海县1号楼101"),
    ],
)
def test_two_flats_are_two_addresses(one: str, other: str) -> None:
    assert one_address(one) != one_address(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("北京市北京市朝阳区建国路88号5号楼1203室", "北京朝阳区建国路88号5栋12层03"),
        ("吉林省吉林市船营区解放大路1号", "吉林市船营区解放大路1号"),
        ("上海市浦东新区张杨路123弄4号501室", "上海浦东新区张杨路123弄4号501"),
        ("深圳市南山区科技园A座1201室 腾飞贸易", "广东深圳南山区科技园ａ栋1201"),
        ("四川省成都市武侯区中山北路679号28幢212户 快递柜", "四川成都 武侯区中山北路679 号28栋212家里没人请打电话"),
        ("杭州市西湖区解放街道八十八号", "杭州西湖区解放街道88号"),
        ("内蒙古自治区呼和浩特市新城区1号楼101", "内蒙古呼和浩特新城区1幢101室"),
    ],
)
def test_regions_may_be_written_or_not(one: str, other: str) -> None:
    assert one_address(one) == one_address(other)


@pytest.mark.parametrize("house", ["学院路37号6号楼", "学院路12号院3号楼菜鸟驿站", "5号楼2单元", "文三路123号", "阳光大学菜鸟驿站"])
def test_a_house_is_no_flat(house: str) -> None:
    assert address_area(house) is None


@pytest.mark.parametrize("nothing", ["", "  ", "😀", "，。!"])
def test_an_address_that_says_nothing_is_none(nothing: str) -> None:
    assert one_address(nothing) == ""


@dataclass(frozen=True)
class Flat:
    building: int
    entrance: int
    floor: int
    room: int

    def number(self) -> str:
        return f"{self.floor}{self.room:02}"


FLATS = st.builds(Flat, st.integers(1, 120), st.integers(1, 12), st.integers(1, 33), st.integers(1, 20))
NUMERALS = "零一二三四五六七八九"


def chinese(number: int) -> str:
    """As it is written out below a thousand, figure by figure from there on."""
    if number > 999:
        return "".join(NUMERALS[int(figure)] for figure in str(number))
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    text = (f"{NUMERALS[hundreds]}百" if hundreds else "") + (f"{NUMERALS[tens]}十" if tens else "零" if hundreds and ones else "")
    return (text + (NUMERALS[ones] if ones else "")).removeprefix("一") if 10 <= number < 20 else text + (NUMERALS[ones] if ones else "")


@st.composite
def spelled(draw: st.DrawFn, flat: Flat) -> str:
    """One of the thousands of ways to write the flat down."""
    how = draw(st.sampled_from(["units", "hyphens", "chinese"]))
    head = draw(st.sampled_from(["浙江省杭州市西湖区", "杭州市西湖区", "杭州 西湖区 ", "浙江杭州西湖区", "杭州市西湖区西湖区", "地址:杭州市西湖区"])) + draw(
        st.sampled_from(["阳光小区", "陽光小區", " 阳光小区 "])
    )
    gap = draw(st.sampled_from(["", "", " "]))
    units = tuple(draw(st.sampled_from(names)) for names in (("幢", "栋", "号楼", "座", "#", "棟"), ("单元", "單元", "单"), ("室", "房", "", "户")))
    parts = (flat.building, flat.entrance, flat.number())
    if how == "hyphens":
        tail = "-".join(map(str, parts))
    elif how == "chinese":
        tail = "".join(f"{chinese(int(part))}{unit}" for part, unit in zip(parts, (*units[:2], "室"), strict=True))
    else:
        word = draw(st.sampled_from(["", "第"]))
        tail = draw(st.sampled_from(["", " "])).join(
            f"{word if unit else ''}{part}{gap if unit else ''}{unit}" for part, unit in zip(parts, units, strict=True)
        )
    noise = draw(st.sampled_from(["", "(放门口)", " 请放快递柜", ",谢谢", " 电话13912345678", "😀", ",门口", " 王五收"]))
    whole = head + tail + noise
    return draw(st.sampled_from([whole, "".join(chr(ord(char) + 0xFEE0) if char in "0123456789" else char for char in whole)]))


@given(st.data(), FLATS)
def test_any_two_spellings_of_a_flat_meet(data: st.DataObject, flat: Flat) -> None:
    one, other = data.draw(spelled(flat)), data.draw(spelled(flat))
    assert one_address(one) == one_address(other)


@given(st.data(), FLATS, FLATS)
def test_no_spellings_of_two_flats_meet(data: st.DataObject, flat: Flat, other: Flat) -> None:
    if flat == other:
        other = replace(other, room=other.room % 20 + 1)
    assert one_address(data.draw(spelled(flat))) != one_address(data.draw(spelled(other)))


@given(st.data(), FLATS)
def test_the_one_spelling_is_its_own_spelling(data: st.DataObject, flat: Flat) -> None:
    once = one_address(data.draw(spelled(flat)))
    assert one_address(once) == once


@given(st.text(alphabet="杭州市区路号栋单元室楼0123456789一十百 -()aA放收", max_size=60))
def test_whatever_is_written_has_a_spelling(text: str) -> None:
    assert one_address(text) == one_address(f" {text} ")


@pytest.mark.parametrize(
    ("written", "number"), [("一百二十三", "123"), ("一二三", "123"), ("五〇一", "501"), ("十", "10"), ("二十", "20"), ("一百零一", "101"), ("廿", "廿")]
)
def test_chinese_numerals(written: str, number: str) -> None:
    assert arabic(written) == number


def test_characters_have_one_form() -> None:
    assert plain("ＡＢ１２　號\u200b😀") == "ab12 号"
