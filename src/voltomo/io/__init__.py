"""Readers, writers and the layout of a study on disk."""
