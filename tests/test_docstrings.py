"""Docstrings are complete, in order, and true to the signatures."""

import ast
import importlib
import inspect
import re

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate
from torch import nn

import sklstm

SUBPACKAGES = [
    "datasets",
    "ensemble",
    "forecasting",
    "continual",
    "inspection",
    "metrics",
    "model_selection",
    "neural_network",
    "preprocessing",
]
IGNORED = {
    "ES01": "a summary that says it all needs no second paragraph",
    "EX01": "examples stand on classes and functions, not on every method",
    "GL01": "the summary starts on the line of the quotes, as in scikit-learn",
    "GL02": "the closing quotes of a one-line docstring stand on its line",
    "GL03": "a blank line may close a docstring",
    "RT02": "a returned value has a name, as in scikit-learn",
    "RT03": "a type such as `self` says it all",
    "SA01": "see-also sections stand where there is something to see",
    "SA04": "a see-also entry may be a bare name",
}
# scikit-learn writes these methods into subclasses, with its own docstrings.
INHERITED = {
    "fit_transform",
    "get_metadata_routing",
    "get_params",
    "score",
    "set_output",
    "set_params",
}


def public_objects():
    yield "sklstm.PanelWindows", sklstm.PanelWindows
    yield "sklstm.LSTMForecaster", sklstm.LSTMForecaster
    for subpackage in SUBPACKAGES:
        module = importlib.import_module(f"sklstm.{subpackage}")
        for name in module.__all__:
            yield f"sklstm.{subpackage}.{name}", getattr(module, name)


def public_methods(path, cls):
    for name, member in vars(cls).items():
        is_method = inspect.isfunction(member) or isinstance(member, classmethod)
        if name.startswith("_") or name in INHERITED or not is_method:
            continue
        if not re.fullmatch(r"set_\w+_request", name):
            yield f"{path}.{name}", getattr(cls, name)


def all_documented():
    for path, thing in public_objects():
        yield path, thing
        # A network's methods are its own: they say their shapes, in a line.
        if inspect.isclass(thing) and not issubclass(thing, nn.Module):
            yield from public_methods(path, thing)


OBJECTS = dict(public_objects())
DOCUMENTED = dict(all_documented())


@pytest.mark.parametrize("path", DOCUMENTED)
def test_docstring_is_valid(path):
    errors = [error for error in validate(path)["errors"] if error[0] not in IGNORED]
    assert not errors


@pytest.mark.parametrize("path", OBJECTS)
def test_classes_and_functions_have_an_example(path):
    assert ">>>" in inspect.getdoc(OBJECTS[path])


@pytest.mark.parametrize("path", DOCUMENTED)
def test_parameters_are_documented_in_signature_order(path):
    documented = [name for name, _ in documented_parameters(DOCUMENTED[path])]
    assert documented == list(signature_parameters(DOCUMENTED[path]))


@pytest.mark.parametrize("path", DOCUMENTED)
def test_documented_default_is_the_default(path):
    parameters = signature_parameters(DOCUMENTED[path])
    for name, kind in documented_parameters(DOCUMENTED[path]):
        if kind.lower() == "ignored":
            continue
        default = parameters[name].default
        found = re.search(r"default=(.+)$", kind)
        if default is inspect.Parameter.empty:
            assert not found, f"{name} has no default"
        else:
            assert found, f"the default of {name} is not documented"
            assert same_value(found.group(1), default), f"{name}: {kind!r}"


def signature_parameters(thing):
    parameters = inspect.signature(thing).parameters
    return {name: p for name, p in parameters.items() if name != "self"}


def documented_parameters(thing):
    """The names and types under Parameters, one entry for each name."""
    doc = NumpyDocString(inspect.getdoc(thing) or "")
    return [
        (name.strip(), entry.type)
        for entry in doc["Parameters"]
        for name in entry.name.split(",")
    ]


def same_value(text, value):
    if inspect.isclass(value) or inspect.isfunction(value):
        return text == value.__name__
    return ast.literal_eval(text) == value
