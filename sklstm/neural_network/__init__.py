"""Networks as scikit-learn regressors, and the module of the LSTM."""

from ._lstm_module import LSTMModule
from ._lstm_regressor import LSTMRegressor
from ._window_mlp_regressor import WindowMLPRegressor

__all__ = ["LSTMModule", "LSTMRegressor", "WindowMLPRegressor"]
