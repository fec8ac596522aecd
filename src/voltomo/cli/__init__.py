"""The command line: parse, call, show."""

from voltomo.cli.entry import main

__all__ = ["main"]
