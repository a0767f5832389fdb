"""The errors a caller may want to catch; every message says where, what, and how to mend it."""


class TidegateError(Exception):
    """Base of the errors below: a mistake or mishap that its message explains in full."""


class ArgumentError(TidegateError, ValueError):
    """An argument is not as it must be, or does not fit the others.

    Args:
        argument: Its name.
        reason: What was expected and what came.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument, self.reason = argument, reason


class DataError(TidegateError, ValueError):
    """Data is missing, or is not what its source promises."""


class MissingPackageError(TidegateError, ImportError):
    """A package that is needed is not installed; the message has the command that installs it."""


class RecipeError(TidegateError, ValueError):
    """A recipe has a key that there is none of, or a value that makes no sense."""


class DownloadError(TidegateError, OSError):
    """A download could not be finished or failed its checksum."""


class FormatError(TidegateError, ValueError):
    """A model folder or results file is not in the form this version reads."""


class RunFolderError(TidegateError, OSError):
    """A run folder cannot be used for what is to be written into it."""


class LogError(TidegateError, RuntimeError):
    """A log for another tool cannot be written."""


class IsaError(TidegateError, ValueError):
    """An instruction set was asked for that there is none of, or not on this machine."""


class ThreadsError(TidegateError, ValueError):
    """A number of threads was asked for that no call can work on."""
