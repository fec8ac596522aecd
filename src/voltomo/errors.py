"""Every error that voltomo raises on purpose.

::

    VoltomoError
    ├── InputError (ValueError)                exit 2: the request cannot be understood or carried out as given
    │   ├── InputNotFoundError (FileNotFoundError)
    │   ├── UnitError
    │   ├── ShapeError
    │   ├── RecipeError
    │   ├── PhaseNotFoundError (LookupError)
    │   └── StudyError
    │       └── StudyLockedError
    ├── GateError (ValueError)                 exit 3: the data do not support the step
    │   └── ReadError (OSError)
    ├── StorageError (OSError)                 exit 1: disk full, not writable
    ├── ConvergenceError (ArithmeticError)     exit 1
    └── MissingExtraError (ImportError)        exit 1

A message says what was expected, what was found, and what to do.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "ConvergenceError",
    "GateError",
    "InputError",
    "InputNotFoundError",
    "MissingExtraError",
    "PhaseNotFoundError",
    "ReadError",
    "RecipeError",
    "ShapeError",
    "StorageError",
    "StudyError",
    "StudyLockedError",
    "UnitError",
    "VoltomoError",
]


class VoltomoError(Exception):
    """Root of the tree; `exit_code` is what the command line returns."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        # OSError and KeyError would otherwise print their arguments as a tuple or in quotes.
        return str(self.args[0]) if self.args else type(self).__name__


class InputError(VoltomoError, ValueError):
    """The request cannot be understood or carried out as given."""

    exit_code = 2


class InputNotFoundError(InputError, FileNotFoundError):
    """A file or folder that was named does not exist."""


class UnitError(InputError):
    """A length, size or density without a usable unit or value."""


class ShapeError(InputError):
    """Arrays whose shapes do not belong together."""


class RecipeError(InputError):
    """A recipe or phase table with an unknown key, a wrong type or steps out of order."""


class PhaseNotFoundError(InputError, LookupError):
    """A phase id, name or role that the map does not hold."""


class StudyError(InputError):
    """A folder that is no study, or a study that does not fit the request."""


class StudyLockedError(StudyError):
    """Another process is writing into the study."""


class GateError(VoltomoError, ValueError):
    """The data do not support the step.

    Parameters
    ----------
    message : str
        Reason, evidence and way out.
    gate : str
        Short name; ``--accept-<gate>`` where the command line offers it.
    """

    exit_code = 3

    def __init__(self, message: str, *, gate: str = "input") -> None:
        super().__init__(message)
        self.gate = gate


class ReadError(GateError, OSError):
    """A file that exists but does not hold what its format promises."""

    def __init__(self, message: str, *, gate: str = "unreadable") -> None:
        super().__init__(message, gate=gate)


class StorageError(VoltomoError, OSError):
    """An output that could not be written."""


class ConvergenceError(VoltomoError, ArithmeticError):
    """An iteration that did not reach its tolerance."""


class MissingExtraError(VoltomoError, ImportError):
    """A step that needs a package which is not installed."""
