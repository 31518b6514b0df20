"""Policies from their YAML files: all that is wrong comes at once, each with its line and column, or there is a policy that can run."""

from __future__ import annotations

from pathlib import Path

from core.yamlfile.check import problem_at, run_schema
from core.yamlfile.problems import bad_file
from core.yamlfile.read import read_yaml
from fraud.policy.agreement import disagreements
from fraud.policy.build import build_policy
from fraud.policy.model import Policy
from fraud.policy.registry import Policies
from fraud.policy.schema import PolicySchema

_SCHEMA = PolicySchema()


def load_policy(source: bytes, name: str) -> Policy:
    """Read one policy. Raises `Malformed` (`bad_file`) whose `extra["errors"]` has every problem."""
    document = read_yaml(source, name)
    loaded, problems = run_schema(document, _SCHEMA)
    problems += [problem_at(document, path, found) for path, found in disagreements(document.root.plain())]
    if problems:
        raise bad_file(name, problems)
    return build_policy(loaded)


def load_policies(folder: Path) -> Policies:
    """Every policy of a folder's `.yaml` files. Raises `Malformed` for the first file that has problems."""
    return Policies(load_policy(path.read_bytes(), path.name) for path in sorted(folder.glob("*.yaml")))
