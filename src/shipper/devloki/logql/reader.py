"""A cursor over a query's tokens: what both halves of the parser read with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import re2

from shipper.devloki.labels import unquote
from shipper.devloki.logql.syntax import Grouping
from shipper.devloki.logql.tokens import Token, error_at, tokens_of


class Reader:
    """Reads tokens one by one; every complaint names the place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens_of(text)
        self._next = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._next]

    def ahead(self, distance: int) -> Token:
        return self._tokens[min(self._next + distance, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self.token
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def at(self, *texts: str) -> bool:
        """Whether one of these operators or words is next."""
        return self.token.kind in ("operator", "name") and self.token.text in texts

    def accept(self, *texts: str) -> bool:
        """Take one of these, if it is next."""
        found = self.at(*texts)
        if found:
            self.take()
        return found

    def expect(self, text: str) -> Token:
        if not self.at(text):
            self.unexpected(f'"{text}"')
        return self.take()

    def expect_kind(self, kind: str, wanted: str) -> Token:
        if self.token.kind != kind:
            self.unexpected(wanted)
        return self.take()

    def string(self) -> str:
        return unquote(self.expect_kind("string", "a string in quotes").text)

    def number(self) -> float:
        sign = -1.0 if self.accept("-") else 1.0
        text = self.expect_kind("number", "a number").text
        return sign * (int(text, 16) if text.startswith("0x") else float(text))

    def pattern(self, *, whole: bool = False) -> tuple[str, Any]:
        """A string that is an RE2 pattern, and the pattern compiled."""
        token = self.token
        value = self.string()
        options = re2.Options()
        options.log_errors = False
        options.dot_nl = whole
        try:
            return value, re2.compile(value, options)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
            raise error_at(self.text, token.at, f"error parsing regexp: {reason}") from error

    def names(self) -> frozenset[str]:
        """`(a, b)`."""
        self.expect("(")
        names = set()
        while not self.at(")"):
            names.add(self.expect_kind("name", "a label name").text)
            if not self.accept(","):
                break
        self.expect(")")
        return frozenset(names)

    def grouping(self) -> Grouping | None:
        if not self.at("by", "without"):
            return None
        without = self.take().text == "without"
        return Grouping(without=without, names=self.names())

    def unexpected(self, wanted: str | Iterable[str] = "") -> NoReturn:
        found = self.token.text if self.token.kind == "end" else f'"{self.token.text}"'
        expected = f", expected {wanted}" if wanted else ""
        self.fail(self.token, f"syntax error: unexpected {found}{expected}")

    def fail(self, token: Token, what: str) -> NoReturn:
        raise error_at(self.text, token.at, what)
