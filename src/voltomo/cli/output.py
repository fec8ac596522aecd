"""What a command says while it works and when it is done: for people, quiet, or for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

__all__ = ["Output"]

SHOW_AFTER = 2.0
"""Seconds after which a step shows a progress bar."""


@dataclass
class Output:
    """Progress on stderr, results on stdout.

    Parameters
    ----------
    quiet : say nothing but results and errors
    as_json : progress as JSON lines on stderr, the result as one JSON object on stdout
    """

    quiet: bool = False
    as_json: bool = False
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))
    _bars: Progress | None = None
    _task: TaskID | None = None
    _step: tuple[str, str] = ("", "")
    _begun: float = 0.0
    _last: float = field(default_factory=time.monotonic)

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_bar()

    def progress(self, stage: str, step: str, done: int, total: int) -> None:
        """Called by the pipeline after each block."""
        now = time.monotonic()
        if self._step != (stage, step):
            self._end_bar()
            self._step, self._begun = (stage, step), self._last  # the first block has been worked on since then
        self._last = now
        seconds = now - self._begun
        if self.as_json:
            left = seconds / done * (total - done) if done else None
            event = {
                "event": "progress",
                "stage": stage,
                "step": step,
                "done": done,
                "total": total,
                "seconds_left": left,
            }
            print(json.dumps(event), file=sys.stderr, flush=True)
        elif not self.quiet and (self._bars is not None or seconds > SHOW_AFTER) and total > 1:
            self._show(stage, step, done, total)

    def stage(self, verb: str, what: str) -> None:
        """Called by the pipeline when a stage starts, ends, or is up to date."""
        self._end_bar()
        self._last = time.monotonic()
        if self.as_json:
            print(json.dumps({"event": "stage", "stage": verb, "state": what}), file=sys.stderr, flush=True)
        elif not self.quiet and what != "started":
            self.console.print(f"  {verb:<10} {what}", style="dim" if what == "up to date" else "")

    def say(self, text: str) -> None:
        """A line for people."""
        if not self.quiet and not self.as_json:
            self.console.print(text, markup=False, soft_wrap=True)

    def result(self, values: Mapping[str, Any], text: str) -> None:
        """The result: text for people, the values for programs."""
        print(json.dumps({"status": "ok", **values}, default=str, ensure_ascii=False) if self.as_json else text)

    def _show(self, stage: str, step: str, done: int, total: int) -> None:
        if self._bars is None:
            self._bars = Progress(
                TextColumn("  {task.description:<30}"),
                BarColumn(bar_width=30),
                TaskProgressColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            )
            self._bars.start()
            self._task = self._bars.add_task(f"{stage}: {step}", total=total)
        assert self._task is not None
        self._bars.update(self._task, completed=done, total=total)

    def _end_bar(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = self._task = None
