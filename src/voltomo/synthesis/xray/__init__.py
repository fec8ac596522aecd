"""A virtual X-ray scanner: from a structure to raw projections, flats and darks."""
