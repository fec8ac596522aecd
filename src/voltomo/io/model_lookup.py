"""Where models are looked for: a path, then folders of models, the nearest first."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voltomo.artifacts.model import Model
from voltomo.errors import InputNotFoundError, VoltomoError
from voltomo.io.model_card import ModelCard
from voltomo.io.model_folder import is_model, read_card, read_model

__all__ = ["BASE_MODELS", "ModelEntry", "find_model", "list_models", "load_model", "model_folders", "user_folder"]

BASE_MODELS = Path(__file__).parents[1] / "base_models"
"""The models that come with the package."""


@dataclass(frozen=True)
class ModelEntry:
    """A model that was found in one of the folders.

    Parameters
    ----------
    name : by which it is asked for: the name of its folder or zip
    path : of the folder or zip
    card : what it says about itself; None if it cannot be read
    problem : why it cannot be read; "" if it can
    hidden : whether a nearer folder has a model of this name, which is taken instead
    """

    name: str
    path: Path
    card: ModelCard | None
    problem: str = ""
    hidden: bool = False


def model_folders(environment: Mapping[str, str], *, here: Path | None = None) -> tuple[Path, ...]:
    """Folders of models, the nearest first; they need not exist.

    Parameters
    ----------
    environment : usually ``os.environ``; ``VOLTOMO_MODELS`` may name one or several folders
    here : the working folder, whose `models` comes first; that of the process where None

    Returns
    -------
    paths
        ``./models``, those of ``VOLTOMO_MODELS``, the user's, the package's.
    """
    separator = ";" if sys.platform == "win32" else ":"
    named = [Path(part).expanduser() for part in environment.get("VOLTOMO_MODELS", "").split(separator) if part]
    return ((here or Path.cwd()) / "models", *named, user_folder(environment), BASE_MODELS)


def user_folder(environment: Mapping[str, str]) -> Path:
    """The user's folder of models, where the platform keeps data of programs."""
    if sys.platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "voltomo" / "models"


def find_model(name: str | Path, folders: Sequence[Path]) -> Path:
    """Where a model is: a path, or a name in one of the folders.

    Raises
    ------
    InputNotFoundError
        If it is nowhere; the message lists what there is and where it was looked for.
    """
    path = Path(name)
    if path.exists() and (is_model(path) or path.is_file() or path.is_absolute() or len(path.parts) > 1):
        return path
    if len(path.parts) == 1:
        for folder in folders:
            for candidate in (folder / path.name, folder / f"{path.name}.zip"):
                if is_model(candidate):
                    return candidate
    known = sorted({entry.name for entry in list_models(folders)})
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    listed = f"There are {', '.join(known)}." if known else "There is none yet: `voltomo train` makes one."
    raise InputNotFoundError(
        f"there is no model {str(name)!r}{hint} {listed} Looked for a path, and in "
        f"{', '.join(str(folder) for folder in folders)}"
    )


def load_model(name: str | Path, folders: Sequence[Path]) -> Model:
    """Read the model that `find_model` finds."""
    return read_model(find_model(name, folders))


def list_models(folders: Sequence[Path]) -> tuple[ModelEntry, ...]:
    """All models in the folders, the nearest first; one that cannot be read is listed with the reason."""
    entries: list[ModelEntry] = []
    for folder in folders:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if not is_model(path):
                continue
            name = path.stem if path.suffix == ".zip" else path.name
            hidden = any(entry.name == name for entry in entries)
            try:
                entries.append(ModelEntry(name, path, read_card(path), hidden=hidden))
            except VoltomoError as error:
                entries.append(ModelEntry(name, path, None, str(error), hidden))
    return tuple(entries)
