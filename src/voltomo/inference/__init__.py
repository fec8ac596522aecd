"""Run a model over a volume: engines, tiles, blending."""
