"""Recurrent layers: a state that is carried from each time step to the next."""

from liuli.layers.recurrent import cells, gru, loop, lstm, simple_rnn, step
from liuli.layers.recurrent.cells import *
from liuli.layers.recurrent.gru import *
from liuli.layers.recurrent.loop import *
from liuli.layers.recurrent.lstm import *
from liuli.layers.recurrent.simple_rnn import *
from liuli.layers.recurrent.step import *

__all__: list[str] = []
__all__ += cells.__all__
__all__ += gru.__all__
__all__ += loop.__all__
__all__ += lstm.__all__
__all__ += simple_rnn.__all__
__all__ += step.__all__
