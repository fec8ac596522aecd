"""Electrodes with known truth, and scans of them."""
