"""A trained net leaves Python: ONNX models and files of weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import LSTMForecaster, LSTMRegressor
from sklstm.datasets import make_panel


def windows_of(forecaster):
    """The fitted regressor and the windows that it was trained on."""
    seen = {}

    class Spy(LSTMRegressor):
        def fit(self, X, y, sample_weight=None):
            seen["X"] = X
            return super().fit(X, y, sample_weight)

    pipeline = forecaster.to_pipeline()
    params = pipeline.estimator[-1].get_params(deep=False)
    pipeline.estimator.steps[-1] = ("lstm", Spy(**params))
    pipeline.fit(*forecaster.data)
    return pipeline.estimator_[-1], seen["X"]


def run_onnx(model, X, path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model.to_onnx(path, X[:3])
    session = onnxruntime.InferenceSession(path)
    inputs = model.net_inputs(X)
    assert {i.name for i in session.get_inputs()} == set(inputs)
    return session.run(None, inputs)[0]


@pytest.mark.filterwarnings("ignore")  # torch's exporter warns of its own insides
@pytest.mark.parametrize(
    "params",
    [
        {"dtype": "float64"},
        {"bidirectional": True, "num_layers": 2},
        {"loss": "quantile", "head_hidden_size": 3},
    ],
    ids=str,
)
def test_an_onnx_model_predicts_as_the_regressor(params, tmp_path):
    rng = np.random.default_rng(0)
    params = dict(params)
    X = rng.normal(size=(20, 6, 2)).astype(params.pop("dtype", "float32"))
    y = 1000 + 50 * X[:, -2:, 0]
    model = LSTMRegressor(hidden_size=4, max_epochs=2, random_state=0, **params)
    model.fit(X, y)
    got = run_onnx(model, X, tmp_path / "net.onnx")
    quantiles = model.loss == "quantile"
    expected = model.predict_quantiles(X) if quantiles else model.predict(X)
    assert got.shape == expected.shape
    assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("with_inputs", [False, True])
def test_an_onnx_model_has_the_skip_the_ids_and_what_is_known(with_inputs, tmp_path):
    panel = make_panel(60, 30, n_covariates=1, random_state=0)
    forecaster = LSTMForecaster(
        3,
        7,
        window_size=10,
        hidden_size=4,
        embedding_dim=2 if with_inputs else 0,
        known_covariates=["x0"] if with_inputs else None,
        max_epochs=1,
        n_estimators=1,
        random_state=0,
    )
    columns = [c for c in panel if c != "target"] if with_inputs else []
    X = panel[columns].set_axis(["x0"][: len(columns)], axis=1)
    forecaster.data = X, panel["target"]
    model, windows = windows_of(forecaster)
    # Short windows, of the first rows, are there too.
    got = run_onnx(model, windows[:200], tmp_path / "net.onnx")
    assert_allclose(got, model.predict(windows[:200]), rtol=1e-4, atol=1e-4)


def test_to_onnx_refuses_a_single_window(tmp_path):
    X = np.zeros((4, 3, 1), dtype="float32")
    model = LSTMRegressor(hidden_size=2, max_epochs=1).fit(X, np.arange(4.0))
    with pytest.raises(ValueError, match="at least two windows, got 1"):
        model.to_onnx(tmp_path / "net.onnx", X[:1])
    assert not list(tmp_path.iterdir())


def test_weights_in_a_safetensors_file_come_back(tmp_path):
    pytest.importorskip("safetensors")
    X = np.random.default_rng(0).normal(size=(20, 4, 1)).astype("float32")
    model = LSTMRegressor(hidden_size=2, max_epochs=2, random_state=0)
    expected = model.fit(X, X[:, -1, 0]).predict(X)
    path = str(tmp_path / "weights.safetensors")
    model.net_.save_params(f_params=path, use_safetensors=True)
    other = LSTMRegressor(hidden_size=2, max_epochs=1, random_state=1)
    other.fit(X, X[:, -1, 0])
    assert not np.array_equal(other.predict(X), expected)
    other.net_.load_params(f_params=path, use_safetensors=True)
    assert_array_equal(other.predict(X), expected)
