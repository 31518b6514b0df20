"""The beginning of an address without what is written or left out at will: country, province, the words 省 and 市, the street office."""

from __future__ import annotations

import re

_CITIES = ("北京", "上海", "天津", "重庆")
_PROVINCES = (
    *("河北", "山西", "辽宁", "吉林", "黑龙江", "江苏", "浙江", "安徽", "福建", "江西", "山东", "河南", "湖北", "湖南", "广东", "海南", "四川"),
    *("贵州", "云南", "陕西", "甘肃", "青海", "台湾", "内蒙古", "广西", "西藏", "宁夏", "新疆", "香港", "澳门"),
)
_PROVINCE = re.compile(rf"(?:{'|'.join(_PROVINCES)})(?:省|(?:壮族|回族|维吾尔)?自治区|特别行政区)?(?!路|街|道|大道|巷|里)")
_DIRECT = re.compile(rf"({'|'.join(_CITIES)})市?(?:\1市?)?(?:市辖区|县)?")
_CITY = re.compile(r"([^区县镇乡路街村城市\s0-9a-z]{2,5})(?:市|自治州|地区)(?=.)")
# Only between a district and something that goes on in words: 解放街道88号 is a street.
_STREET_OFFICE = re.compile(r"(?<=[区县市镇])[^路街道区县市\s0-9]{1,6}街道(?:办事处|办)?(?=[^\s0-9a-z])")

# 收货地址: before it, as forms have it.
_LABEL = re.compile(r"^(?:收货|收件|详细|联系|家庭|公司|配送)?(?:人)?地址[\s:]+")
# 西湖区西湖区: a form fills in the region, and the customer writes it once more. A district, a city, or all of it.
_TWICE = re.compile(r"^([^\s0-9a-z]{0,12}?)([^\s0-9a-z]{1,12}[市区县])\2")


def without_regions(text: str) -> str:
    """Takes plain text; spaces and punctuation at the beginning and between the names of regions are dropped."""
    start = re.compile(r"[\W_]*").match(text)
    text = _LABEL.sub("", text[start.end() if start else 0 :]).removeprefix("中国")
    text = _TWICE.sub(r"\1\2", re.sub(r"(?<=[省市区县])[\s,,/-]+", "", text, count=6))
    direct = _DIRECT.match(text)
    return direct[1] + text[direct.end() :].lstrip(" ,/-") if direct is not None else _without_province(text)


def without_street_office(text: str) -> str:
    """Takes text whose numerals are digits."""
    return _STREET_OFFICE.sub("", text, count=1)


def _without_province(text: str) -> str:
    province = _PROVINCE.match(text)
    # 吉林市 is a city of 吉林省: a name that 市 follows is no province.
    if province is not None and not text.startswith("市", province.end()):
        text = text[province.end() :].lstrip(" ,/-")
    city = _CITY.match(text)
    return text if city is None else city[1] + text[city.end() :].lstrip(" ,/-")
