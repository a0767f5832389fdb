"""Optimisers for PyTorch's parameters on the engine, and on PyTorch's threads."""

from tidegate import engine as _engine
from tidegate.optim.adam import Adam as Adam
from tidegate.optim.clip import clip_grad_norm_ as clip_grad_norm_
from tidegate.optim.keras_adam import KerasAdam as KerasAdam

_engine.share_openmp()
