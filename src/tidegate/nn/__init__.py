"""Recurrent layers for PyTorch: ``torch.nn``'s by their arguments and results, on the engine."""

from tidegate.nn._path import Explanation as Explanation
from tidegate.nn._path import strict as strict
from tidegate.nn.cells import GRUCell as GRUCell
from tidegate.nn.cells import LSTMCell as LSTMCell
from tidegate.nn.cells import RNNCell as RNNCell
from tidegate.nn.layers import GRU as GRU
from tidegate.nn.layers import LSTM as LSTM
from tidegate.nn.layers import RNN as RNN
from tidegate.nn.pooling import AttentionPooling as AttentionPooling
from tidegate.nn.pooling import pool as pool
from tidegate.nn.text import TextEncoder as TextEncoder
from tidegate.nn.text import over_table as over_table
