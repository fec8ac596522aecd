"""A study folder: one writer at a time, outputs that appear whole, and a record of every finished stage.

::

    study/
      run.json              one record per finished stage
      *.ome.zarr, *.csv ... outputs of finished stages
      .voltomo/
        lock                held by the one process that writes
        <stage>/identity    what the unfinished stage was started with
        <stage>/logs/       blocks done
        <stage>/scratch/    arrays that go when the stage is finished
        <stage>/out/        what moves to the study when it is finished
        <stage>/commit.json written first, so that a kill while moving is completed at the next opening
        <stage>/replaced/   outputs of before, until the new ones stand
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from voltomo.errors import GateError, InputError, StorageError, StudyError, StudyLockedError

__all__ = ["StageRecord", "Study", "storage_errors", "write_text"]

INTERNAL = ".voltomo"
RUN_FILE = "run.json"
IDENTITY_FILE = "identity"
JOURNAL = "commit.json"


@dataclass(frozen=True)
class StageRecord:
    """What is known about a finished stage.

    Parameters
    ----------
    identity : hash of inputs, resolved config and code version
    ingredients : what went into the identity, by name; compared to say what changed
    config : as resolved
    outputs : names of the files and folders it made in the study
    record : what the stage derived from the data (cuts, resolved sizes, shares)
    warnings : for the report
    seconds, peak_bytes : of the run that finished it; the peak is the process' so far
    """

    identity: str
    ingredients: Mapping[str, str]
    config: Mapping[str, Any]
    outputs: tuple[str, ...]
    record: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    peak_bytes: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    finished: str = ""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StageRecord:
        """Record from a row of run.json."""
        lists = {name: tuple(values[name]) for name in ("outputs", "warnings")}
        return cls(**{**values, **lists})


class Study:
    """An open study folder.

    Parameters
    ----------
    folder : created if it does not exist
    writable : take the lock; a study open for reading needs none

    Raises
    ------
    StudyError
        If the folder holds something else, or is missing and only to be read.
    StudyLockedError
        If another process is writing into it.
    StorageError
        If it cannot be written.
    """

    def __init__(self, folder: Path | str, *, writable: bool = True) -> None:
        self.folder = Path(folder)
        self._lock: IO[str] | None = None
        self._is_new = False
        if not writable:
            if not self.is_study(self.folder):
                raise StudyError(f"expected a study folder with {RUN_FILE}, found none at {self.folder}")
            return
        self.check_folder(self.folder)
        self._is_new = not self.folder.exists() or not any(self.folder.iterdir())
        with storage_errors(self.folder):
            self.internal.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self.internal / "lock", self.folder)
            self._complete_commits()

    @staticmethod
    def is_study(folder: Path) -> bool:
        """Whether voltomo wrote this folder, finished or not."""
        return (folder / RUN_FILE).is_file() or (folder / INTERNAL / "lock").is_file()

    @classmethod
    def check_folder(cls, folder: Path) -> None:
        """Refuse a folder that holds something else than a study."""
        if folder.exists() and not folder.is_dir():
            raise StudyError(f"expected a folder for the study, found the file {folder}")
        if folder.exists() and any(folder.iterdir()) and not cls.is_study(folder):
            raise StudyError(
                f"the folder {folder} is not empty and is no voltomo study; name a new or empty folder with -o"
            )

    @property
    def internal(self) -> Path:
        """Folder of what is unfinished."""
        return self.folder / INTERNAL

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if self._is_new and isinstance(value, InputError | GateError):
            self._remove_if_empty()

    def _remove_if_empty(self) -> None:
        """Leave nothing of a request that was refused before any stage was finished."""
        if [path.name for path in self.folder.iterdir()] == [INTERNAL] and not self.records():
            shutil.rmtree(self.folder)

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def records(self) -> dict[str, StageRecord]:
        """Finished stages, in the order they were finished."""
        path = self.folder / RUN_FILE
        if not path.exists():
            return {}
        try:
            stages = json.loads(path.read_text(encoding="utf-8"))["stages"]
            return {name: StageRecord.from_json(row) for name, row in stages.items()}
        except (ValueError, KeyError, TypeError) as error:
            raise StudyError(f"{path} is not a run record ({error}); restore it or name a new study folder") from error

    def staging(self, stage: str, identity: str) -> Path:
        """Folder where an unfinished stage works; emptied if it was started with another identity."""
        folder = self.internal / stage
        mark = folder / IDENTITY_FILE
        if folder.exists() and (not mark.exists() or mark.read_text(encoding="utf-8") != identity):
            _discard(folder)
        (folder / "out").mkdir(parents=True, exist_ok=True)
        write_text(mark, identity)
        return folder

    def commit(
        self,
        stage: str,
        record: StageRecord,
        *,
        stale: Collection[str] = (),
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """Replace a stage: its new outputs come in, its old ones and what is stale with them go, and it is recorded.

        All of it happens, or, after a kill, is completed when the study is next opened. Until then the records name
        stages of before only, and no output of a stale stage stands beside the new ones.

        Parameters
        ----------
        stage : whose outputs lie in its staging folder
        record : what is known about it
        stale : finished stages that do not hold any more; they are forgotten with their outputs
        texts : content of files of the study that change with the stage, by name
        """
        records = self.records()
        kept = {name: row for name, row in records.items() if name != stage and name not in stale}
        standing = {output for row in (*kept.values(), record) for output in row.outputs}
        outdated = {output for name, row in records.items() if name not in kept for output in row.outputs} - standing
        journal = {
            "stage": stage,
            "record": asdict(record),
            "stale": sorted(stale),
            "outdated": sorted(outdated),
            "texts": dict(texts or {}),
        }
        folder = self.internal / stage
        write_text(folder / JOURNAL, json.dumps(journal))
        self._complete(folder)

    def _complete_commits(self) -> None:
        """Finish what a kill interrupted: outputs that were moving, and folders that were being removed."""
        for folder in sorted(path for path in self.internal.iterdir() if path.is_dir()):
            if (folder / JOURNAL).exists():
                self._complete(folder)
            elif not (folder / IDENTITY_FILE).exists():
                shutil.rmtree(folder)

    def _complete(self, folder: Path) -> None:
        """Carry out a commit; each step can be repeated after a kill.

        What is not recorded is not finished: records go before their outputs, and come after them.
        """
        journal = json.loads((folder / JOURNAL).read_text(encoding="utf-8"))
        stage, record = journal["stage"], StageRecord.from_json(journal["record"])
        known = self.records()
        is_staged = any((folder / "out" / name).exists() for name in record.outputs)
        if known.get(stage) == record and not is_staged:  # recorded last: only the folder was left to go
            _discard(folder)
            return
        kept = {name: row for name, row in known.items() if name != stage and name not in journal.get("stale", ())}
        if kept != known:
            self._write_records(kept)
        replaced = folder / "replaced"
        replaced.mkdir(exist_ok=True)
        for name in journal.get("outdated", ()):
            _move(self.folder / name, replaced / name)
        for name in record.outputs:
            staged = folder / "out" / name
            if staged.exists():
                _move(self.folder / name, replaced / name)
                staged.rename(self.folder / name)
        for name, text in journal.get("texts", {}).items():
            write_text(self.folder / name, text)
        self._write_records({**kept, stage: record})
        _discard(folder)

    def _write_records(self, records: Mapping[str, StageRecord]) -> None:
        content = {"voltomo": 1, "stages": {name: asdict(row) for name, row in records.items()}}
        write_text(self.folder / RUN_FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file that appears whole."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn what the operating system says about a full or forbidden disk into a StorageError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"the disk with {folder} is full; free some space and repeat the command: finished blocks are kept"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StorageError(
                f"cannot write into {folder}: {error.strerror}; choose another folder with -o"
            ) from error
        if error.errno in (errno.ENOTDIR, errno.ENAMETOOLONG):
            raise StorageError(
                f"cannot make the folder {folder}: {error.strerror}; choose another one with -o"
            ) from error
        raise


def _move(path: Path, target: Path) -> None:
    """Rename what may be gone already."""
    if path.exists() or path.is_symlink():
        path.rename(target)


def _discard(folder: Path) -> None:
    """Remove a staging folder; without its mark first, so that a kill leaves nothing that could be continued."""
    (folder / IDENTITY_FILE).unlink(missing_ok=True)
    shutil.rmtree(folder)


def _lock(path: Path, folder: Path) -> IO[str]:
    """Exclusive lock on a file, released by the operating system when the process ends, however it ends."""
    stream = path.open("a+", encoding="utf-8")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.seek(0)
        owner = stream.read().strip()
        stream.close()
        raise StudyLockedError(
            f"another voltomo run{f' (process {owner})' if owner else ''} is writing into {folder}; "
            "wait for it or name another study with -o"
        ) from error
    stream.seek(0)
    stream.truncate()
    stream.write(str(os.getpid()))
    stream.flush()
    return stream
