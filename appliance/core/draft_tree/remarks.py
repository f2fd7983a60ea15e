"""Comments in a draft: the lines above a pipeline as a text, every other one in a register under its place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

# What the TOML form cannot say in one line of a comment.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_PLACE = re.compile(r'\[(?:"(?:[^"\\]|\\.)*+"(?:,"(?:[^"\\]|\\.)*+")*+)?\]', re.DOTALL)
_PARTS = ("before", "line", "end")


def place_text(place: Sequence[str]) -> str:
    """The key of a comment: the JSON text of its place, as `JSON.stringify` writes it."""
    return json.dumps(list(place), ensure_ascii=False, separators=(",", ":"))


def place_of(key: str) -> tuple[str, ...] | None:
    """None unless the key is exactly what `place_text` writes."""
    if not _PLACE.fullmatch(key):
        return None
    try:
        place = tuple(json.loads(key))
    except ValueError:
        return None
    return place if place_text(place) == key else None


def notes_text(lines: Sequence[str]) -> str:
    """The lines as one text. A newline more stands behind an empty last line, or it would not be told from none."""
    text = "\n".join(lines)
    return f"{text}\n" if lines and not lines[-1] else text


def notes_lines(text: str) -> list[str]:
    """The lines of a text that people typed, without spaces at their ends."""
    if not text:
        return []
    lines = [line.rstrip(" \t") for line in _NEWLINE.split(text)]
    return lines if lines[-1] else lines[:-1]


def is_sayable(text: str) -> bool:
    """Can this be one line of a comment?"""
    return not _CONTROL.search(text)


def comment_parts(node: object) -> dict[str, object] | None:
    """What a comment's register says, without parts that are null. None if it is no comment."""
    if not isinstance(node, Mapping) or set(node) - set(_PARTS):
        return None
    said = {part: node[part] for part in _PARTS if node.get(part) is not None}
    texts = [said.get("before", []), [said.get("line", "")], said.get("end", [])]
    if not all(isinstance(lines, list) and all(isinstance(line, str) for line in lines) for lines in texts):
        return None
    if not all(is_sayable(line) for lines in texts if isinstance(lines, list) for line in lines):
        return None
    return said
