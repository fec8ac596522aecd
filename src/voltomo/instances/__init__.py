"""Particles: splitting touching ones, and their shapes."""
