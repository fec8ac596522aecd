"""What a scan looks like in numbers, and the settings of a synthetic electrode that looks like it."""
