"""Policies from their YAML files."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML

from fraud.policy.agreement import disagreements
from fraud.policy.build import build_policy
from fraud.policy.model import Policy
from fraud.policy.registry import Policies
from fraud.policy.schema import PolicySchema


def load_policy(source: str, name: str) -> Policy:
    document = YAML(typ="safe").load(source)
    loaded = PolicySchema().load(document)
    found = list(disagreements(document))
    assert not found, found
    return build_policy(loaded)


def load_policies(folder: Path) -> Policies:
    return Policies(load_policy(path.read_text(encoding="utf-8"), path.name) for path in sorted(folder.glob("*.yaml")))
