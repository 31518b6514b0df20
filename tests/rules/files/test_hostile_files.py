"""Files that were not meant to be rules: whatever stands in them is refused with a place and a reason, in bounded time, and nothing of it runs."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.canon import canonical
from core.errors import Malformed
from core.yamlfile.problems import Problem, render_problems
from core.yamlfile.read import BYTES_MAX
from rules.files.load import LoadedRuleset, load_ruleset, load_ruleset_file
from rules.files.schema import RULES_MAX

HEAD = """policy: hostile
scene: coupon.claim
bands: {review: 40}
when_unavailable: hold
"""
REASON = "reason: {code: c, zh: 因, en: why}"
GOOD = f"""{HEAD}features:
  claims: {{count: events, by: user, window: 10m}}
rules:
  - id: one
    when: claims >= 3 and amount < ¥5.00
    score: 10
    {REASON}
"""
BOMB = HEAD + "note: &a [x, x]\n" + "".join(f"k{n}: &k{n} [*a, *a]\n" for n in range(20))


def source_with(when: str) -> str:
    """A policy whose one condition this is, written so that YAML passes every character on."""
    quoted = when.replace("\\", "\\\\").replace('"', '\\"')
    return f'{HEAD}rules:\n  - id: one\n    when: "{quoted}"\n    score: 10\n    {REASON}\n'


def problems_of(source: str | bytes) -> list[Problem]:
    """What a file is refused for; every problem has a place, a reason in both languages, and can be shown."""
    raw = source.encode() if isinstance(source, str) else source
    with pytest.raises(Malformed) as caught:
        load_ruleset(raw, "x.yaml")
    problems: list[Problem] = caught.value.extra["errors"]
    assert problems
    for problem in problems:
        assert problem.file == "x.yaml"
        assert problem.place.line >= 1
        assert problem.place.column >= 1
        assert problem.fault.text.zh
        assert problem.fault.text.en
    assert render_problems(problems, "zh", raw)
    assert render_problems(problems, "en", raw)
    return problems


def only(source: str | bytes) -> tuple[str, int, int]:
    """Code, line and column of the one problem."""
    [problem] = problems_of(source)
    return problem.fault.code, problem.place.line, problem.place.column


def load(source: str) -> LoadedRuleset:
    return load_ruleset(source.encode(), "x.yaml")


def test_the_good_file_is_good() -> None:
    assert [rule.id for rule in load(GOOD).ruleset.rules] == ["one"]


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        (BOMB, ("anchor", 5, 7)),
        (HEAD + "note: *a\n", ("anchor", 5, 7)),
        (HEAD + "<<: &base {a: 1}\n", ("anchor", 5, 5)),
        (HEAD + "policy: again\n", ("duplicate_key", 5, 1)),
        (HEAD + "rules:\n\t- id: one\n", ("tab", 6, 1)),
        (HEAD + "---\npolicy: two\n", ("several_documents", 5, 1)),
        (HEAD + "note: !!python/object/apply:os.system [ls]\n", ("tag", 5, 7)),
        (HEAD + "note: \x1b[2J\n", ("control_character", 5, 7)),
        (HEAD + "note: " + "[" * 5_000, ("too_deep", 5, 38)),
        ("[]", ("not_a_mapping", 1, 1)),
        ("", ("not_a_mapping", 1, 1)),
        (b"\x00" * 64, ("control_character", 1, 1)),
    ],
)
def test_what_is_no_plain_file_is_refused_where_it_stands(source: str | bytes, refusal: tuple[str, int, int]) -> None:
    assert only(source) == refusal


def test_the_same_key_in_a_rule_and_among_features_is_refused() -> None:
    doubled = GOOD.replace("    score: 10\n", "    score: 10\n    score: 20\n")
    assert only(doubled)[0] == "duplicate_key"
    doubled = GOOD.replace("rules:\n", "  claims: {count: events, by: ip, window: 1h}\nrules:\n")
    assert only(doubled) == ("duplicate_key", 7, 3)


def test_a_byte_order_mark_is_no_matter() -> None:
    assert load_ruleset(b"\xef\xbb\xbf" + GOOD.encode(), "x.yaml").ruleset.version == load(GOOD).ruleset.version


def test_a_gbk_file_is_told_to_be_one() -> None:
    [problem] = problems_of(GOOD.encode("gbk", "replace"))
    assert (problem.fault.code, problem.place.line) == ("not_utf8", 11)
    assert "GBK" in problem.fault.text.zh
    assert "GBK" in problem.fault.text.en
    assert "UTF-16" in problems_of(GOOD.encode("utf-16"))[0].fault.text.en


def many(rules: int) -> str:
    return HEAD + "rules:\n" + "".join(f"- {{id: r{n}, when: amount>¥{n}, score: 1, {REASON}}}\n" for n in range(rules))


def test_ten_thousand_rules_are_refused_by_their_bytes_or_their_values() -> None:
    assert only(many(10_000))[0] == "file_too_large"
    short = HEAD + "rules:\n" + "- {id: a}\n" * 10_000
    assert only(short)[0] == "too_many_values"


def test_rules_have_an_edge() -> None:
    assert len(load(many(RULES_MAX)).ruleset.rules) == RULES_MAX
    assert "bad_length" in {problem.fault.code for problem in problems_of(many(RULES_MAX + 1))}


def test_an_expression_of_a_megabyte_is_refused() -> None:
    assert only(source_with("amount > ¥1 or " * 70_000 + "true"))[0] == "file_too_large"
    code, line, _ = only(source_with("amount > ¥1 or " * (BYTES_MAX // 20) + "true"))
    assert (code, line) == ("expression_too_long", 7)
    assert only(source_with("a" * 4_001))[0] == "expression_too_long"


@pytest.mark.parametrize(
    "when",
    [
        "(" * 1_400 + "true" + ")" * 90,
        "not " * 900 + "true",
        "-" * 1_400 + "1 > 0",
        "1" + "+1" * 700 + " > 0",
        "exists(" * 400 + "amount" + ")" * 400,
    ],
    ids=["parentheses", "nots", "minuses", "sums", "calls"],
)
def test_deep_expressions_are_refused(when: str) -> None:
    assert only(source_with(when))[0] == "too_deep"


def test_five_thousand_parentheses_are_refused() -> None:
    assert only(source_with("(" * 5_000 + "true" + ")" * 5_000))[0] == "expression_too_long"


HOSTILE = [
    "__import__('os').system('ls')",
    "__import__('os')",
    "().__class__.__bases__[0].__subclasses__()",
    "amount.__class__ == 'x'",
    "user.upper() == 'X'",
    "user['x'] == 'y'",
    "user[0:1] == 'y'",
    "9**9**9 > 1",
    "(lambda: true)()",
    "lambda: true",
    "[x for x in user]",
    "{user}",
    "f'{user}' == 'x'",
    "b'x' == user",
    "true if true else false",
    "(x := true)",
    "x = true",
    "true; true",
    "true\\\nfalse",
    "# only a remark",
    "exec('x')",
    "eval(user)",
    "open('/etc/passwd')",
    "print(user)",
    "globals()",
    "user == user.",
    "await user",
    "yield",
    "amount >> 2 > ¥1",
    "amount & 1 == 1",
    "~amount > ¥1",
    "1_000 > 0",
    "0x10 > 0",
    "1e9 > 0",
    "1j == 1",
    "'\\n' == user",
    "user == '\\x41'",
    "user == 'unclosed",
    "usеr == 'a cyrillic letter'",
    "user == ‘x’",
    "true\u2028and true",
    "true\u00a0and true",
    "\u202euser == 'x'",
    "None == user",
    "user is 'x'",
    "contains(user, 'x', 'y')",
    "length",
    "99999999999999999999 > 0",
    "¥99999999999999999999 > ¥0",
    "99999999d > 1s",
]


@pytest.mark.parametrize("when", HOSTILE)
def test_what_means_nothing_in_this_language_is_refused_at_its_place(when: str) -> None:
    for problem in problems_of(source_with(when.replace("\n", "\\n"))):
        assert problem.place.line == 7


def test_nothing_of_an_expression_reaches_pythons_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    real = builtins.compile

    def watching(source: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(source, str):
            compiled.append(source)
        return real(source, *args, **kwargs)

    monkeypatch.setattr(builtins, "compile", watching)
    secret = "zzyzx"
    load(
        f"{HEAD}fields: {{{secret}: text}}\nlists:\n  l_{secret}: {{items: [{secret}]}}\nparameters: {{p_{secret}: {secret}}}\n"
        + source_with(f"{secret} == '{secret}' or {secret} in l_{secret} or {secret} != p_{secret}").removeprefix(HEAD)
    )
    for when in HOSTILE:
        problems_of(source_with(when.replace("\n", "\\n")))
    assert any("def part" in source for source in compiled)
    assert not any(secret in source or "__import__" in source for source in compiled)


PYTHONS = ["class", "def", "none", "print", "exec", "lambda", "import", "self", "values", "part", "h", "m", "r", "k0", "t1", "v0", "str", "len", "is", "del"]


@pytest.mark.parametrize("name", PYTHONS)
def test_a_name_that_means_something_to_python_is_a_name_like_any_other(name: str) -> None:
    declared = f"{HEAD}fields: {{{name}: number, other: number}}\nrules:\n  - id: one\n    when: {name} > 3 and other > 4 or {name} + other > 100\n    score: 10\n    {REASON}\n"
    compiled = load(declared).ruleset.compiled
    assert compiled.judge({name: 4, "other": 5}) == ([0], [])
    assert compiled.judge({name: 4, "other": None}) == ([], [0])


@pytest.mark.parametrize("name", ["and", "or", "not", "in", "true", "false", "exists", "min", "length", "user", "at", "amount"])
@pytest.mark.parametrize("section", ["fields: {%s: number}", "parameters: {%s: 3}", "lists: {%s: {items: [x]}}", "features: {%s: {since: session_start}}"])
def test_a_name_that_the_language_has_is_taken(section: str, name: str) -> None:
    assert only(HEAD + section % name + "\n")[:2] == ("reserved_name", 5)


@pytest.mark.parametrize("name", ["__class__", "__init__", "_x", "a.b", "a-b", "Ab", "1a", "a b", "名", "a" * 65, "''", "a\\u0000"])
@pytest.mark.parametrize("section", ["fields: {%s: number}", "parameters: {%s: 3}", "lists: {%s: {items: [x]}}", "features: {%s: {since: session_start}}"])
def test_a_name_of_another_form_is_refused(section: str, name: str) -> None:
    quoted = name if name == "''" else f'"{name}"'
    assert problems_of(HEAD + section % quoted + "\n")[0].place.line == 5


@pytest.mark.parametrize(
    "name", ["../secret.yaml", "/etc/passwd", "a/b.yaml", "..", "file:///x.yaml", "x.yaml", "http://h/x.yaml", "b.txt", ".yaml", "a\\\\b.yaml"]
)
def test_only_a_file_beside_it_is_included(name: str) -> None:
    asked: list[str] = []
    with pytest.raises(Malformed) as caught:
        load_ruleset(f'{HEAD}include: ["{name}"]\n'.encode(), "x.yaml", lambda given: asked.append(given))
    assert caught.value.extra["errors"][0].place.line == 5
    assert asked == []


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.yaml").write_text("pack: secret\n")
    (tmp_path / "in" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (tmp_path / "in" / "x.yaml").write_text(f"{HEAD}include: [link.yaml]\n")
    with pytest.raises(Malformed) as caught:
        load_ruleset_file(tmp_path / "in" / "x.yaml")
    assert [problem.fault.code for problem in caught.value.extra["errors"]] == ["include_missing"]


def test_files_that_include_each_other_end() -> None:
    packs = {"a.yaml": b"pack: a\ninclude: [b.yaml]\n", "b.yaml": b"pack: b\ninclude: [a.yaml]\n"}
    with pytest.raises(Malformed) as caught:
        load_ruleset(f"{HEAD}include: [a.yaml]\n".encode(), "x.yaml", packs.get)
    assert [problem.fault.code for problem in caught.value.extra["errors"]] == ["include_cycle"]


def test_a_long_chain_of_includes_ends() -> None:
    def endless(name: str) -> bytes:
        number = int(name.removeprefix("p").removesuffix(".yaml"))
        return f"pack: p{number}\ninclude: [p{number + 1}.yaml]\n".encode()

    with pytest.raises(Malformed) as caught:
        load_ruleset(f"{HEAD}include: [p0.yaml]\n".encode(), "x.yaml", endless)
    assert "too_many_files" in {problem.fault.code for problem in caught.value.extra["errors"]}


def readable(source: bytes) -> None:
    """Reads, or refuses with places that can be shown; what was read can be kept."""
    try:
        kept = canonical(load_ruleset(source, "x.yaml").document).decode()
    except Malformed as error:
        kept = render_problems(error.extra["errors"], "zh", source)
    assert kept


@given(st.text(max_size=80) | st.text(alphabet="auser()[]'\"\\.<>=!?*/+-% 019mhd¥,andornti_\n", max_size=60))
def test_any_text_as_a_condition_is_read_or_refused(when: str) -> None:
    readable(f"{HEAD}rules:\n  - {{id: one, when: {json.dumps(when)}, score: 1, {REASON}}}\n".encode())


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**20) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6) | st.sampled_from(["id", "when", "count", "by", "items", "_schema"]), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = ["policy", "scene", "zone", "include", "fields", "parameters", "lists", "features", "rules", "bands", "when_unavailable", "tests", "note", "_schema"]


@given(st.dictionaries(st.sampled_from(KEYS), JSONISH))
def test_any_value_in_any_key_never_breaks_the_loader(found: dict[str, Any]) -> None:
    base = {"policy": "p", "scene": "a.b", "bands": {"review": 1}, "when_unavailable": "hold"}
    readable(json.dumps({**base, **found}, ensure_ascii=False).encode("utf-8", "surrogatepass"))
