"""A file fits a sitting and a function fits a glance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, package_files, project_files, tree_of

MAX_FILE = 300
MAX_FUNCTION = 25

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(path: Path) -> Iterator[_Function]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _length(function: _Function, lines: list[str]) -> int:
    """Lines from `def` to the end that are neither blank nor the docstring."""
    inside = set(range(function.lineno, (function.end_lineno or function.lineno) + 1))
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        inside -= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return sum(1 for number in inside if lines[number - 1].strip())


@pytest.mark.parametrize("suffix", [".py", ".c", ".h", ".sql", ".wit"])
def test_a_file_stays_under_300_lines(suffix: str) -> None:
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in project_files(suffix)}

    assert {path: length for path, length in lengths.items() if length >= MAX_FILE} == {}


def test_a_function_stays_under_25_lines() -> None:
    long = {
        f"{path}:{function.lineno} {function.name}": length
        for path in package_files(".py")
        for lines in [(ROOT / path).read_text().splitlines()]
        for function in _functions(path)
        if (length := _length(function, lines)) >= MAX_FUNCTION
    }

    assert long == {}


def test_every_module_opens_with_what_it_is_for() -> None:
    silent = [
        str(path)
        for path in project_files(".py")
        if (tree := tree_of(path)).body and not (ast.get_docstring(tree) or "").strip()
    ]

    assert silent == []
