"""The network that a recipe describes, with its initial values."""

from tidegate.model.classifier import SequenceClassifier
from tidegate.model.initialise import like_keras, normal
from tidegate.training.recipe import Recipe


def make(
    cell: str,
    recipe: Recipe,
    seed: int,
    *,
    vocabulary_size: int,
    bigram_vocabulary_size: int = 0,
) -> SequenceClassifier:
    """A network of one logit over words, untrained.

    Args:
        cell: A name of :data:`tidegate.cells.CELLS`.
        seed: What the initial values depend on.
        vocabulary_size, bigram_vocabulary_size: As many ids as there are, at most the recipe's.
    """
    model = SequenceClassifier(
        cell,
        vocabulary_size=vocabulary_size,
        bigram_vocabulary_size=bigram_vocabulary_size,
        embedding_dim=recipe.embedding_dim,
        hidden_size=recipe.hidden_size,
        num_layers=recipe.num_layers,
        bidirectional=recipe.bidirectional,
        residual=recipe.residual,
        pooling=recipe.pooling,
        pool_embedding=recipe.pool_embedding,
        by_place=recipe.optimiser == "keras-adam",
        dropout={
            "words": recipe.word_dropout,
            "embedding": recipe.embedding_dropout,
            "places": recipe.place_dropout,
            "variational": recipe.variational_dropout,
            "recurrent": recipe.recurrent_dropout,
            "head": recipe.head_dropout,
        },
    )
    {"keras": like_keras, "normal": normal}[recipe.initial_values](model, seed)
    return model
