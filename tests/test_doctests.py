"""What the examples print is the same on every processor.

The last bits of a float follow the processor, its vector instructions and the BLAS
kernels made for it. So an example that prints numbers rounds them.
"""

import ast
import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    str(path.relative_to(ROOT))
    for path in [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "sklstm").rglob("*.py"),
    ]
)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def texts_with_examples(name, text):
    if name.endswith(".md"):
        return re.findall(r"^```pycon\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    nodes = ast.walk(ast.parse(text))
    docs = [ast.get_docstring(node) for node in nodes if isinstance(node, DOCUMENTED)]
    return filter(None, docs)


def depends_on_last_bits(example):
    """Whether a float is printed with all its digits, or more than six are expected."""
    digits = [len(number) - 1 for number in re.findall(r"\d+\.\d+", example.want)]
    return max(digits, default=0) > 6 or (
        has_a_float(example.want) and "round(" not in example.source
    )


def has_a_float(printed):
    """Whether Python's own repr, which knows no precision, printed a float."""
    try:
        value = ast.literal_eval(printed.replace("...", "").strip())
    except (SyntaxError, ValueError):
        return False
    parts = ast.walk(ast.parse(repr(value)))
    return any(isinstance(getattr(part, "value", None), float) for part in parts)


@pytest.mark.parametrize("name", FILES)
def test_no_example_depends_on_the_last_bits(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    parser = doctest.DocTestParser()
    for part in texts_with_examples(name, text):
        for example in parser.get_examples(part):
            assert not depends_on_last_bits(example), example.source


@pytest.mark.parametrize(
    ("source", "want", "depends"),
    [
        ("crps(y, q)", "0.32", True),
        ("crps(y, q)", "1.4...", True),
        ("y.tolist()", "[0.5, 1]", True),
        ("dict(error=error)", "{'error': (0.5, 1)}", True),
        ("frame.head(1)", "  price\n0  1.2345678", True),
        ("round(crps(y, q), 8)", "0.32123456", True),
        ("round(crps(y, q), 2)", "0.32", False),
        ("y.round(1).tolist()", "[0.5, 1.0]", False),
        ("frame.head(1)", "  price\n0  1.234", False),
        ("scorer", "make_scorer(quantiles=(0.1, 0.5))", False),
        ("X.shape", "(3, 2)", False),
        ("len(X)", "1234567890", False),
    ],
)
def test_examples_that_depend_on_the_last_bits_are_found(source, want, depends):
    assert depends_on_last_bits(doctest.Example(source, want)) == depends
