"""Messages for errors of the machine's limits: out of memory, and numbers out of range."""

from tidegate.memory import is_out_of_memory


def explain(error: BaseException) -> str | None:
    """A message that says what the user can do; None for an error of another kind."""
    reason = str(error).partition("\n")[0] or type(error).__name__
    if is_out_of_memory(error):
        return (
            f"memory: expected as much as this takes, got: {reason}; begin again with a lower "
            "batch_size, max_length, hidden_size, embedding_dim or vocabulary_size (--set "
            "KEY=VALUE), or free some memory and go on with --resume"
        )
    if isinstance(error, OverflowError):
        return (
            f"numbers: expected such as the machine can count with, got: {reason}; lower the "
            "largest of the values that were given"
        )
    return None
