"""Optimisers for PyTorch's parameters on the engine: no OpenMP thread wakes up for them."""

from tidegate.optim.adam import Adam as Adam
from tidegate.optim.clip import clip_grad_norm_ as clip_grad_norm_
