"""Fractions, surfaces, connectivity and sizes, each with its definition."""
