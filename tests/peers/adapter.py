"""What the adapters to aeon and sktime share."""

import numpy as np

SMALL = {"training.epochs": 1, "training.adapt": False, "network.hidden_size": 4}
"""Values of a network that trains in a moment: the checks are about the interface."""
PARAMETERS = [
    {"settings": SMALL, "threads": 1},
    {
        "cell": "lstm",
        "settings": SMALL | {"series.missing": "mask", "linear_model.pooled": False},
        "threads": 1,
    },
]
"""The arguments of the estimators that the suites check."""
NO_RESULTS = "none of the suite's stored results are of this estimator"


class Adapter:
    """An estimator of tidegate's behind the methods that a peer's base class calls.

    Missing values are taken where ``settings`` say what becomes of them (``series.missing``), and
    the peer's tag says so.
    """

    kind = None
    """:class:`tidegate.Classifier` or :class:`tidegate.Regressor`."""

    def __init__(self, cell="gru", settings=None, threads=None, random_state=0):
        self.cell = cell
        self.settings = settings
        self.threads = threads
        self.random_state = random_state
        super().__init__()
        self.set_tags(**{"capability:missing_values": "series.missing" in (settings or {})})

    @staticmethod
    def arrays_of(X):
        """The peer's series as a list of arrays (steps, channels)."""
        raise NotImplementedError

    def _fit(self, X, y):
        self.estimator_ = self.kind(
            cell=self.cell,
            settings=self.settings,
            threads=self.threads,
            random_state=self.random_state,
        ).fit(self.arrays_of(X), y)
        return self

    def _predict(self, X):
        return self.estimator_.predict(self.arrays_of(X))

    def _predict_proba(self, X):
        return self.estimator_.predict_proba(self.arrays_of(X))


def are_independent(adapter, as_peers_have_them):
    """Whether a fitted estimator's answers have the same bits alone and side by side.

    Args:
        adapter: The class.
        as_peers_have_them: Turns a list of arrays (steps, channels) into the peer's series.
    """
    random = np.random.default_rng(0)
    lengths = random.integers(3, 40, 24)
    arrays = [random.normal(size=(length, 3)) for length in lengths]
    targets = lengths % 2 if hasattr(adapter, "predict_proba") else lengths.astype(np.float64)
    fitted = adapter(**PARAMETERS[0]).fit(as_peers_have_them(arrays), targets)
    answer = getattr(fitted, "predict_proba", fitted.predict)
    together = answer(as_peers_have_them(arrays))
    alone = np.concatenate([answer(as_peers_have_them([array])) for array in arrays])
    return len(np.unique(together)) > 12 and np.array_equal(alone, together)
