"""From tokens to the shape of an expression, by recursive descent with a bound on depth.

Loosest to tightest: `or`, `and`, `not`, comparisons and `in`, `+ -`, `* / %`, unary `-`, `??`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from rules.lang.faults import BadExpression, Flaw, Span, flaw
from rules.lang.lexer import Token, tokens_of
from rules.lang.syntax import Apply, Chain, Infix, Literal, Member, Prefix, Shape, Word

BRACKETS_MAX = 40
# Of the whole tree: long sums lean to the left and are deep without a bracket. Whatever walks a tree may recurse this far.
DEPTH_MAX = 60
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_OPENERS = frozenset({"name", "literal", "(", "-", "not"})


def parse(source: str) -> Shape:
    """The shape of the whole text. Raises `BadExpression` at the first place where it is none."""
    return _Parser(tokens_of(source)).whole()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Shape:
        if self._next.what == "end":
            self._fail("empty_expression", "表达式是空的", "the expression is empty")
        shape = self._or()
        if self._next.what != "end":
            self._leftover()
        _require_shallow(shape)
        return shape

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, *what: str) -> bool:
        if self._next.what in what:
            self._at += 1
            return True
        return False

    def _since(self, start: int) -> Span:
        """From `start` to the last word taken. A bracket is no part of the shape inside it, but it is part of what is built around that shape."""
        return Span(start, self._tokens[self._at - 1].span.end)

    def _or(self) -> Shape:
        self._depth += 1
        if self._depth > BRACKETS_MAX:
            raise BadExpression([_too_deep(self._next.span)])
        shape = self._chain("or", self._and)
        self._depth -= 1
        return shape

    def _and(self) -> Shape:
        return self._chain("and", self._not)

    def _chain(self, word: str, part: Callable[[], Shape]) -> Shape:
        start = self._next.span.start
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Chain(word, tuple(parts), self._since(start))

    def _not(self) -> Shape:
        before: list[Token] = []
        while self._next.what == "not":
            before.append(self._take())
        shape = self._comparison()
        for token in reversed(before):
            shape = Prefix("not", shape, self._since(token.span.start))
        return shape

    def _comparison(self) -> Shape:
        start = self._next.span.start
        left = self._sum()
        if self._next.what == "in" or (self._next.what == "not" and self._tokens[self._at + 1].what == "in"):
            return self._member(left, start)
        if self._next.what not in _COMPARISONS:
            return left
        operator = self._take().what
        right = self._sum()
        if self._next.what in _COMPARISONS:
            self._fail("chained_comparison", "比较不能连写", "comparisons cannot be chained", "写成 a < b and b < c", "write a < b and b < c")
        return Infix(operator, left, right, self._since(start))

    def _member(self, inner: Shape, start: int) -> Shape:
        negated = self._takes("not")
        self._take()
        if self._next.what == "name":
            word = self._word()
            return Member(inner, word, negated, self._since(start))
        if self._next.what not in ("[", "("):
            self._fail(
                "list_expected",
                "in 之后应为名单名或 [ ]",
                "after in comes a list's name or [ ]",
                "如 channel in ['app', 'h5']",
                "such as channel in ['app', 'h5']",
            )
        closing = "]" if self._take().what == "[" else ")"
        members = self._items(closing)
        return Member(inner, members, negated, self._since(start))

    def _items(self, closing: str) -> tuple[Shape, ...]:
        """What stands up to the closing mark, separated by commas."""
        items: list[Shape] = []
        while not self._takes(closing):
            if items and not self._takes(","):
                self._expected(closing)
            items.append(self._or())
        return tuple(items)

    def _sum(self) -> Shape:
        return self._left_to_right(self._product, "+", "-")

    def _product(self) -> Shape:
        return self._left_to_right(self._negation, "*", "/", "%")

    def _left_to_right(self, part: Callable[[], Shape], *operators: str) -> Shape:
        start = self._next.span.start
        shape = part()
        while self._next.what in operators:
            operator = self._take().what
            right = part()
            shape = Infix(operator, shape, right, self._since(start))
        return shape

    def _negation(self) -> Shape:
        signs: list[Token] = []
        while self._next.what == "-":
            signs.append(self._take())
        shape = self._default()
        for token in reversed(signs):
            shape = Prefix("-", shape, self._since(token.span.start))
        return shape

    def _default(self) -> Shape:
        start = self._next.span.start
        shape = self._atom()
        while self._takes("??"):
            negative = self._next if self._takes("-") else None
            other = self._atom()
            if negative is not None:
                other = Prefix("-", other, self._since(negative.span.start))
            shape = Infix("??", shape, other, self._since(start))
        return shape

    def _atom(self) -> Shape:
        token = self._next
        if token.kind is not None:
            self._take()
            return Literal(token.kind, token.value, token.span)
        if token.what == "name":
            return self._named()
        if not self._takes("("):
            self._fail("value_expected", f"此处应有一个值,却是 {_shown(token)}", f"a value is expected here, not {_shown(token)}")
        shape = self._or()
        if not self._takes(")"):
            self._expected(")")
        return shape

    def _named(self) -> Shape:
        word = self._word()
        if not self._takes("("):
            return word
        arguments = self._items(")")
        return Apply(word, arguments, self._since(word.span.start))

    def _word(self) -> Word:
        token = self._take()
        return Word(token.text, token.span)

    def _leftover(self) -> NoReturn:
        if self._next.what in _OPENERS:
            self._fail(
                "operator_expected",
                f"{_shown(self._next)} 之前缺少运算符",
                f"an operator is missing before {_shown(self._next)}",
                "如 and、or、>=",
                "such as and, or, >=",
            )
        self._fail("leftover", f"{_shown(self._next)} 是多余的", f"{_shown(self._next)} is too much")

    def _expected(self, mark: str) -> NoReturn:
        self._fail("not_closed", f"缺少 {mark}", f"{mark} is missing")

    def _fail(self, code: str, zh: str, en: str, fix_zh: str = "", fix_en: str = "") -> NoReturn:
        raise BadExpression([flaw(code, self._next.span, zh, en, fix_zh, fix_en)])


def _require_shallow(shape: Shape) -> None:
    waiting = [(shape, 1)]
    while waiting:
        here, depth = waiting.pop()
        if depth > DEPTH_MAX:
            raise BadExpression([_too_deep(here.span)])
        waiting += [(part, depth + 1) for part in _parts(here)]


def _parts(shape: Shape) -> tuple[Shape, ...]:
    match shape:
        case Prefix():
            return (shape.inner,)
        case Infix():
            return (shape.left, shape.right)
        case Chain():
            return shape.parts
        case Member():
            return (shape.inner, *shape.members) if isinstance(shape.members, tuple) else (shape.inner,)
        case Apply():
            return shape.arguments
    return ()


def _too_deep(span: Span) -> Flaw:
    return flaw("too_deep", span, "嵌套过深", "nested too deep", "拆成几条规则", "split it into several rules")


def _shown(token: Token) -> str:
    return token.text[:40] or "结尾 / the end"
