"""ONNX Runtime in a worker: forward of one layer, over a sequence or one step at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

OPSET = 17


def start(name: str, num_threads: int) -> tuple[Any, dict[str, str]]:
    """The function that builds tasks, and versions."""

    def build(
        request: dict[str, Any], arrays: dict[str, Any]
    ) -> tuple[Callable[[], object], dict[str, Any]]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = num_threads, 1
        model = _model(request, arrays).SerializeToString()
        session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        feed = {"X": arrays["input"]}
        if request["kind"] == "step":
            return _steps(session, arrays["input"], names)
        Y, *states = session.run(names, feed)
        outputs = {"output": Y[:, 0], **dict(zip(("h_n", "c_n"), states, strict=False))}
        return lambda: session.run(names, feed), outputs

    return build, {"onnxruntime": onnxruntime.__version__}


def _steps(
    session: Any, input: Any, names: list[str]
) -> tuple[Callable[[], object], dict[str, Any]]:
    """One step a call, the state going in again as it came out."""
    initial = session.get_inputs()[1:]
    zeros = {value.name: np.zeros(value.shape, np.float32) for value in initial}
    states = [name for name in names if name != "Y"]

    feed = {"X": input[:1], **zeros}
    outputs = []
    for t in range(len(input)):
        results = session.run(states, {**feed, "X": input[t : t + 1]})
        feed.update(zip(zeros, results, strict=True))
        outputs.append(results[0][0])
    feed.update(X=input[:1], **zeros)

    def call() -> None:
        feed.update(zip(zeros, session.run(states, feed), strict=True))

    return call, {"output": np.stack(outputs)}


def _model(request: dict[str, Any], arrays: dict[str, Any]) -> Any:
    operator, hidden_size = request["operator"], arrays["R"].shape[2]
    T, N, I = arrays["input"].shape  # noqa: E741
    is_step = request["kind"] == "step"
    states = ["Y_h", "Y_c"] if operator == "LSTM" else ["Y_h"]
    initial = [f"initial_{name[2:]}" for name in states] if is_step else []
    attributes: dict[str, Any] = {"hidden_size": hidden_size}
    if operator == "GRU":
        attributes["linear_before_reset"] = int(request["is_reset_after"])
    node = helper.make_node(
        operator,
        ["X", "W", "R", "B", *([""] if is_step else []), *initial],
        ["" if is_step else "Y", *states],
        **attributes,
    )
    state_shape = [1, N, hidden_size]
    input_shape = [1 if is_step else T, N, I]
    graph = helper.make_graph(
        [node],
        "layer",
        [
            _value("X", input_shape),
            *(_value(name, state_shape) for name in initial),
        ],
        [
            *([] if is_step else [_value("Y", [T, 1, N, hidden_size])]),
            *(_value(name, state_shape) for name in states),
        ],
        [onnx.numpy_helper.from_array(arrays[name], name) for name in ("W", "R", "B")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 9
    return model


def _value(name: str, shape: list[int]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
