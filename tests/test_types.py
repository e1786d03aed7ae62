"""Every public signature has types; mypy checks them, and a user's script, in CI."""

import importlib
import inspect

import pytest

import sklstm

SUBPACKAGES = sorted(sklstm._submodules)
# scikit-learn writes or inherits these methods.
INHERITED = {"fit_transform", "get_metadata_routing", "score", "set_output"}


def public_callables():
    objects = [sklstm.PanelWindows, sklstm.LSTMForecaster]
    for subpackage in SUBPACKAGES:
        module = importlib.import_module(f"sklstm.{subpackage}")
        objects += [getattr(module, name) for name in module.__all__]
    for one in objects:
        if inspect.isfunction(one):
            yield one.__qualname__, one
            continue
        for name, member in vars(one).items():
            function = getattr(member, "__func__", getattr(member, "fget", member))
            # `available_if` keeps the function that it wraps.
            function = getattr(function, "fn", function)
            is_public = name == "__init__" or not name.startswith("_")
            own = not name.startswith("set_") or name == "set_params"
            if is_public and own and name not in INHERITED:
                if inspect.isfunction(function):
                    yield f"{one.__qualname__}.{name}", function


@pytest.mark.parametrize(("name", "function"), sorted(public_callables()))
def test_every_public_signature_has_types(name, function):
    signature = inspect.signature(function)
    bare = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.name not in ("self", "cls")
        and parameter.annotation is parameter.empty
    ]
    assert not bare, f"{name} has no types for {bare}"
    assert signature.return_annotation is not signature.empty, name


def test_the_package_says_that_it_is_typed():
    from importlib.resources import files

    assert files("sklstm").joinpath("py.typed").is_file()
