"""One module per verb: a frozen config, and a function from artefacts to artefacts."""
