"""From shape to typed tree: every name is known, every operator gets kinds it can work on. All flaws are found, not only the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rules.lang import tree
from rules.lang.catalogue import Catalogue
from rules.lang.faults import BadExpression, Flaw, Span, flaw
from rules.lang.functions import ARGUMENTS_MAX, FUNCTIONS, Function
from rules.lang.kinds import AMOUNTS, EXAMPLES, NAMES_ZH, ORDERED, Kind
from rules.lang.meaning import ARITHMETIC
from rules.lang.nearest import nearest
from rules.lang.parser import parse
from rules.lang.syntax import Apply, Chain, Infix, Literal, Member, Prefix, Shape, Word

_SIGNED = AMOUNTS


def typed(source: str, catalogue: Catalogue, wanted: Kind | None = Kind.BOOLEAN) -> tree.Node:
    """The typed tree of an expression of the wanted kind (None: any). Raises `BadExpression` with every flaw."""
    shape = parse(source)
    checker = _Checker(catalogue)
    node = checker.node(shape)
    if node is not None and wanted is not None and node.kind is not wanted:
        checker.flaws.append(_wrong_kind(node, wanted))
    if node is None or checker.flaws:
        raise BadExpression(checker.flaws)
    return node


class _Checker:
    """Returns None for what is wrong, so that each fault is told once and not again by everything around it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.flaws: list[Flaw] = []

    def node(self, shape: Shape) -> tree.Node | None:
        return _CHECKS[type(shape)](self, shape)

    def _complain(self, code: str, span: Span, zh: str, en: str, fix_zh: str = "", fix_en: str = "") -> None:
        self.flaws.append(flaw(code, span, zh, en, fix_zh, fix_en))

    def _of_kind(self, shape: Shape, kinds: frozenset[Kind]) -> tree.Node | None:
        """The node, if it is one of the kinds."""
        node = self.node(shape)
        if node is None or node.kind in kinds:
            return node
        self.flaws.append(_wrong_kind(node, *sorted(kinds)))
        return None

    def _literal(self, shape: Literal) -> tree.Node:
        return tree.Const(shape.kind, shape.value, shape.span)

    def _word(self, shape: Word) -> tree.Node | None:
        known = self._catalogue.names.get(shape.name)
        if known is not None:
            return tree.Name(known.kind, shape.name, shape.span)
        parameter = self._catalogue.parameters.get(shape.name)
        if parameter is not None:
            return tree.Const(parameter.kind, parameter.value, shape.span, shape.name)
        if shape.name in self._catalogue.lists:
            self._complain(
                "list_as_value", shape.span, f"{shape.name} 是名单,不是值", f"{shape.name} is a list, not a value", "写成 x in 名单", f"write x in {shape.name}"
            )
        elif shape.name in FUNCTIONS:
            self._complain(
                "call_expected", shape.span, f"{shape.name} 是函数", f"{shape.name} is a function", FUNCTIONS[shape.name].shown, FUNCTIONS[shape.name].shown
            )
        else:
            self._unknown("unknown_name", shape, self._catalogue.all_names(), "名称", "name")
        return None

    def _unknown(self, code: str, word: Word, known: list[str], zh: str, en: str) -> None:
        near = nearest(word.name, known)
        hints = (f"是否想写 {near}?", f"did you mean {near}?") if near else (f"可用:{'、'.join(sorted(known)[:8])}", f"known: {', '.join(sorted(known)[:8])}")
        self._complain(code, word.span, f"没有{zh} {word.name[:60]}", f"there is no {en} {word.name[:60]}", *(hints if known else ("", "")))

    def _prefix(self, shape: Prefix) -> tree.Node | None:
        if shape.operator == "not":
            inner = self._of_kind(shape.inner, frozenset({Kind.BOOLEAN}))
            return None if inner is None else tree.Not(inner, shape.span)
        inner = self._of_kind(shape.inner, _SIGNED)
        if inner is None:
            return None
        if isinstance(inner, tree.Const) and not inner.name:
            return tree.Const(inner.kind, -inner.value, shape.span)  # type: ignore[operator]
        return tree.Negate(inner, inner.kind, shape.span)

    def _chain(self, shape: Chain) -> tree.Node | None:
        parts = [self._of_kind(part, frozenset({Kind.BOOLEAN})) for part in shape.parts]
        whole = tuple(part for part in parts if part is not None)
        if len(whole) < len(parts):
            return None
        return tree.All(whole, shape.span) if shape.operator == "and" else tree.Some(whole, shape.span)

    def _infix(self, shape: Infix) -> tree.Node | None:
        left, right = self.node(shape.left), self.node(shape.right)
        if left is None or right is None:
            return None
        if shape.operator == "??":
            return self._default(shape, left, right)
        if shape.operator in "+-*/%":
            return self._arithmetic(shape, left, right)
        return self._compare(shape, left, right)

    def _default(self, shape: Infix, left: tree.Node, right: tree.Node) -> tree.Node | None:
        if left.kind is not right.kind:
            self.flaws.append(_wrong_kind(right, left.kind))
            return None
        if isinstance(left, tree.Const):
            self._complain("never_missing", left.span, "此值从不缺失,?? 无意义", "this value is never missing, so ?? does nothing")
        return tree.Default(left, right, left.kind, shape.span)

    def _arithmetic(self, shape: Infix, left: tree.Node, right: tree.Node) -> tree.Node | None:
        found = ARITHMETIC.get((shape.operator, left.kind, right.kind))
        if found is None:
            zh = f"{NAMES_ZH[left.kind]} {shape.operator} {NAMES_ZH[right.kind]} 没有意义"
            self._complain("wrong_kinds", shape.span, zh, f"{left.kind} {shape.operator} {right.kind} has no meaning")
            return None
        if shape.operator in "/%" and isinstance(right, tree.Const) and right.value == 0:
            self._complain("division_by_zero", right.span, "除数为零,结果永远缺失", "division by zero is always missing")
            return None
        return tree.Arithmetic(shape.operator, left, right, found[0], shape.span)

    def _compare(self, shape: Infix, left: tree.Node, right: tree.Node) -> tree.Node | None:
        if left.kind is not right.kind:
            # The literal is the side to mend: it was written here, the name was declared elsewhere.
            wrong, other = (left, right) if isinstance(left, tree.Const) and not isinstance(right, tree.Const) else (right, left)
            self.flaws.append(_wrong_kind(wrong, other.kind))
            return None
        if shape.operator not in ("==", "!=") and left.kind not in ORDERED:
            zh, en = f"{NAMES_ZH[left.kind]}没有大小之分", f"{left.kind} has no order"
            self._complain("no_order", shape.span, zh, en, "改用 == 或 !=", "use == or !=")
            return None
        return tree.Compare(shape.operator, left, right, shape.span)

    def _member(self, shape: Member) -> tree.Node | None:
        inner = self.node(shape.inner)
        if inner is None:
            return None
        found = self._named_list(shape, inner, shape.members) if isinstance(shape.members, Word) else self._literals(shape, inner, shape.members)
        return tree.Not(found, shape.span) if found is not None and shape.negated else found

    def _named_list(self, shape: Member, inner: tree.Node, word: Word) -> tree.Node | None:
        kind = self._catalogue.lists.get(word.name)
        if kind is None:
            self._unknown("unknown_list", word, list(self._catalogue.lists), "名单", "list")
            return None
        if kind is not inner.kind:
            self.flaws.append(_wrong_kind(inner, kind))
            return None
        return tree.In(inner, (), word.name, shape.span)

    def _literals(self, shape: Member, inner: tree.Node, members: tuple[Shape, ...]) -> tree.Node | None:
        if not members:
            self._complain("empty_list", shape.span, "名单为空,永不成立", "the list is empty, so this never holds")
            return None
        nodes = [self._of_kind(member, frozenset({inner.kind})) for member in members]
        constants = [node for node in nodes if isinstance(node, tree.Const)]
        for node in nodes:
            if node is not None and not isinstance(node, tree.Const):
                self._complain("literal_expected", node.span, "名单中只能写字面值", "a list holds literals only")
        if len(constants) < len(members):
            return None
        return tree.In(inner, tuple(dict.fromkeys(node.value for node in constants)), "", shape.span)

    def _apply(self, shape: Apply) -> tree.Node | None:
        name = shape.function.name
        if name == "exists":
            return self._exists(shape)
        function = FUNCTIONS.get(name)
        if function is None:
            self._unknown("unknown_function", shape.function, [*FUNCTIONS, "exists"], "函数", "function")
            return None
        count = len(shape.arguments)
        if not (2 <= count <= ARGUMENTS_MAX if function.alike else count == len(function.takes)):
            self._complain("wrong_arguments", shape.span, "参数个数不对", "the number of arguments is wrong", function.shown, function.shown)
            return None
        return self._call(shape, function)

    def _call(self, shape: Apply, function: Function) -> tree.Node | None:
        takes = function.takes * len(shape.arguments) if function.alike else function.takes
        nodes = [self._of_kind(argument, kinds) for argument, kinds in zip(shape.arguments, takes, strict=True)]
        arguments = tuple(node for node in nodes if node is not None)
        if len(arguments) < len(nodes):
            return None
        for other in arguments[1:] if function.alike else ():
            if other.kind is not arguments[0].kind:
                self.flaws.append(_wrong_kind(other, arguments[0].kind))
                return None
        return tree.Call(function.name, arguments, function.gives or arguments[0].kind, shape.span)

    def _exists(self, shape: Apply) -> tree.Node | None:
        if len(shape.arguments) != 1:
            self._complain("wrong_arguments", shape.span, "参数个数不对", "the number of arguments is wrong", "exists(x)", "exists(x)")
            return None
        inner = self.node(shape.arguments[0])
        return None if inner is None else tree.Exists(inner, shape.span)


_CHECKS: dict[type[Any], Callable[[_Checker, Any], tree.Node | None]] = {
    Literal: _Checker._literal,
    Word: _Checker._word,
    Prefix: _Checker._prefix,
    Chain: _Checker._chain,
    Infix: _Checker._infix,
    Member: _Checker._member,
    Apply: _Checker._apply,
}


def _wrong_kind(node: tree.Node, *wanted: Kind) -> Flaw:
    zh, en = " / ".join(NAMES_ZH[kind] for kind in wanted), " or ".join(wanted)
    example = EXAMPLES.get(wanted[0]) if len(wanted) == 1 and isinstance(node, tree.Const) else None
    fix = (f"如 {example}", f"such as {example}") if example else ("", "")
    return flaw("wrong_kind", node.span, f"此处应为{zh},却是{NAMES_ZH[node.kind]}", f"{en} is expected here, not {node.kind}", *fix)
