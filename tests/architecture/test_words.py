"""One word for one thing: identifiers use the glossary's words and none of the synonyms it rules out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, package_files, tree_of

GLOSSARY = Path("docs/glossary.md")
EMPTY_WORDS = {"manager", "helper", "helpers", "util", "utils", "base", "impl", "misc", "common"}

_ROW = re.compile(r"^\| \*\*(?P<word>[^*]+)\*\* \|.*\| (?P<banned>[^|]*)\|$", re.MULTILINE)
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def _banned() -> dict[str, str]:
    """Each ruled-out word, with the word to use instead."""
    rows = _ROW.finditer((ROOT / GLOSSARY).read_text())
    return {word: row["word"] for row in rows for word in re.findall(r"`([a-z_]+)`", row["banned"])}


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every identifier that the file itself defines: what a library is called by is not ours to choose."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
            case _:
                pass


def _parts(name: str) -> list[str]:
    return [part.lower() for part in _PART.findall(name)]


def _says(name: str, word: str) -> bool:
    return f"_{word}_" in f"_{'_'.join(_parts(name))}_"


def test_no_identifier_is_a_synonym_of_a_glossary_word() -> None:
    banned = _banned()
    found = [
        f"{path}:{line} {name}: say {banned[word]!r}, not {word!r}"
        for path in package_files(".py")
        for line, name in [*_names(tree_of(path)), (1, path.stem)]
        for word in banned
        if _says(name, word)
    ]

    assert found == []


def test_no_class_or_module_has_a_name_that_says_nothing() -> None:
    names = [
        (f"{path}:{node.lineno}", node.name)
        for path in package_files(".py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    ]
    names += [(str(path), path.stem) for path in package_files(".py")]

    assert [f"{where} {name}" for where, name in names if EMPTY_WORDS & set(_parts(name))] == []


def test_the_glossary_rules_words_out() -> None:
    assert {"tenant", "workflow", "savepoint", "queued", "plugin"} <= set(_banned())


def test_a_word_is_explained_once() -> None:
    words = [row["word"] for row in _ROW.finditer((ROOT / GLOSSARY).read_text())]

    assert sorted(words) == sorted(set(words))
