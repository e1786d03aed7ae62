"""The code in README and in the docs runs as printed."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def pages_with(language):
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    names = [str(page.relative_to(ROOT)) for page in pages]
    return [name for name in names if blocks(name, language)]


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_blocks_run(page, tmp_path, monkeypatch):
    """They show how, so one epoch is enough to see that they work."""
    code = "\n".join(blocks(page, "python"))
    for package in ("optuna", "skops"):
        if f"import {package}" in code:
            # Of an extra, which the run with the oldest versions leaves out.
            pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    exec(re.sub(r"max_epochs=\d+", "max_epochs=1", code), {})


@pytest.mark.parametrize("page", pages_with("pycon"))
def test_console_blocks_print_what_they_say(page):
    session = "\n".join(blocks(page, "pycon"))
    test = doctest.DocTestParser().get_doctest(session, {}, page, page, 0)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    report = []
    runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


def test_readme_has_a_command_to_run_and_one_to_test():
    commands = blocks("README.md", "sh")
    assert [command.split()[-1] for command in commands] == [
        "examples/quickstart.py",
        "pytest",
    ]


def test_links_of_readme_and_docs_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            assert "://" in link or (page.parent / link).exists(), (page, link)
