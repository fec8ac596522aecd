"""A page to read: reads artefacts, computes nothing."""
