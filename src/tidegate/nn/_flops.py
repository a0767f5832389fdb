"""What ``torch.utils.flop_counter`` counts for a call: the products of its equations.

As for ``torch.nn``'s layers, of which it sees the products alone: two operations a weight and
position forward, and as many for every gradient that is wanted. Positions past a row's end count,
for shapes alone are known, and every occurrence of a token, though distinct ones are computed once.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import register_flop_formula

from tidegate.nn import _operators  # noqa: F401  # which makes what is registered here

Size = Sequence[int]


def _products(values: Size, ids: Size | None, weights: Sequence[Size | None]) -> tuple[int, int]:
    """Operations of the input's product and of the states', over all positions and directions."""
    positions = prod(values[:-1] if ids is None else ids)
    num_directions = 1 if weights[4] is None else 2
    (gates, input_size), (_, H) = (tuple(size) for size in weights[:2] if size is not None)
    each = 2 * positions * gates * num_directions
    return each * input_size, each * H


@register_flop_formula(torch.ops.tidegate.layer)
def _forward(
    cell: str, values: Size, ids: Size | None, h_0: Any, c_0: Any, *rest: Any, **_: Any
) -> int:
    return sum(_products(values, ids, rest[:8]))


@register_flop_formula(torch.ops.tidegate.layer_backward)
def _backward(
    cell: str, values: Size, ids: Size | None, h_0: Any, c_0: Any, *rest: Any, **_: Any
) -> int:
    input_product, state_product = _products(values, ids, rest[:8])
    of_values, _h_0, _c_0, of_weight_ih, of_weight_hh, *_others = rest[-1]
    of_input: int = of_values + of_weight_ih
    of_states: int = 1 + of_weight_hh  # carried back step by step in any case
    return of_input * input_product + of_states * state_product
