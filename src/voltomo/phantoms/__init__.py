"""Exact shapes with exact answers."""
