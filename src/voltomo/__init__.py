"""From a battery-electrode scan to numbers a paper can stand on."""

__version__ = "0.1.0"
