"""What a program says of itself (`User-Agent`): which app, and whether it is no person's.

Anybody can lie here: an honest robot is a sign, and a browser is none.
"""

from __future__ import annotations

import re
from functools import lru_cache

_APPS = (
    ("mini_program", re.compile(r"miniprogram|servicewechat", re.IGNORECASE)),
    ("work_wechat", re.compile(r"wxwork", re.IGNORECASE)),
    ("wechat", re.compile(r"micromessenger", re.IGNORECASE)),
    ("alipay", re.compile(r"alipayclient", re.IGNORECASE)),
    ("browser", re.compile(r"mozilla/|opera/", re.IGNORECASE)),
)
# Libraries, drivers and consoles that name themselves.
_ROBOT = re.compile(
    r"headless|phantomjs|selenium|webdriver|puppeteer|playwright|cypress|appium|uiautomator|autojs|auto\.js"
    r"|python|aiohttp|httpx|scrapy|curl/|wget|libwww|go-http-client|java/|jakarta|apache-httpclient|okhttp|axios|node-fetch|undici|got \("
    r"|guzzle|php/|ruby|perl|postman|insomnia|jmeter|locust|k6/|\bbot\b|spider|crawler|slurp",
    re.IGNORECASE,
)
CHARS_MAX = 512


@lru_cache(maxsize=8_192)
def agent_app(text: str) -> str:
    """`mini_program`, `work_wechat`, `wechat`, `alipay`, `browser` or `other`."""
    return next((name for name, mark in _APPS if mark.search(text[:CHARS_MAX])), "other")


@lru_cache(maxsize=8_192)
def agent_robot(text: str) -> bool:
    """Whether it names a robot, a library or a driver."""
    return _ROBOT.search(text[:CHARS_MAX]) is not None
