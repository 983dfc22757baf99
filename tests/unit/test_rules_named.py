"""Every numbered rule is shown by at least one test that names it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUITES = (ROOT / "tests", ROOT / "src/anysched/testing/store_suite")
RULES = {
    *(f"T{number}" for number in range(1, 14)),
    *(f"S{number}" for number in range(1, 10)),
    *(f"P{number}" for number in range(1, 12)),
    *(f"H{number}" for number in range(1, 7)),
    *(f"B{number}" for number in range(1, 4)),
    *(f"O{number}" for number in range(1, 7)),
    *(f"W{number}" for number in range(1, 6)),
    *(f"F{number}" for number in range(1, 5)),
    *(f"G{number}" for number in range(1, 4)),
    *(f"A{number}" for number in range(1, 3)),
    *(f"L{number}" for number in range(1, 5)),
    *(f"J{number}" for number in range(1, 7)),
    *(f"N{number}" for number in range(1, 10)),
}


def named_rules(text: str) -> set[str]:
    """Return the rules that a sentence names: "rule P6", "rules P3 and P10", "Rules L1 to L3", "(S5)"."""
    found = set(re.findall(r"\b([TSPHBOWFGALJN]\d{1,2})\b", text))
    for letter, first, last in re.findall(r"\b([TSPHBOWFGALJN])(\d{1,2}) to \1(\d{1,2})\b", text):
        found |= {f"{letter}{number}" for number in range(int(first), int(last) + 1)}
    return found


def test_every_rule_has_a_test_that_names_it() -> None:
    """The docstrings of the tests name all rules of docs/explanation/semantics.md that are in force."""
    named: set[str] = set()
    for suite in SUITES:
        for file in suite.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                is_test = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                if is_test and node.name.startswith("test_"):
                    named |= named_rules(ast.get_docstring(node) or "")
    assert set() == RULES - named


def test_the_rules_are_those_of_the_documentation() -> None:
    """The list above is the list of rules in docs/explanation/semantics.md."""
    text = (ROOT / "docs/explanation/semantics.md").read_text()
    assert RULES == set(re.findall(r"^[-*#\s]*\**([TSPHBOWFGALJN]\d{1,2})\b", text, re.MULTILINE))
