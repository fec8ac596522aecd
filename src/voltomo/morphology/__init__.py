"""Labels, distances, holes and flooding: what several core packages stand on."""
