"""The LSTM: a scikit-learn regressor and the torch module that it trains."""

from ._lstm_module import LSTMModule
from ._lstm_regressor import LSTMRegressor

__all__ = ["LSTMModule", "LSTMRegressor"]
