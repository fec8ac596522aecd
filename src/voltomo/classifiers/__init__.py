"""Pixel classifiers: image features and trees or a small network on them."""
