"""The page of promises names tests; each of them must be there."""

import ast
import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
PAGE = HOUSE / "docs" / "reliability.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def named_tests() -> list[tuple[str, str]]:
    return NAMED.findall(PAGE.read_text(encoding="utf-8"))


def test_the_page_names_a_test_for_every_promise() -> None:
    section = PAGE.read_text(encoding="utf-8").split("## Promises")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not re.match(r"\| (promise|---)", row)]
    assert len(promises) >= 25
    assert [row for row in promises if not NAMED.search(row)] == []


@pytest.mark.parametrize(("path", "name"), named_tests())
def test_a_named_test_exists(path: str, name: str) -> None:
    tree = ast.parse((HOUSE / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in [node.name for node in ast.walk(tree) if isinstance(node, functions)]
