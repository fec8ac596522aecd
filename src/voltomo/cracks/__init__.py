"""Cracks and voids inside particles."""
