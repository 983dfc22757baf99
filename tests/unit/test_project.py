"""What the project promises about itself."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def functions_without_docstring(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.startswith("test_")
            and not ast.get_docstring(node)
        ):
            yield node.name


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("src/anysched/testing/**/*.py")]),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_every_test_says_its_rule(path: Path) -> None:
    """Each test's docstring is the sentence that it shows to be true."""
    assert [] == list(functions_without_docstring(path.read_text(encoding="utf-8")))


def test_core_dependencies() -> None:
    """The core depends on anyio, attrs, sniffio, tzlocal, and time zone data where there is none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]}
    assert {"anyio", "attrs", "sniffio", "tzlocal", "tzdata"} == names
    assert 'tzdata; platform_system == "Windows"' in project["dependencies"]
