"""Language models in miniature, texts without labels, and recipes that learn from them."""

import torch

from tidegate.data import tokenise
from tidegate.data.vocabulary import Vocabulary
from tidegate.model.language_model import LanguageModel
from tidegate.runs.language_model_folder import LanguageModelFolder
from tidegate.runs.pretrained import KIND
from training_samples import PLAIN

WORDS = ["the", "film", "good", "bad", "and", "a", "story", "play"]
SIZES = {"embedding_dim": 6, "hidden_size": 5, "bidirectional": True}
RECIPE = PLAIN.with_values(SIZES | {"tokens": "words", "vocabulary_size": 30})
PRETRAINING = {
    "pretraining.epochs": 2,
    "pretraining.streams": 4,
    "pretraining.steps": 8,
}
TEXTS = [
    f"{first} film with a {second} story and a {first} play, number{number} of seven."
    for number in range(6)
    for first, second in (("good", "fine"), ("bad", "poor"), ("good", "bad"))
]


def language_model(cell="gru", num_words=8, seed=3, **sizes):
    """One whose parameters are all other than 0, over the first of the words."""
    values = {"vocabulary_size": 4 + num_words, **SIZES, **sizes}
    model = LanguageModel(cell, **values)
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.1, 0.5, generator=draws)
    return model


def save(model, path, **changes):
    """Its model folder, as ``tidegate pretrain`` leaves it, or with other contents."""
    num_words = model.config["vocabulary_size"] - 4
    contents = {
        "config": {"architecture": {"kind": KIND, **model.config}},
        "tensors": {name: tensor.numpy() for name, tensor in model.state_dict().items()},
        "vocabulary": Vocabulary(WORDS[:num_words], tokenise.WORDS).to_json(),
        "card": "",
    }
    LanguageModelFolder(**contents | changes).save(path)
    return path


def write_texts(path):
    """A file of texts without labels."""
    path.write_text("\n".join(TEXTS), encoding="utf-8")
    return path
