"""Recurrent layers by name, each with its state as an argument and a result.

Standard LSTM, GRU and simple recurrent layers are Keras' own, so that a GPU takes the
cuDNN path in training. The peephole LSTM (Gers and Schmidhuber, 2000) and the LSTM with
coupled input and forget gates (Greff et al., 2017, "CIFG") are cells of our own.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from forecaster.errors import ConfigError

STATES_PER_CELL = {"lstm": 2, "gru": 1, "rnn": 1, "peephole": 2, "coupled": 2}


@keras.saving.register_keras_serializable("forecaster")
class PeepholeCell(keras.layers.Layer):
    """One step of an LSTM whose gates see the cell state; coupled if asked.

    i  = sigmoid(W_i x + U_i h + p_i * c)
    f  = sigmoid(1 + W_f x + U_f h + p_f * c), or 1 - i when coupled
    c' = f * c + i * tanh(W_g x + U_g h)
    o  = sigmoid(W_o x + U_o h + p_o * c')
    h' = o * tanh(c')
    """

    def __init__(self, units: int, coupled: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.coupled = coupled
        self.state_size = [units, units]
        self.output_size = units
        self.gates = 3 if coupled else 4

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the weights: input, recurrent, bias and, unless coupled, peepholes."""
        width = self.gates * self.units
        self.kernel = self.add_weight(
            shape=(input_shape[-1], width), initializer="glorot_uniform", name="kernel"
        )
        self.recurrent = self.add_weight(
            shape=(self.units, width), initializer="orthogonal", name="recurrent"
        )
        self.bias = self.add_weight(shape=(width,), initializer="zeros", name="bias")
        self.peepholes = self.add_weight(
            shape=(3, self.units), initializer="zeros", name="peepholes"
        )

    def call(self, inputs: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """(x [B, F], [h, c]) → (h' [B, U], [h', c'])."""
        hidden, cell = states
        total = ops.matmul(inputs, self.kernel) + ops.matmul(hidden, self.recurrent)
        parts = ops.split(total + self.bias, self.gates, axis=-1)
        enter = ops.sigmoid(parts[0] + self.peepholes[0] * cell)
        keep = 1.0 - enter
        if not self.coupled:
            keep = ops.sigmoid(parts[3] + 1.0 + self.peepholes[1] * cell)
        cell = keep * cell + enter * ops.tanh(parts[1])
        hidden = ops.sigmoid(parts[2] + self.peepholes[2] * cell) * ops.tanh(cell)
        return hidden, [hidden, cell]

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        return {**super().get_config(), "units": self.units, "coupled": self.coupled}


def outputs_and_states(
    layer: Any, inputs: Any, states: list[Any], *, training: bool
) -> tuple[Any, list[Any]]:
    """A layer's outputs [B, T, U] for inputs [B, T, F] from given states, and its last states.

    Where T is known to be 1 its cell does the step: a loop around it costs more than it.
    """
    if inputs.shape[1] == 1:
        output, news = layer.cell(inputs[:, 0], states)
        return output[:, None], news
    outputs, *news = layer(inputs, initial_state=states, training=training)
    return outputs, news


def recurrent_layer(
    cell: str, units: int, *, cudnn: bool, name: str
) -> keras.layers.Layer:
    """A layer that maps ([B, T, F], initial states) to ([B, T, U], final states…).

    Args:
        cell: one of `STATES_PER_CELL`.
        units: width of its output.
        cudnn: let a GPU take the cuDNN path (training); never for export, because
            the choice is baked into the graph (keras#18504).
        name: name of the layer.

    Raises:
        ConfigError: for an unknown cell.
    """
    options: dict[str, Any] = {
        "return_sequences": True,
        "return_state": True,
        "name": name,
    }
    makers: dict[str, Callable[[], keras.layers.Layer]] = {
        "lstm": lambda: keras.layers.LSTM(
            units, use_cudnn="auto" if cudnn else False, **options
        ),
        "gru": lambda: keras.layers.GRU(
            units, use_cudnn="auto" if cudnn else False, **options
        ),
        "rnn": lambda: keras.layers.SimpleRNN(units, **options),
        "peephole": lambda: keras.layers.RNN(PeepholeCell(units), **options),
        "coupled": lambda: keras.layers.RNN(
            PeepholeCell(units, coupled=True), **options
        ),
    }
    if cell not in makers:
        raise ConfigError(f"cell: expected one of {', '.join(makers)}; got {cell!r}.")
    return makers[cell]()
