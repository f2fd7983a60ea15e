"""The one way a manifest is written: equal configurations give identical TOML, comments included."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from appliance.core.errors import TooLarge
from appliance.core.limits import MANIFEST_BYTES
from appliance.core.manifest.names import segment
from appliance.core.manifest.sparse import Commented, Names, is_table_list, sparse_tree
from appliance.core.manifest.toml_text import block_text, key_text, value_text
from appliance.core.pipeline import Comment, Manifest, Value

# A list that would be wider than this gets one line an element.
_WIDTH = 100


def render(manifest: Manifest) -> str:
    """Write canonical TOML. Raises TooLarge, which cannot happen for a manifest that was loaded."""
    page = _Page({comment.at: comment for comment in manifest.comments}, Commented.of(manifest.comments))
    page.table((), "", sparse_tree(manifest))
    return "\n".join(page.lines) + "\n" if page.lines else ""


def digest(manifest: Manifest) -> str:
    """Return the SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(render(manifest).encode()).hexdigest()


@dataclass(slots=True)
class _Page:
    """The lines so far."""

    comments: Mapping[Names, Comment]
    commented: Commented
    lines: list[str] = field(default_factory=list)
    size: int = 0

    def table(self, path: Names, name: str, tree: Mapping[str, Value]) -> None:
        inner: list[tuple[str, Value]] = []
        for key, value in sorted(tree.items()):
            if isinstance(value, Mapping) or is_table_list(value):
                inner.append((key, value))
            else:
                self._value((*path, key), value)
        self._write(*_marked(self._comment(path).end))
        for key, value in inner:
            self._section((*path, key), f"{name}.{key_text(key)}" if name else key_text(key), value)

    def _section(self, path: Names, name: str, value: Value) -> None:
        if isinstance(value, Mapping):
            self._header(path, f"[{name}]")
            self.table(path, name, value)
            return
        for index, entry in enumerate(value if isinstance(value, Sequence) else ()):
            if isinstance(entry, Mapping):
                place = (*path, segment(path, index, entry))
                self._header(place, f"[[{name}]]")
                self.table(place, name, entry)

    def _header(self, path: Names, header: str) -> None:
        comment = self._comment(path)
        blank = ("",) if self.lines else ()
        self._write(*blank, *_marked(comment.before), _trailed(header, comment))

    def _value(self, path: Names, value: Value) -> None:
        comment = self._comment(path)
        text = block_text(value) if isinstance(value, str) else self._text(path, value, "")
        self._write(*_marked(comment.before), _trailed(f"{key_text(path[-1])} = {text}", comment))

    def _text(self, path: Names, value: Value, margin: str) -> str:
        line = value_text(value)
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        if not is_list or (path not in self.commented.around and len(line) <= _WIDTH):
            return line
        end = _marked(self._comment(path).end, f"{margin}  ")
        return "\n".join(("[", *self._elements(path, value, f"{margin}  "), *end, f"{margin}]"))

    def _elements(self, path: Names, value: Value, margin: str) -> Iterable[str]:
        for index, entry in enumerate(value if isinstance(value, Sequence) else ()):
            place = (*path, segment(path, index, entry))
            comment = self._comment(place)
            yield from _marked(comment.before, margin)
            yield _trailed(f"{margin}{self._text(place, entry, margin)},", comment)

    def _comment(self, path: Names) -> Comment:
        return self.comments.get(path) or Comment(path)

    def _write(self, *lines: str) -> None:
        # Headers repeat the names above them, so a small file can ask for a very large page.
        self.size += sum(len(line.encode()) + 1 for line in lines)
        if self.size > MANIFEST_BYTES:
            raise TooLarge(f"the canonical form has more than {MANIFEST_BYTES >> 20} MiB")
        self.lines += lines


def _marked(texts: Iterable[str], margin: str = "") -> tuple[str, ...]:
    return tuple(f"{margin}# {text}" if text else f"{margin}#" for text in texts)


def _trailed(text: str, comment: Comment) -> str:
    return f"{text} # {comment.line}" if comment.line else text
