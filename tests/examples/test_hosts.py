"""The pages about web applications: what they show is served as they say, and answers as they say.

A block ``sh serve`` is a command that starts a server, in the folder that has the files of the page; it gets a free
port in place of 8000. The requests with curl after it are sent to it, and the block after them is what it answers.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.examples.pages import PAGES, Block, blocks_of, check_output, write_files
from tests.web.serving import Command, Server, gunicorn, hypercorn, program, serving, uvicorn

SERVED = [page for page in PAGES if any(block.is_served for block in blocks_of(page))]


def command_of(line: str) -> Command:
    """Return the command that a page shows, with a port of its own."""
    name, *args = shlex.split(line)
    match name, args:
        case "uvicorn", [app, *options]:
            return uvicorn(app, *options)
        case "hypercorn", ["-k", backend, *options, app]:
            return hypercorn(app, backend, *options)
        case "hypercorn", [*options, app]:
            return hypercorn(app, "asyncio", *options)
        case "gunicorn", [*options, app]:
            return gunicorn(app, *options)
        case "python", [path, *options]:
            return program(Path(path), *options)
    raise AssertionError(f"unknown server: {line}")


def send(server: Server, line: str) -> str:
    """Send a request as curl would, and return what is answered."""
    method, url, headers, body = "GET", "", {}, None
    words: Iterator[str] = iter(shlex.split(line)[1:])
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        else:
            url = word
    assert url.startswith("http://127.0.0.1:8000/"), line
    path = url.removeprefix("http://127.0.0.1:8000")
    return server.request(method, path, headers=headers, content=body).text


def answers(server: Server, block: Block) -> str:
    """Return what the requests of a block are answered, a line each."""
    return "".join(send(server, line).rstrip("\n") + "\n" for line in block.requests)


def sections(page: Path) -> Iterator[tuple[Block, list[Block]]]:
    """Yield the commands that start servers, each with the blocks up to the next."""
    found: list[tuple[Block, list[Block]]] = []
    for block in blocks_of(page):
        if block.is_served:
            found.append((block, []))
        elif found:
            found[-1][1].append(block)
    yield from found


@pytest.mark.parametrize("page", SERVED, ids=lambda page: page.stem)
def test_pages(page: Path, tmp_path: Path) -> None:
    """Each server that a page starts answers as the page says, and ends in time without complaint."""
    write_files(page, tmp_path)
    for served, blocks in sections(page):
        with serving(command_of(served.code.strip()), tmp_path, ready="/") as server:
            for block in blocks:
                if block.requests:
                    check_output(page, block, answers(server, block))
