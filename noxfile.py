"""The parts of .ci/run one by one, and benchmarks: nox -s tests, oldest, docs, ..."""

from pathlib import Path

import nox

nox.options.sessions = ["tests", "style", "types", "docs"]
CONSTRAINTS = ("-c", "constraints.txt")


@nox.session
def tests(session):
    """Run the tests with the pinned versions."""
    session.install(*CONSTRAINTS, "-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def newest(session):
    """Run the tests with the newest versions there are."""
    session.install("--upgrade", "-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session(venv_backend="none")
def oldest(session):
    """Run the tests with the oldest versions that pyproject.toml promises."""
    session.run(".ci/oldest", *session.posargs, external=True)


@nox.session
def style(session):
    """Check the style."""
    session.install(*CONSTRAINTS, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session):
    """Check the types of the public surface and of a user's script."""
    session.install(*CONSTRAINTS, "-e", ".[dev]")
    session.run("mypy")


@nox.session
def coverage(session):
    """Measure how many lines the tests run."""
    session.install(*CONSTRAINTS, "-e", ".[test]", "pytest-cov")
    session.run("pytest", "--cov=sklstm", "--cov-report=term", *session.posargs)


@nox.session
def docs(session):
    """Build the docs; a warning is an error."""
    session.install(*CONSTRAINTS, "-e", ".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", "docs/_build")


@nox.session
def examples(session):
    """Run the examples that the docs do not run."""
    session.install(*CONSTRAINTS, "-e", ".[examples]")
    for path in sorted(Path("examples").glob("*.py")):
        if not path.name.startswith("plot_"):
            session.run("python", str(path))


@nox.session
def benchmarks(session):
    """Run a benchmark: nox -s benchmarks -- accuracy.py --help."""
    session.install("-e", ".[benchmarks]")
    name, *arguments = session.posargs or ["speed.py", "--help"]
    session.run("python", f"examples/benchmarks/{name}", *arguments)
