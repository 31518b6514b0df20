"""What a campaign in which chance decides must tell its customers, as lines of a file."""

from __future__ import annotations

DISCLOSURE = """\
disclosure:
  organiser: {zh: 好茶店, en: The Tea Shop}
  prizes: {zh: 商品优惠, en: a lower price}
  entry: {zh: 登录后发起, en: log in and start}
  time_and_method: {zh: 活动期间随时发起, en: at any time while it runs}
  amounts: {zh: 每刀 0.01 元起, en: each cut from 0.01 on}
  quantity: {zh: 以库存为准, en: as long as stock lasts}
  claim: {zh: 下单时直接抵扣, en: taken off when ordering}
"""
