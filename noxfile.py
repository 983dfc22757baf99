"""Every command that a person needs: `nox -s <name>`; `nox -l` lists them."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "layers", "typing", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
FULL = ".[cbor,demo,pydantic,trio]"


def group(name: str) -> tuple[str, ...]:
    """The requirements of a dependency group of pyproject.toml."""
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def demo(session: nox.Session) -> None:
    """The main job on real work, watched live; fails if a promise is not kept."""
    session.install(".[demo]")
    session.run("python", "examples/demo/main.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, on this interpreter, against the built package."""
    session.install(FULL, *group("tests"))
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS)
def tests_all(session: nox.Session) -> None:
    """All tests, on each supported interpreter that is found."""
    session.install(FULL, *group("tests"))
    session.run("pytest", *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """The examples alone, as the tests run them."""
    session.install(FULL, *group("tests"))
    session.run("pytest", "tests/examples", *session.posargs)


@nox.session(python=PYTHONS)
def core(session: nox.Session) -> None:
    """The package without any extra imports, on each supported interpreter that is found."""
    session.install(".")
    session.run("python", "-W", "error", "-c", "import anysched, anysched.testing")


@nox.session
def lint(session: nox.Session) -> None:
    """Style, likely bugs and formatting."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def layers(session: nox.Session) -> None:
    """The import contracts of pyproject.toml."""
    session.install(*group("lint"))
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": "src"})


@nox.session
def typing(session: nox.Session) -> None:
    """Two strict type checkers on the package and the typing tests; every public name has a known type."""
    session.install(FULL, *group("typing"))
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "anysched", "--ignoreexternal")
