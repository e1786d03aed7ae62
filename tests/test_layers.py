"""Imports go down, floor by floor, and `import sklstm` loads nothing heavy."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sklstm

PACKAGE = Path(sklstm.__file__).parent
FLOORS = {
    "_panels": 0,
    "_windows": 1,
    "datasets": 2,
    "metrics": 2,
    "neural_network": 2,
    "ensemble": 2,
    "preprocessing": 2,
    "model_selection": 2,
    "forecasting": 3,
    "continual": 3,
    "inspection": 4,
    "_recipe_choices": 3,
    "_lstm_forecaster": 4,
    "__init__": 5,
}
# continual stands on forecasting.
BENEATH = {("continual", "forecasting")}
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def floor_of(module):
    """The floor of the room that holds a module."""
    return FLOORS[module.split(".")[0]]


def imports_of(path, *, inside_functions=True):
    """Every module that a file imports, those of this package as `.name`."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _import_nodes(tree, inside_functions):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif node.level == 0:
            found.add(node.module)
        else:
            found.update(_siblings(path, node))
    return found


def _import_nodes(node, inside_functions):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif _is_type_checking(child):
            continue
        elif inside_functions or not isinstance(child, ast.FunctionDef):
            yield from _import_nodes(child, inside_functions)


def _is_type_checking(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _siblings(path, node):
    """The files that a relative import reaches, each as a dotted name."""
    base = path.parents[node.level - 1]
    if node.module:
        return {_file_name(base.joinpath(*node.module.split(".")))}
    return {_file_name(base / alias.name) for alias in node.names}


def _file_name(target):
    if target.is_dir():
        target = target / "__init__"
    assert target.with_suffix(".py").exists(), f"{target} is imported, but not there"
    return "." + name_of(target.with_suffix(".py"))


def own_imports(path):
    return {name[1:] for name in imports_of(path) if name.startswith(".")}


def packages_of(path, **options):
    return {
        name.split(".")[0]
        for name in imports_of(path, **options)
        if not name.startswith(".")
    }


def test_every_file_has_a_floor():
    unknown = {name_of(path).split(".")[0] for path in FILES} - FLOORS.keys()
    assert not unknown


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_down_or_stay_in_the_subpackage(path):
    module = name_of(path)
    room = module.split(".")[0]
    for other in own_imports(path):
        at_home = "." in module and room == other.split(".")[0]
        below = floor_of(other) < floor_of(module)
        beneath = (room, other.split(".")[0]) in BENEATH
        assert below or at_home or beneath, f"{module} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_import_leaves_and_never_a_package(path):
    assert not [name for name in own_imports(path) if name.endswith("__init__")]


def test_no_import_cycle():
    graph = {name_of(path): own_imports(path) for path in FILES}
    while graph:
        free = [name for name, needs in graph.items() if not needs & graph.keys()]
        assert free, f"imported in a circle: {sorted(graph)}"
        for name in free:
            del graph[name]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_torch_and_skorch_stay_under_neural_network(path):
    if not name_of(path).startswith("neural_network."):
        assert not packages_of(path) & {"torch", "skorch"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_matplotlib_is_imported_inside_functions_of_inspection(path):
    assert "matplotlib" not in packages_of(path, inside_functions=False)
    if not name_of(path).startswith("inspection."):
        assert "matplotlib" not in packages_of(path)


# In one process, the lightest first: what a later import loads was not there before.
IMPORTS = [
    ("import sklstm", ["torch", "skorch", "matplotlib", "sklearn", "pandas"]),
    ("dir(sklstm)", ["torch", "skorch", "matplotlib", "sklearn"]),
    ("from sklstm import SlidingWindow", ["torch", "skorch", "matplotlib"]),
    ("from sklstm import PanelForecaster", ["torch", "skorch", "matplotlib"]),
    ("from sklstm import ContinualForecaster", ["torch", "skorch", "matplotlib"]),
    ("from sklstm import ForecastDisplay", ["torch", "skorch", "matplotlib"]),
    ("from sklstm import TransferMatrixDisplay", ["torch", "skorch", "matplotlib"]),
    ("from sklstm import LSTMForecaster", ["matplotlib"]),
]


def test_imports_leave_heavy_packages_unloaded():
    lines = ["import sys"]
    for statement, unloaded in IMPORTS:
        lines += [
            statement,
            f"print({statement!r}, set({unloaded}) & {{*sys.modules}})",
        ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [f"{statement} set()" for statement, _ in IMPORTS]
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize("name", sklstm.__all__)
def test_public_names_load(name):
    assert name in dir(sklstm)
    assert getattr(sklstm, name).__name__.endswith(name)


# Named tuples have these public methods.
TUPLE_METHODS = {"_replace", "_asdict", "_fields", "_make"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_private_attribute_of_another_class_is_touched(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # A class may touch private methods of its other instances.
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    foreign = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and node.attr not in TUPLE_METHODS | own
        and ast.unparse(node.value) not in {"self", "cls"}
    ]
    assert not foreign


@pytest.mark.parametrize("name", ["continual", "neural_network._stages"])
def test_nothing_else_imports_continual_learning(name):
    for path in FILES:
        module = name_of(path)
        if module == "__init__" or module.startswith(("continual", name)):
            continue
        users = [other for other in own_imports(path) if other.startswith(name)]
        assert not users or (name, module) == (
            "neural_network._stages",
            "neural_network._lstm_regressor",
        )


def test_the_package_works_without_continual_learning(tmp_path):
    """Its two folders can be removed."""
    wing = shutil.ignore_patterns("continual", "_stages", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "sklstm", ignore=wing)
    code = (
        "import sklstm; print(sklstm.__file__)\n"
        "from sklstm import LSTMForecaster, ForecastDisplay, ConformalForecaster\n"
        "from sklstm.datasets import make_panel\n"
        "y = make_panel(2, 20, n_covariates=0, random_state=0)['target']\n"
        "model = LSTMForecaster(2, hidden_size=2, max_epochs=1, n_estimators=1)\n"
        "print(model.fit(None, y).forecast().shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    home, shape = done.stdout.split(maxsplit=1)
    assert Path(home).is_relative_to(tmp_path)
    assert shape.strip() == "(4,)", done.stderr


def test_unknown_name_raises():
    with pytest.raises(AttributeError, match="no attribute 'LSTMClassifierr'"):
        sklstm.LSTMClassifierr  # noqa: B018 - the access is the test
