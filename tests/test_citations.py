"""Every rule that code, tests or documents cite is written down: in the docstring of the package that keeps it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
HERE = Path(__file__).name
SUFFIXES = {".py", ".md", ".js", ".css", ".toml", ".yaml", ""}


class Citation(NamedTuple):
    """A rule, such as "wire 2" or "dispatch I6", and where it is cited."""

    rule: str
    where: str


KEEPERS = {
    "wire": r"[Tt]he protocol's rule (\d+)",
    "storage": r"[Rr]ule (\d+) of storage",
    "several": r"[Rr]ules? (\d+)(?: and \d+)? of the log",
    "dispatch": r"[Rr]ule (\d+) of dispatch|\b(I\d{1,2})\b",
}
"""Which package's docstring has the rules that are cited in these words."""


def texts() -> Iterator[tuple[str, str]]:
    """Yield each file that people write, by its path, except this one."""
    for top in ("README.md", "pyproject.toml", ".ci", "gridws", "tests", "scripts"):
        path = ROOT / top
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and file.suffix in SUFFIXES and file.name != HERE:
                yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


def docstring_of(package: str) -> str:
    tree = ast.parse((ROOT / "gridws" / package / "__init__.py").read_text(encoding="utf-8"))
    return ast.get_docstring(tree) or ""


def citations() -> list[Citation]:
    return [
        Citation(f"{package} {''.join(filter(None, found.groups()))}", path)
        for path, text in texts()
        for package, pattern in KEEPERS.items()
        for found in re.finditer(pattern, joined(text))
    ]


def joined(text: str) -> str:
    """Return a text in which no sentence is broken into lines, nor by the marks of a comment."""
    return re.sub(r"\s*\n\s*(?:# |// |\* )?", " ", text)


def rules() -> set[str]:
    return {
        f"{package} {number}"
        for package in KEEPERS
        for number in re.findall(r"^(?:\* )?(I?\d+)\b", docstring_of(package), re.MULTILINE)
    }


def test_rules_are_cited_and_found() -> None:
    assert {"wire 7", "storage 8"} <= rules()
    assert "wire 2" in {citation.rule for citation in citations()}


@pytest.mark.parametrize("rule", sorted({citation.rule for citation in citations()}))
def test_a_rule_that_is_cited_is_written_down(rule: str) -> None:
    cited_in = sorted({citation.where for citation in citations() if citation.rule == rule})
    package, _, number = rule.partition(" ")
    assert rule in rules(), f"{cited_in} cite {number}, which gridws/{package}/__init__.py does not have"


def rules_of_nobody(text: str) -> list[str]:
    """Return the numbers of rules that a text cites as its own and does not have."""
    own = re.sub("|".join(KEEPERS.values()), "", joined(text))
    return sorted(set(re.findall(r"\brules? (\d+)\b", own)) - set(re.findall(r"\bRule (\d+):", own)))


def test_a_rule_without_a_keeper_is_one_of_the_same_module() -> None:
    cited = {path: rules_of_nobody(text) for path, text in texts()}

    assert {path: numbers for path, numbers in cited.items() if numbers} == {}


def test_nobody_speaks_of_a_design_that_is_not_here() -> None:
    assert [path for path, text in texts() if re.search(r"\b[Tt]he design\b|DESIGN", text)] == []
