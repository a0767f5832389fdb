"""What Keras' Adam does on TensorFlow, for ``test_training.py``; wrote ``keras_adam.json``.

pip install keras==3.15.0 tensorflow-cpu==2.21.0
KERAS_BACKEND=tensorflow python tests/golden/keras_adam.py
"""

import json
from pathlib import Path

import keras
import numpy as np
import tensorflow

EMBEDDING = [[0.5, -0.3], [-0.25, 0.4], [0.1, 0.2], [0.7, -0.6]]
HEAD = [[2.0], [-1.5]]
TOKENS = [[1, 1, 1], [1, 2, 3]]
TARGETS = [[1.0], [0.0]]
NUM_STEPS = 3

model = keras.Sequential(
    [
        keras.layers.Embedding(4, 2),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(1, use_bias=False),
    ]
)
model.build((None, 3))
model.layers[0].set_weights([np.array(EMBEDDING)])
model.layers[-1].set_weights([np.array(HEAD)])
model.compile(loss="mse", optimizer=keras.optimizers.Adam())
steps = []
for _ in range(NUM_STEPS):
    model.train_on_batch(np.array(TOKENS), np.array(TARGETS))
    embedding, head = (weights.tolist() for weights in model.get_weights())
    steps.append({"embedding": embedding, "head": head})

values = {
    "versions": {"keras": keras.__version__, "tensorflow": tensorflow.__version__},
    "start": {"embedding": EMBEDDING, "head": HEAD},
    "tokens": TOKENS,
    "targets": TARGETS,
    "steps": steps,
}
path = Path(__file__).with_suffix(".json")
path.write_text(json.dumps(values) + "\n", encoding="utf-8")
