"""Grey values to phases: histograms, thresholds, field of view, denoising."""
