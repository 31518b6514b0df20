"""What an audit entry says, as a sentence in both languages. Fields in braces come from the entry: `who`, `target`, and its detail, amounts in yuan."""

from __future__ import annotations

from collections.abc import Mapping

# Action → (Chinese, English). A test fails for an action that the program writes and that is not here.
_SENTENCES: Mapping[str, tuple[str, str]] = {
    "campaign.live": ("活动 {target} 上线", "{target} went live"),
    "campaign.pause": ("{who} 暂停了活动 {target}:{reason}", "{who} paused {target}: {reason}"),
    "campaign.resume": ("{who} 恢复了活动 {target}:{reason}", "{who} resumed {target}: {reason}"),
    "campaign.end": ("{who} 结束了活动 {target}:{reason}", "{who} ended {target}: {reason}"),
    "codes.begun": ("{who} 为活动 {target} 生成一批券码", "{who} began a batch of codes for {target}"),
    "policy.live": ("策略 {target} 上线", "the policy {target} went live"),
    "policy.ended": ("策略 {target} 停止生效", "the policy {target} is no longer in effect"),
    "snooze.added": ("{who} 暂停规则 {rule}:{comment}", "{who} snoozed the rule {rule}: {comment}"),
    "snooze.ended": ("{who} 结束了规则 {rule} 的暂停", "{who} ended the snooze of the rule {rule}"),
    "rule.stopped": ("{who} 停用策略 {policy} 的规则 {rule}", "{who} stopped the rule {rule} of the policy {policy}"),
    "rule.started": ("策略 {policy} 的规则 {rule} 恢复", "the rule {rule} of the policy {policy} counts again"),
    "approval.delegated": ("{who} 将审批权委托给 {delegate}({target})", "{who} lent {delegate} their word for approvals ({target})"),
    "approval.delegation_revoked": ("{who} 撤销委托 {target}", "{who} took back the delegation {target}"),
    "approval.spoken_for": ("{who} 代 {for} 就 {target} 表决", "{who} spoke for {for} about {target}"),
    "approvals.rules_adopted": ("采用审批规则 {name}", "the rules of approvals {name} were adopted"),
    "list.created": ("{who} 新建名单 {target}", "{who} made the list {target}"),
    "list.changed": ("{who} 修改名单 {target}", "{who} changed the list {target}"),
    "gang.found": ("{who} 发现团伙 {target}", "{who} found the gang {target}"),
    "list.deleted": ("{who} 删除名单 {target}", "{who} deleted the list {target}"),
    "decision.recorded": ("风控决策 {target}:{outcome}(策略 {policy})", "risk decision {target}: {outcome} (policy {policy})"),
    "decision.labelled": ("{who} 将决策 {target} 标注为 {label}(来源 {source})", "{who} labelled the decision {target} {label} ({source})"),
    "check.confirmed": ("商家确认了检查 {target}", "the shop confirmed the check {target}"),
    "check.cancelled": ("商家取消了检查 {target}", "the shop cancelled the check {target}"),
    "reward.reserved": ("奖励 {target} 预留 {amount}", "the reward {target} of {amount} was reserved"),
    "reward.held": ("奖励 {target}({amount})待人工审核", "the reward {target} of {amount} is held for a person"),
    "reward.posted": ("奖励 {target} 发放 {amount}", "the reward {target} posted: {amount}"),
    "reward.void": ("奖励 {target} 作废,{amount} 退回预算", "the reward {target} came to nothing; {amount} went back to the budget"),
    "reward.reversed": ("奖励 {target} 收回 {reversed}", "the reward {target} was taken back: {reversed}"),
    "reward.expired": ("优惠券 {target} 过期", "the coupon {target} expired"),
    "reward.locked": ("优惠券 {target} 用于订单 {order},已锁定", "the coupon {target} is locked for the order {order}"),
    "reward.unlocked": ("优惠券 {target} 解锁", "the coupon {target} was unlocked"),
    "reward.used": ("优惠券 {target} 已在订单 {order} 使用", "the coupon {target} was used for the order {order}"),
    "reward.released": ("优惠券 {target} 退回可用", "the coupon {target} may be used again"),
    "refund.instructed": ("须退款 {amount},单号 {target}", "{amount} is to be refunded under the bill {target}"),
    "payment.refused": ("订单 {target} 的付款无法接受", "the payment of the order {target} was not accepted"),
    "review.opened": ("审核 {target} 进入队列", "the case {target} entered the queue"),
    "review.assigned": ("{who} 将审核 {target} 交给 {assignee}", "{who} gave the case {target} to {assignee}"),
    "review.released": ("{who} 放回审核 {target}", "{who} put the case {target} back"),
    "review.noted": ("{who} 在审核 {target} 上写了备注", "{who} wrote a note on the case {target}"),
    "review.resolved": ("{who} 审结 {target}:{resolution}", "{who} resolved the case {target}: {resolution}"),
    "review.closed": ("审核 {target} 因事由消失而关闭", "the case {target} closed by itself"),
    "appeal.opened": ("顾客提出申诉 {target}", "the customer appealed: {target}"),
    "pass.granted": ("{who} 允许顾客再试一次(通行 {target})", "{who} let the customer try once more (pass {target})"),
    "pass.used": ("通行 {target} 已使用", "the pass {target} was used"),
    "withdrawal.asked": ("推广者申请提现 {target}:{gross}", "the promoter asked for the withdrawal {target} of {gross}"),
    "withdrawal.approved": ("提现 {target} 获批准", "the withdrawal {target} was approved"),
    "withdrawal.paying": ("提现 {target} 已发出付款指令", "the payment of the withdrawal {target} was instructed"),
    "withdrawal.paid": ("提现 {target} 已到账", "the withdrawal {target} was paid"),
    "withdrawal.paid_late": ("提现 {target} 迟到的到账通知", "the withdrawal {target} was paid after all"),
    "withdrawal.rejected": ("提现 {target} 被驳回", "the withdrawal {target} was rejected"),
    "withdrawal.transfer_failed": ("提现 {target} 付款失败", "the payment of the withdrawal {target} failed"),
    "withdrawal.closed": ("提现 {target} 已关闭", "the withdrawal {target} was closed"),
    "withdrawal.mismatch": ("提现 {target} 的回执与记录不符", "what the channel says of {target} is not what was instructed"),
    "withdrawal.instruction_read": ("{who} 查看了提现 {target} 的收款信息", "{who} read where the withdrawal {target} goes"),
    "rebate.doubted": ("返佣 {target} 存疑", "the rebate {target} is doubted"),
    "rebate.resolved": ("{who} 审结返佣 {target}", "{who} resolved the rebate {target}"),
    "promoter.made": ("推广者 {target} 加入", "{target} became a promoter"),
    "promoter.level": ("推广者 {target} 的等级改为 {level}", "the promoter {target} has the level {level} now"),
    "promoter.bound": ("顾客 {target} 绑定推广者 {promoter}", "the customer {target} was bound to the promoter {promoter}"),
    "purchase.reserved": ("秒杀下单 {sku} × {quantity}", "{quantity} × {sku} reserved"),
    "purchase.paid": ("秒杀订单已付款", "the purchase was paid"),
    "group.opened": ("开团 {target}({sku})", "the group {target} opened ({sku})"),
    "group.started": ("团 {target} 生效", "the group {target} started"),
    "group.joined": ("有人参团 {target}", "a member joined {target}"),
    "group.paid": ("团 {target} 有成员付款,还差 {missing} 人", "a member of {target} paid, {missing} missing"),
    "group.left": ("有人退出团 {target}", "a member left {target}"),
    "group.leader_changed": ("团 {target} 更换团长", "{target} has another leader"),
    "group.member_undone": ("团 {target} 的成员被撤销", "a member of {target} was undone"),
    "group.seat_expired": ("团 {target} 的席位超时", "a seat of {target} expired"),
    "group.succeeded": ("团 {target} 成团({members} 人)", "the group {target} succeeded with {members} members"),
    "group.failed": ("团 {target} 未成团", "the group {target} failed"),
    "group.cancelled": ("团 {target} 取消", "the group {target} was cancelled"),
    "bargain.started": ("发起砍价 {target}({sku})", "the bargain {target} started ({sku})"),
    "bargain.cut": ("砍价 {target} 砍掉 {cut}", "a cut of {cut} in {target}"),
    "bargain.reached": ("砍价 {target} 达到底价", "the bargain {target} reached its lowest price"),
    "bargain.ordered": ("砍价 {target} 以 {price} 下单", "ordered at {price} in {target}"),
    "bargain.order_lapsed": ("砍价 {target} 的订单超时", "the order of {target} lapsed"),
    "bargain.order_undone": ("砍价 {target} 的订单被撤销", "the order of {target} was undone"),
    "bargain.succeeded": ("砍价 {target} 成功", "the bargain {target} succeeded"),
    "bargain.bought": ("砍价 {target} 以 {price} 成交", "bought at {price} in {target}"),
    "bargain.expired": ("砍价 {target} 过期", "the bargain {target} expired"),
    "customer.checked_in": ("顾客签到", "the customer checked in"),
    "webhook.registered": ("{who} 登记回调地址 {target}", "{who} registered the webhook {target}"),
    "webhook.enabled": ("{who} 启用回调 {target}", "{who} enabled the webhook {target}"),
    "webhook.disabled": ("{who} 停用回调 {target}", "{who} disabled the webhook {target}"),
    "webhook.rotated": ("{who} 更换回调 {target} 的密钥", "{who} rotated the secret of the webhook {target}"),
    "webhook.removed": ("{who} 删除回调 {target}", "{who} removed the webhook {target}"),
    "webhook.replayed": ("{who} 重发回调 {target}", "{who} sent messages of the webhook {target} again"),
    "webhook.secret_read": ("{who} 查看了回调 {target} 的密钥", "{who} read the secret of the webhook {target}"),
    "principal.created": ("{who} 新建了人员或服务 {target}", "{who} made the principal {target}"),
    "key.created": ("{who} 创建密钥 {target}", "{who} made the key {target}"),
    "key.revoked": ("{who} 吊销密钥 {target}", "{who} revoked the key {target}"),
    "data.extracted": ("{who} 导出了数据(清单 {target})", "{who} extracted data (manifest {target})"),
    "decisions.drained": ("一批检查写入数据库", "a batch of checks was written to the database"),
    "decisions.gap": ("缺失 {count} 条检查", "{count} checks never came"),
    "decisions.unreadable": ("有无法读取的检查消息", "messages of checks could not be read"),
}
# Kind of approval → what it is about.
_APPROVALS: Mapping[str, tuple[str, str]] = {
    "campaign.publish": ("发布活动", "the publication of"),
    "policy.publish": ("发布策略", "the publication of the policy"),
    "review.release": ("放行审核", "the release of the case"),
    "withdrawal.payout": ("提现", "the payout of"),
    "snooze.add": ("暂停规则", "the snooze"),
    "list.change": ("修改名单", "the change of the list"),
    "campaign.third_tier": ("三级返佣", "the third tier of"),
    "law.exception": ("法规例外", "the exception that the law asks for in"),
    "campaign.virtual_fill": ("虚拟成团", "virtual members in"),
    "campaign.resume": ("恢复活动", "the resumption of"),
    "rule.start": ("恢复规则", "the start of the rule that was stopped,"),
}


def _of_approvals() -> dict[str, tuple[str, str]]:
    found = {}
    for kind, (zh, en) in _APPROVALS.items():
        found[f"{kind}.proposed"] = (f"{{who}} 提请{zh} {{target}}:{{note}}", f"{{who}} asked to approve {en} {{target}}: {{note}}")
        found[f"{kind}.approved"] = (f"{{who}} 批准{zh} {{target}}:{{reason}}", f"{{who}} approved {en} {{target}}: {{reason}}")
        found[f"{kind}.agreed"] = (
            f"{{who}} 同意{zh} {{target}}({{agreed}}/{{needed}}):{{reason}}",
            f"{{who}} agreed to {en} {{target}} ({{agreed}} of {{needed}}): {{reason}}",
        )
        found[f"{kind}.void"] = (f"{zh} {{target}} 的审批失效:{{reason}}", f"nobody need approve {en} {{target}} any more: {{reason}}")
        found[f"{kind}.rejected"] = (f"{{who}} 驳回{zh} {{target}}:{{reason}}", f"{{who}} rejected {en} {{target}}: {{reason}}")
    return found


SENTENCES: Mapping[str, tuple[str, str]] = {**_SENTENCES, **_of_approvals()}
