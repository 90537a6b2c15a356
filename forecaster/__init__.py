"""Train stacked LSTM forecasters and carry the state of every series."""

__version__ = "0.1.0"
