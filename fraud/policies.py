"""The policies that are live, found by id or by the scene they serve. Two policies never share an id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.errors import Conflict, Malformed
from core.text import Text
from rules.model import Ruleset


class Policies:
    """An immutable set of policies."""

    def __init__(self, policies: Iterable[Ruleset]) -> None:
        self._by_id: dict[str, Ruleset] = {}
        self._by_scene: dict[str, list[Ruleset]] = {}
        for policy in policies:
            if policy.id in self._by_id:
                raise ValueError(f"two policies are called {policy.id}")
            self._by_id[policy.id] = policy
            self._by_scene.setdefault(policy.scene, []).append(policy)

    def __iter__(self) -> Iterator[Ruleset]:
        return iter(self._by_id.values())

    def serving(self, scene: str) -> list[str]:
        """The ids of the scene's policies: what a campaign may name."""
        return sorted(policy.id for policy in self._by_scene.get(scene, ()))

    def require_scene(self, policy: Ruleset) -> None:
        """Raises `Conflict` where a policy of this id serves another scene: whoever names it there would be left without."""
        serving = self._by_id.get(policy.id)
        if serving is not None and serving.scene != policy.scene:
            text = Text(
                zh=f"策略 {policy.id} 的场景({serving.scene})不能更换,请使用新的策略编号",
                en=f"the scene of policy {policy.id} ({serving.scene}) cannot change; use another policy id",
            )
            raise Conflict("scene_changed", text, scene=serving.scene)

    def find(self, scene: str, policy: str | None = None) -> Ruleset:
        """The named policy, or the scene's only one. Raises `Malformed`."""
        if policy is None:
            return self._only(scene)
        if policy not in self._by_id:
            raise Malformed("unknown_policy", Text(zh=f"没有策略 {policy}", en=f"there is no policy {policy}"))
        found = self._by_id[policy]
        if found.scene != scene:
            text = Text(zh=f"策略 {policy} 用于 {found.scene},不用于 {scene}", en=f"policy {policy} serves {found.scene}, not {scene}")
            raise Malformed("policy_of_other_scene", text)
        return found

    def _only(self, scene: str) -> Ruleset:
        found = self._by_scene.get(scene, [])
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(sorted(policy.id for policy in found))
            raise Malformed("policy_ambiguous", Text(zh=f"场景 {scene} 有多个策略,请指定:{names}", en=f"name one of the scene's policies: {names}"))
        raise Malformed("unknown_policy", Text(zh=f"场景 {scene} 没有策略", en=f"no policy serves the scene {scene}"))
