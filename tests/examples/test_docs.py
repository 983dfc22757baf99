"""README and docs: every snippet runs and prints what the page says, every link leads somewhere.

A block of Python that ends in a call such as ``anyio.run(main)``, or that makes a blocking ``Scheduler``, is a
program, and runs in a process of its own; those of one page share a folder. One that begins with the name of a
file is that file in this folder. One with ``def test_`` is given to pytest. All others are fragments: those of one
page run in turn inside ``async with AsyncScheduler() as scheduler:``, on a FakeClock. A block of ``text`` is what
the block before it prints, with ``...`` for anything. Commands that start servers: see test_hosts.py.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest
from tests.examples.pages import PAGES, Block, blocks_of, check_output, write_files
from tests.examples.running import ROOT, TIME_LIMIT, environment, run_program

import anysched
from anysched import AsyncScheduler, CronTrigger
from anysched.testing import FakeClock
from anysched.wire.registry import DEFAULT_REGISTRY

pytestmark = pytest.mark.anyio

PAGE_IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]
every_page = pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)

#: So few blocks of Python may be shown without being run (```python no-run).
MOST_NOT_RUN = 3


@pytest.fixture(scope="module")
def programs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Path, Future[None]]]:
    """The programs of all pages that are tested, those of some pages at the same time: most of them only wait."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    pages: list[Any] = [item.callspec.params["page"] for item in items if item.function is test_programs]
    with ThreadPoolExecutor(3) as threads:
        yield {page: threads.submit(run_programs, page, tmp_path_factory.mktemp(page.stem)) for page in pages}


@every_page
def test_programs(page: Path, programs: dict[Path, Future[None]]) -> None:
    """Each program ends well, also the one that serves until a signal comes."""
    programs[page].result()


def run_programs(page: Path, folder: Path) -> None:
    """Run the programs of a page, one after the other, and compare what they print."""
    write_files(page, folder)
    for block in blocks_of(page):
        path = folder / f"line_{block.line}.py"
        if block.is_program or block.is_test:
            path.write_text(block.code, encoding="utf-8")
        if block.is_program and "run_until_stopped" in block.code:
            printed = serve_and_interrupt(path)
        elif block.is_program:
            printed = run_program(path, folder=folder)
        elif block.is_test:
            printed = run_program("-m", "pytest", "-q", path, folder=folder)
        else:
            continue
        check_output(page, block, printed)


def serve_and_interrupt(path: Path) -> str:
    """Run a program until it has printed a line, then press Ctrl-C."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-u", path],
        cwd=path.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            rest, errors = process.communicate(timeout=TIME_LIMIT)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    assert errors == ""
    return first + rest


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that the fragments of a page make up. Types that they register are forgotten afterwards."""
    for name in ("_by_class", "_by_tag"):
        monkeypatch.setattr(DEFAULT_REGISTRY, name, dict(getattr(DEFAULT_REGISTRY, name)))
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.is_fragment for block in blocks_of(page))],
    ids=lambda p: p.stem,
)
async def test_fragments(page: Path, module: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Each fragment runs, on both event loops, and prints what the page says."""
    blocks = [block for block in blocks_of(page) if block.is_fragment]
    clock = FakeClock(datetime(2025, 6, 2, 12, tzinfo=UTC))
    async with AsyncScheduler(clock=clock, timezone="Europe/Helsinki") as scheduler:
        await scheduler.add_schedule(back_up, CronTrigger("0 * * * *"), id="backup")
        await clock.settle()
        vars(module).update(scheduler=scheduler, clock=clock, anyio=anyio, back_up=back_up)
        for block in blocks:
            capsys.readouterr()
            with anyio.fail_after(TIME_LIMIT):
                await run_fragment(page, block, vars(module))
            check_output(page, block, capsys.readouterr().out)


async def back_up() -> None:
    """The task that pages speak of without defining it."""


async def run_fragment(page: Path, block: Block, namespace: dict[str, Any]) -> None:
    """Run code that may await at its top."""
    code = compile(
        "\n" * (block.line - 1) + block.code,
        page.name,
        "exec",
        ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )
    result = eval(code, namespace)
    if inspect.isawaitable(result):
        await result


def test_few_blocks_are_not_run() -> None:
    """A block that is not run has to say so, and few may."""
    infos = [block.info for page in PAGES for block in blocks_of(page) if block.info.startswith("python")]

    assert {"python", "python no-run"} >= set(infos)
    assert MOST_NOT_RUN >= infos.count("python no-run")


@every_page
def test_links(page: Path) -> None:
    """Each link to a file of this project leads to one, and to a heading that it has."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if heading:
            assert heading in headings(file), f"{page.name} links to {target}"


def headings(page: Path) -> set[str]:
    """Return the anchors of the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_reference_is_complete() -> None:
    """Every public name is in the reference."""
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "reference").glob("*.md"))
    known = set(re.findall(r"\w+", text))
    names = {name for name in vars(anysched) if not name.startswith("_")} - set(vars(builtins))
    public = {name for name in names if not inspect.ismodule(getattr(anysched, name))}

    assert set() == public - known


def test_every_rule_is_explained() -> None:
    """The rules that the code names are all in the project's own statement of them."""
    stated = set(
        re.findall(
            r"\*\*([TSPHBOWFGALJN]\d+)\*\*", (ROOT / "docs/explanation/semantics.md").read_text("utf-8")
        )
    )
    named = {
        rule
        for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *PAGES]
        for mention in re.findall(
            r"[Rr]ules? ((?:[TSPHBOWFGALJN]\d+(?:, | and | to |-)?)+)", path.read_text("utf-8")
        )
        for rule in re.findall(r"[TSPHBOWFGALJN]\d+", mention)
    }

    assert set() == named - stated


def test_every_room_is_described() -> None:
    """The page on architecture has every room that the import contract has, and that exists."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    rooms = {room for floor in contracts[0]["layers"] for room in re.findall(r"\w+", floor)}
    built = {path.stem for path in (ROOT / "src" / "anysched").iterdir()}
    page = (ROOT / "docs/explanation/architecture.md").read_text("utf-8")

    assert rooms & built == {room for room in rooms if f"`{room}`" in page}


def test_commands() -> None:
    """The commands that the README gives are sessions of the noxfile."""
    sessions = set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text("utf-8"), re.MULTILINE))
    given = set(re.findall(r"nox -s (\w+)", (ROOT / "README.md").read_text("utf-8")))

    assert {"demo", "tests"} <= given <= sessions
