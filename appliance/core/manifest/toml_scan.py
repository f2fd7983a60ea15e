"""Where things stand in a TOML text: the line of every key, the comments around it, and how deep it nests.

The values are read by tomllib, which keeps none of this. The scan runs first, never fails on broken
text, and refuses nesting that would exhaust a recursive parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from appliance.core import manifest_limits
from appliance.core.manifest.problems import Path

_TOKEN = re.compile(
    r"""
      (?P<gap>[ \t]+)
    | (?P<newline>\n)
    | (?P<comment>\#[^\n]*)
    | (?P<name>"{3}(?:[^"\\]|\\.|"(?!""))*+"{3,5} | '{3}(?:[^']|'(?!''))*+'{3,5}
        | "(?!"")(?:[^"\\\n]|\\[^\n])*+" | '(?!'')[^'\n]*+' | [A-Za-z0-9_+:-]+)
    | (?P<mark>[\[\]{}=,.])
    | (?P<unclosed>["'])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_LAST_CHARACTER = 0x10FFFF
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


class TooMuchError(Exception):
    """A limit was passed on this line."""

    def __init__(self, line: int, code: str, message: str, expected: str) -> None:
        super().__init__(message)
        self.line = line
        self.code = code
        self.expected = expected


@dataclass(slots=True)
class Remarks:
    """The comments of one place, as `Comment` has them."""

    before: list[str] = field(default_factory=list)
    line: str = ""
    end: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Scan:
    """What was found. Paths count list elements from 0."""

    lines: dict[Path, int] = field(default_factory=dict)
    remarks: dict[Path, Remarks] = field(default_factory=dict)


def scan(text: str) -> Scan:
    """Read positions and comments. Raises TooMuchError; anything else that is wrong is left for the parser to say."""
    scanner = _Scanner()
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        if kind == "unclosed":
            # The parser will say so. Looking for the end of every such string takes quadratic time.
            break
        if kind not in ("gap", "other"):
            scanner.take(kind, match[0], doubled=text.startswith("[", match.end()))
    scanner.close()
    return scanner.found


class _Now(Enum):
    """What a statement at the left margin is in the middle of."""

    KEY = auto()
    HEADER = auto()
    VALUE = auto()


@dataclass(slots=True)
class _Open:
    """A list or an inline table whose bracket is not closed yet."""

    path: Path
    is_list: bool
    index: int = 0
    started: bool = False
    keys: list[str] = field(default_factory=list)
    last: Path | None = None


@dataclass(slots=True)
class _Scanner:
    found: Scan = field(default_factory=Scan)
    line: int = 1
    now: _Now = _Now.KEY
    table: Path = ()
    here: Path = ()
    keys: list[str] = field(default_factory=list)
    is_list_header: bool = False
    lengths: dict[Path, int] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    # Does the pending block follow the line above without a blank line between?
    attached: bool = False
    after_item: bool = False
    line_has: str = ""
    last_word: str = ""

    def take(self, kind: str, word: str, *, doubled: bool) -> None:
        match kind:
            case "newline":
                self._newline()
                return
            case "comment":
                self._comment(word)
                return
            case _ if self.stack:
                self._nested(kind, word)
            case _:
                self._statement(kind, word, doubled=doubled)
        self.line_has, self.last_word = "item", word
        self.line += word.count("\n")

    def close(self) -> None:
        """Whatever comment is left stands at the end of the last table."""
        self._remarks(self.table).end += self.pending

    def _newline(self) -> None:
        if not self.stack:
            if self.line_has == "":
                self._blank()
            elif self.line_has == "item":
                self.after_item = True
            self.now, self.keys = _Now.KEY, []
        self.line += 1
        self.line_has = ""

    def _blank(self) -> None:
        # A remark directly under a table's last key and parted from what follows is about that table.
        if self.pending and self.attached:
            self._remarks(self.table).end += self.pending
            self.pending = []
        self.attached = self.after_item = False

    def _comment(self, word: str) -> None:
        text = comment_text(word)
        own_line = self.line_has != "item"
        last = self.stack[-1].last if self.stack else self.here
        if own_line or last is None:
            if not self.pending:
                self.attached = self.after_item
            self.pending.append(text)
        else:
            self._trail(last, text)
        self.line_has = self.line_has or "comment"

    def _trail(self, path: Path, text: str) -> None:
        remarks = self._remarks(path)
        if remarks.line:
            remarks.before.append(text)
        else:
            remarks.line = text

    def _statement(self, kind: str, word: str, *, doubled: bool) -> None:
        match self.now:
            case _Now.KEY | _Now.HEADER if kind == "name":
                self._name(self.keys, word)
            case _Now.KEY if word == "=":
                self._visit((*self.table, *self.keys))
                self.now = _Now.VALUE
            case _Now.KEY if word == "[" and not self.keys:
                self.now, self.is_list_header = _Now.HEADER, doubled
            case _Now.HEADER if word == "]" and self.keys:
                self._header()
            case _Now.VALUE if word in ("[", "{"):
                self._open(self.here, word)
            case _:
                pass

    def _header(self) -> None:
        path: Path = ()
        for key in self.keys:
            path = (*path, self.lengths[path] - 1, key) if path in self.lengths else (*path, key)
        if self.is_list_header:
            self.lengths[path] = self.lengths.get(path, 0) + 1
            path = (*path, self.lengths[path] - 1)
        self.table, self.keys = path, []
        self._visit(path)

    def _nested(self, kind: str, word: str) -> None:
        top = self.stack[-1]
        if word in ("]", "}"):
            self._remarks(top.path).end += self.pending
            self.pending = []
            self.stack.pop()
        elif word == ",":
            top.index, top.started, top.keys = top.index + 1, False, []
        elif top.is_list:
            self._element(top, word)
        else:
            self._inline(top, kind, word)

    def _element(self, top: _Open, word: str) -> None:
        if not top.started:
            top.started, top.last = True, (*top.path, top.index)
            self._visit(top.last)
        if word in ("[", "{") and top.last is not None:
            self._open(top.last, word)

    def _inline(self, top: _Open, kind: str, word: str) -> None:
        if word == "=" and not top.started:
            top.started, top.last = True, (*top.path, *top.keys)
            self._visit(top.last)
        elif kind == "name" and not top.started:
            self._name(top.keys, word)
        elif word in ("[", "{") and top.last is not None:
            self._open(top.last, word)

    def _open(self, path: Path, word: str) -> None:
        if len(self.stack) > manifest_limits.NESTING:
            raise self._too_deep()
        self.stack.append(_Open(path, is_list=word == "["))

    def _name(self, keys: list[str], word: str) -> None:
        # Both this scan and the parser take quadratic time for a key of very many parts.
        if len(keys) >= manifest_limits.NESTING:
            raise self._too_deep()
        if not keys or self.last_word == ".":
            keys.append(key_text(word))

    def _visit(self, path: Path) -> None:
        if len(path) > manifest_limits.NESTING:
            raise self._too_deep()
        if not self.stack:
            self.here = path
        self.found.lines.setdefault(path, self.line)
        if len(self.found.lines) > manifest_limits.VALUES:
            limit = f"at most {manifest_limits.VALUES:,}"
            raise TooMuchError(self.line, "too_large", "has too many keys and list elements", limit)
        if self.pending:
            self._remarks(path).before += self.pending
            self.pending = []

    def _too_deep(self) -> TooMuchError:
        limit = f"at most {manifest_limits.NESTING} levels"
        return TooMuchError(self.line, "nesting", "is nested too deep", limit)

    def _remarks(self, path: Path) -> Remarks:
        return self.found.remarks.setdefault(path, Remarks())


def comment_text(word: str) -> str:
    """Take the words out of a comment: without its `#`, one space after it, and spaces at its end."""
    return word.removeprefix("#").removeprefix(" ").rstrip(" \t")


def key_text(word: str) -> str:
    """Read a key as TOML does, quoted or bare."""
    if word[0] == "'":
        return word[1:-1]
    if word[0] != '"':
        return word
    return _ESCAPE.sub(_unescape, word[1:-1]) if "\\" in word else word[1:-1]


def _unescape(match: re.Match[str]) -> str:
    if match[3]:
        return _ESCAPED.get(match[3], match[3])
    code = int(match[1] or match[2], 16)
    return chr(code) if code <= _LAST_CHARACTER else "\ufffd"
