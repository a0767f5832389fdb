"""The other end of ``remote``: a process that holds one of the optional peers.

The folder runs as a script and imports nothing of tidegate (but for ``on_pytorch``), so that its
interpreter may belong to another environment. Requests come as JSON, one a line, on stdin; answers
go the same way to what was stdout, while stdout itself is turned to stderr, for libraries print.
Arrays travel as npz.

    {"do": "build", "task": 0, "kind": "layer", "arrays": "in.npz", "out": "out.npz", ...}  ->  {}
    {"do": "run", "task": 0, "repeats": 3}  ->  {"seconds": 0.21}
    {"do": "drop"}  ->  {}
"""

import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

MODULES = {"onnxruntime": "on_onnxruntime", "pytorch-flushed": "on_pytorch"}
"""The module of each backend; all other backends are Keras'."""

Built = tuple[Callable[[], object], dict[str, Any]]
"""What to time, and what it gave once."""


def main() -> None:
    """Serve until stdin ends."""
    backend, num_threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    if backend != "pytorch-flushed":  # it is limited as plain PyTorch is, by set_num_threads
        _limit_threads(num_threads)
    try:
        build, versions = _backend(backend, num_threads)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers)
        return
    print(json.dumps({"versions": versions}), file=answers)
    calls: dict[int, Callable[[], object]] = {}
    for line in sys.stdin:
        try:
            answer = _answer(json.loads(line), build, calls)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)


def _answer(
    request: dict[str, Any],
    build: Callable[[dict[str, Any], dict[str, Any]], Built],
    calls: dict[int, Callable[[], object]],
) -> dict[str, Any]:
    if request["do"] == "drop":
        calls.clear()
        return {}
    if request["do"] == "run":
        call = calls[request["task"]]
        gc.disable()  # as it is for the peers of the other process
        begin = time.perf_counter()
        for _ in range(request["repeats"]):
            call()
        seconds = time.perf_counter() - begin
        gc.enable()
        _rest()
        return {"seconds": seconds}
    with np.load(request["arrays"]) as file:
        arrays = dict(file)
    calls[request["task"]], outputs = build(request, arrays)
    np.savez(request["out"], **outputs)
    return {}


def _rest() -> None:
    """Wait until no thread of this process works: ONNX Runtime's spin for some 40 ms after a run.

    They would take a processor from the peer that is timed next.
    """
    for _ in range(100):
        before = time.process_time()
        time.sleep(0.01)
        if time.process_time() - before < 0.001:
            return


def _limit_threads(num_threads: int) -> None:
    """Before the backend is imported: some read these once, and XLA counts processors alone."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = str(num_threads)
    os.environ.update(TF_NUM_INTEROP_THREADS="1", TF_CPP_MIN_LOG_LEVEL="2", JAX_PLATFORMS="cpu")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:num_threads])


def _backend(name: str, num_threads: int) -> tuple[Any, dict[str, str]]:
    module = import_module(MODULES.get(name, "on_keras"))
    build, versions = module.start(name, num_threads)
    return build, versions


if __name__ == "__main__":
    main()
