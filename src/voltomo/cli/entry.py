"""Entry point: exit codes and one clear sentence for every error."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence

import typer

from voltomo.errors import VoltomoError

__all__ = ["main"]

INTERRUPTED = 130
"""What shells expect after Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process.

    Exit codes: 0 done (warnings allowed), 1 failure (I/O, disk full, a bug), 2 bad input or usage, 3 a gate refused.
    """
    from voltomo.cli.app import app

    given = list(sys.argv[1:] if arguments is None else arguments)
    command = typer.main.get_command(app)
    try:
        code = command.main(given, prog_name="voltomo", standalone_mode=False)
    except typer.Exit as error:
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted; what is finished is kept: repeat the command to continue", given, INTERRUPTED)
        code = INTERRUPTED
    except VoltomoError as error:
        _say(str(error), given, error.exit_code, gate=getattr(error, "gate", None))
        code = error.exit_code
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # a usage error of the command-line library
            error.show()
            sys.exit(error.exit_code)
        # The last door: whatever comes here is a bug, and is said to be one.
        if "--debug" in given:
            traceback.print_exc()
        _say(f"unexpected {type(error).__name__}: {error} (a bug; run again with --debug and report it)", given, 1)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _say(message: str, arguments: Sequence[str], code: int, *, gate: str | None = None) -> None:
    if "--json" in arguments:
        print(json.dumps({"status": "error", "exit_code": code, "gate": gate, "message": message}))
    print(f"voltomo: {message}", file=sys.stderr)
