"""What a training waits for before it is done: nothing that it does not use."""

import subprocess
import sys

import pytest

# A second or so each.
SLOW = ["torch._dynamo", "torch._inductor", "sklearn", "scipy.optimize", "sympy"]

SCRIPT = """
import sys

class Told:
    def find_spec(self, name, path=None, target=None):
        if name in {names}:
            print("importing", name, file=sys.stderr)

sys.meta_path.insert(0, Told())
from tidegate.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code, stop.code
print("imported:", *(name for name in {names} if name in sys.modules))
"""


@pytest.mark.parametrize("linear", [False, True], ids=["network alone", "with the linear model"])
def test_slow_packages_are_imported_where_they_are_used(reviews, tmp_path, linear):
    values = ["training.epochs=1", "hidden_size=4", "embedding_dim=4"]
    values.append(f"linear_model.order={int(linear)}")
    options = [part for value in values for part in ("--set", value)]
    command = ["train", "imdb", "--recipe", "fast", "--data", str(reviews), *options]
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(names=SLOW), *command, "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    imported = found.stdout.splitlines()[-1].split()[1:]
    # The metrics of the test part are scikit-learn's: it is imported once training is done, but for
    # a linear model, which is trained before.
    assert imported == ["sklearn", "scipy.optimize"]
    told = found.stderr
    assert (told.index("epoch 1/1") < told.index("importing sklearn")) == (not linear)
