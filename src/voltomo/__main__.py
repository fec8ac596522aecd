"""``python -m voltomo`` is the command ``voltomo``."""

from voltomo.cli import main

if __name__ == "__main__":
    main()
