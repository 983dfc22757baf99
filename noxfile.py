"""Every command that a person needs: `nox -s <name>`; `nox -l` lists them."""

from __future__ import annotations

import os

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"  # nox[uv] brings uv, which installs ten times as fast
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "layers", "typing", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
# Two processes more than there are processors, as tests wait more than they compute; tests of a module stay
# together, as they share servers.
WORKERS = min(4, (os.cpu_count() or 1) + 2)
PYTEST = ("pytest", "-n", str(WORKERS), "--dist", "loadscope")
# The next run, and each process that tests start, need not compile again what this one has.
CACHING = {"PYTHONDONTWRITEBYTECODE": ""}
PYTHONS = nox.project.python_versions(PROJECT)
FULL = ".[cbor,demo,django,fastapi,holidays,pydantic,redis,sun,trio]"
DRIVERS = ("psycopg[binary]>=3.2", "pymysql>=1.1")


def group(name: str) -> tuple[str, ...]:
    """The requirements of a dependency group of pyproject.toml."""
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def demo(session: nox.Session) -> None:
    """The main job on real work, watched live. It judges itself: this session is its test."""
    session.install(".[demo]")
    session.run("python", "examples/demo/main.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, on this interpreter, against the built package."""
    session.install(FULL, *group("tests"))
    session.run(*PYTEST, *session.posargs, env=CACHING)


@nox.session(python=PYTHONS)
def tests_all(session: nox.Session) -> None:
    """All tests, on each supported interpreter that is found."""
    session.install(FULL, *group("tests"))
    session.run(*PYTEST, *session.posargs, env=CACHING)


@nox.session
def examples(session: nox.Session) -> None:
    """The examples alone, as the tests run them."""
    session.install(FULL, *group("tests"))
    session.run(*PYTEST, "tests/examples", *session.posargs, env=CACHING)


@nox.session
def faults(session: nox.Session) -> None:
    """The fault tests in their long form, with figures: lost, doubled, early, late, time to take over."""
    session.install(FULL, *group("tests"))
    session.run("pytest", "tests/faults", *session.posargs, env={"ANYSCHED_FAULTS": "long"})


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
    session.install(FULL, *group("tests"), *group("typing"))
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "anysched", "--ignoreexternal")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Workloads against peers in one run, as ratios; see benchmarks/README.md. Fails only where nothing is measured."""
    session.install(FULL, *DRIVERS, *group("benchmarks"))
    session.run("python", "benchmarks/compare.py", *session.posargs)


@nox.session
def benchmarks_growth(session: nox.Session) -> None:
    """What things cost with a thousand to a million schedules; see benchmarks/README.md. Judges nothing."""
    session.install(FULL, *DRIVERS)
    session.run("python", "benchmarks/growth.py", *session.posargs)


@nox.session
def benchmarks_hosts(session: nox.Session) -> None:
    """What a blocking call costs, and many web workers on one file; see benchmarks/README.md. Judges nothing."""
    session.install(FULL, *group("web"))
    session.run("python", "benchmarks/facade.py")
    session.run("python", "benchmarks/servers.py", *session.posargs)


@nox.session
def benchmarks_nodes(session: nox.Session) -> None:
    """Databases, and several nodes on one; see benchmarks/README.md. Judges nothing."""
    session.install(FULL, *DRIVERS)
    session.run("python", "benchmarks/stores.py")
    session.run("python", "benchmarks/holds.py")
    for workload in ("spread", "pauses", "reaction"):
        session.run("python", "benchmarks/nodes.py", *session.posargs, workload)
