"""Keras in a worker, on TensorFlow or JAX: a layer, or the notebook's whole training step."""

import itertools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

Task = tuple[Callable[[], object], dict[str, Any]]


def start(name: str, num_threads: int) -> tuple[Any, dict[str, str]]:
    """The function that builds tasks, and versions."""
    backend = name.partition("-")[2]
    os.environ["KERAS_BACKEND"] = backend
    if backend == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(num_threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    import keras

    def build(request: dict[str, Any], arrays: dict[str, Any]) -> Task:
        if request["kind"] == "notebook":
            return _notebook(keras, backend, request["cell"], arrays)
        return _layer(keras, backend, request["cell"], arrays, request["training"])

    versions = {"keras": keras.__version__, backend: __import__(backend).__version__}
    return build, versions


def _recurrent(keras: Any, cell: str, arrays: dict[str, Any], **options: Any) -> Any:
    hidden_size = arrays["recurrent_kernel"].shape[0]
    if cell == "rnn":
        return keras.layers.SimpleRNN(hidden_size, **options)
    if cell == "lstm":
        return keras.layers.LSTM(hidden_size, **options)
    return keras.layers.GRU(hidden_size, reset_after=cell == "gru", **options)


def _set_recurrent(layer: Any, arrays: dict[str, Any]) -> None:
    layer.set_weights([arrays[name] for name in ("kernel", "recurrent_kernel", "bias")])


def _layer(keras: Any, backend: str, cell: str, arrays: dict[str, Any], training: bool) -> Task:
    """One layer on dense input, batch first, compiled as a function of the input."""
    x = np.ascontiguousarray(arrays["input"].transpose(1, 0, 2))
    layer = _recurrent(keras, cell, arrays, return_sequences=True)
    layer.build(x.shape)
    _set_recurrent(layer, arrays)
    if backend == "tensorflow":
        call = _layer_tensorflow(layer, x, arrays, training)
    else:
        call = _layer_jax(layer, x, arrays, training)
    results = [np.asarray(array) for array in call()]
    outputs = {"output": results[0].transpose(1, 0, 2)}
    if training:
        outputs["grad input"] = results[1].transpose(1, 0, 2)
        outputs.update(zip(("kernel", "recurrent_kernel", "bias"), results[2:], strict=True))
    return call, outputs


def _layer_tensorflow(
    layer: Any, x: Any, arrays: dict[str, Any], training: bool
) -> Callable[[], Any]:
    import tensorflow as tf

    input = tf.constant(x)
    if not training:
        forward = tf.function(lambda: layer(input, training=False))
        return lambda: [forward().numpy()]
    gradient = tf.constant(arrays["output_gradient"].transpose(1, 0, 2))

    @tf.function  # type: ignore[untyped-decorator]
    def both() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(input)
            output = layer(input, training=True)
        sources = [input, *(variable.value for variable in layer.trainable_variables)]
        return [output, *tape.gradient(output, sources, gradient)]

    return lambda: [array.numpy() for array in both()]


def _layer_jax(layer: Any, x: Any, arrays: dict[str, Any], training: bool) -> Callable[[], Any]:
    import jax

    others = [variable.value for variable in layer.non_trainable_variables]
    weights = [variable.value for variable in layer.trainable_variables]
    input = jax.numpy.asarray(x)

    def forward(input: Any, weights: Any) -> Any:
        return layer.stateless_call(weights, others, input, training=training)[0]

    if not training:
        compiled = jax.jit(forward)
        return lambda: [compiled(input, weights).block_until_ready()]
    gradient = jax.numpy.asarray(arrays["output_gradient"].transpose(1, 0, 2))

    @jax.jit  # type: ignore[untyped-decorator]
    def both(input: Any, weights: Any) -> Any:
        output, back = jax.vjp(forward, input, weights)
        of_input, of_weights = back(gradient)
        return [output, of_input, *of_weights]

    return lambda: jax.block_until_ready(both(input, weights))


def _notebook(keras: Any, backend: str, cell: str, arrays: dict[str, Any]) -> Task:
    """Embedding, layer, Dense(1); train_on_batch with binary cross-entropy and Adam."""
    batches = [*zip(arrays["tokens"].astype(np.int32), arrays["labels"][:, :, None], strict=True)]
    tokens, labels = batches[0]
    embedding = keras.layers.Embedding(*arrays["embedding"].shape)
    recurrent, head = _recurrent(keras, cell, arrays), keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((tokens.shape[1],)), embedding, recurrent, head])
    embedding.set_weights([arrays["embedding"]])
    _set_recurrent(recurrent, arrays)
    head.set_weights([arrays["head_weight"].T, arrays["head_bias"]])
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3, epsilon=1e-7), loss)
    gradients = _gradients_tensorflow if backend == "tensorflow" else _gradients_jax
    value, weight_gradients = gradients(model, loss, tokens, labels)
    names = ("embedding", "kernel", "recurrent_kernel", "bias", "head_weight", "head_bias")
    outputs = dict(zip(names, map(np.asarray, weight_gradients), strict=True))
    outputs["head_weight"] = outputs["head_weight"].T
    following = itertools.cycle(batches).__next__
    return lambda: model.train_on_batch(*following()), {"loss": np.asarray(value), **outputs}


def _gradients_tensorflow(model: Any, loss: Any, tokens: Any, labels: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss(labels, model(tokens, training=True))
    sources = [variable.value for variable in model.trainable_variables]
    return value, [tf.convert_to_tensor(g) for g in tape.gradient(value, sources)]


def _gradients_jax(model: Any, loss: Any, tokens: Any, labels: Any) -> tuple[Any, Any]:
    import jax

    others = [variable.value for variable in model.non_trainable_variables]
    weights = [variable.value for variable in model.trainable_variables]

    def of(weights: Any) -> Any:
        logits, _ = model.stateless_call(weights, others, tokens, training=True)
        return loss(labels, logits)

    value, gradients = jax.value_and_grad(of)(weights)
    return value, gradients
