"""Small trained-looking models, with weights drawn at random, for tests of what answers."""

from dataclasses import asdict

import numpy as np
import torch

from tidegate.data.prepared import fit_tokeniser
from tidegate.data.preprocessing import TextPreprocessor
from tidegate.data.preprocessing.text import TextOptions
from tidegate.evaluation.blend import Blend
from tidegate.inference.model_folder import ModelFolder
from tidegate.model.classifier import SequenceClassifier
from tidegate.model.ngrams import fit_ngrams
from tidegate.task import Task

WORDS = "good bad fine poor film play story the a of , . ! it was n\u00e9e don't".split()
BINARY = Task("binary", ("neg", "pos"))


def texts(count=60, seed=0):
    """Texts of 0 to 40 words, some of which no vocabulary has."""
    draws = np.random.default_rng(seed)
    return [
        " ".join([*draws.choice(WORDS, draws.integers(0, 40)), f"Word{number % 7}<br />"])
        for number in range(count)
    ]


def network(task=BINARY, seed=5, **options):
    """A network in PyTorch whose parameters are all other than 0."""
    sizes = {"cell": "gru", "hidden_size": 5, "embedding_dim": 4, "num_outputs": task.num_outputs}
    model = SequenceClassifier(**sizes | options, kind=task.kind)
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.7, generator=draws)
        model.embedding_mean.normal_(generator=draws)
        model.embedding_scale.fill_(0.4)
    return model.eval()


def make_folder(task=BINARY, *, with_linear=False, num_pairs=0, text=None, **options):
    """The content of a model folder, and its network in PyTorch."""
    asked = TextOptions(
        **{"vocabulary_size": 18, "max_length": 25, "tokens": "words"} | (text or {}),
        bigram_vocabulary_size=num_pairs,
        full_token_ids=with_linear,
    )
    words = fit_tokeniser(asked, texts()).split(texts())
    preprocessor = TextPreprocessor.fit(words, asked)
    pairs = 0 if preprocessor.bigrams is None else len(preprocessor.bigrams)
    model = network(
        task,
        vocabulary_size=len(preprocessor.vocabulary),
        bigram_vocabulary_size=pairs,
        **options,
    )
    linear = blend = None
    if with_linear:
        labels = np.arange(len(words)) % max(task.num_outputs, 2)
        full = preprocessor.transform_words(words)["full_token_ids"]
        linear = fit_ngrams(full, labels, max_order=2, min_count=2)
        blend = Blend({"network": 0.5, "linear": 2.0}, {"network": 0.6, "linear": 0.4}, 0.9)
    folder = ModelFolder(
        task=task,
        preprocessor=preprocessor,
        architecture=model.architecture,
        tensors={name: tensor.numpy() for name, tensor in model.state_dict().items()},
        linear=linear,
        blend=blend,
        card="# A model\n",
    )
    return folder, model


def without_card(folder):
    """All that decides an answer, as plain values."""
    content = asdict(folder)
    content.pop("card")
    return content
