"""Reading the pages of the documentation: their fenced blocks, and what each of them is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import attrs
from tests.examples.running import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

PROGRAM = re.compile(r"^(anyio|asyncio|trio)\.run\(|^with Scheduler\(|^scheduler = Scheduler\(", re.MULTILINE)
FILE_NAME = re.compile(r"# ([\w/.]+\.py)\n")


@attrs.frozen
class Block:
    """One block of code.

    :ivar output: what it prints, or is answered, if the page says so
    """

    line: int
    info: str
    code: str
    output: str | None = None

    @property
    def file(self) -> str | None:
        """The name of the file that the block is, if its first line gives one."""
        named = FILE_NAME.match(self.code) if self.is_python else None
        return None if named is None else named[1]

    @property
    def is_python(self) -> bool:
        """Whether it is Python that is run."""
        return self.info == "python"

    @property
    def is_program(self) -> bool:
        """Whether it is run in a process of its own."""
        return self.is_python and self.file is None and PROGRAM.search(self.code) is not None

    @property
    def is_test(self) -> bool:
        """Whether it is given to pytest."""
        return self.is_python and self.file is None and "def test_" in self.code

    @property
    def is_fragment(self) -> bool:
        """Whether it runs inside the block of a scheduler that the page does not show."""
        return self.is_python and self.file is None and not self.is_program and not self.is_test

    @property
    def is_served(self) -> bool:
        """Whether it is the command that starts a server."""
        return self.info == "sh serve"

    @property
    def requests(self) -> list[str]:
        """The requests that it sends: its lines that begin with curl, with continued lines joined."""
        joined = self.code.replace("\\\n", " ") if self.info == "sh" else ""
        return [line for line in joined.splitlines() if line.startswith("curl ")]


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, each with the output that follows it."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(text.count("\n", 0, match.start()) + 2, match[1], match[2])
        for match in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]
    for block, following in zip_longest(found, found[1:]):
        says = following is not None and following.info in ("text", "json")
        yield attrs.evolve(block, output=following.code if says and following else None)


def write_files(page: Path, folder: Path) -> None:
    """Write the files that a page shows."""
    for block in blocks_of(page):
        if block.file is not None:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code, encoding="utf-8")


def check_output(page: Path, block: Block, printed: str) -> None:
    """Compare what a block printed with what the page says; ``...`` there stands for anything."""
    if block.output is not None:
        pattern = ".*".join(map(re.escape, block.output.split("...")))
        assert re.fullmatch(pattern, printed, re.DOTALL), f"{page.name}:{block.line} printed:\n{printed}"
