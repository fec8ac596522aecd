"""The version, where every level can read it."""

__all__ = ["VERSION"]

VERSION = "0.1.0"
