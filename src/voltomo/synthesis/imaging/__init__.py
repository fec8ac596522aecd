"""What an instrument makes of a structure, worked out on the image: grey values, blur, noise and artefacts."""

from voltomo.synthesis.imaging.brightness import Brightness
from voltomo.synthesis.imaging.degradation import Degradation, DegradationRanges, draw_degradation
from voltomo.synthesis.imaging.degrade import degrade
from voltomo.synthesis.imaging.image_noise import Noise, kernel_from_power
from voltomo.synthesis.imaging.optics import Optics
from voltomo.synthesis.imaging.rings import Rings
from voltomo.synthesis.imaging.sampling import Sampling
from voltomo.synthesis.imaging.wedge import Wedge

__all__ = [
    "Brightness",
    "Degradation",
    "DegradationRanges",
    "Noise",
    "Optics",
    "Rings",
    "Sampling",
    "Wedge",
    "degrade",
    "draw_degradation",
    "kernel_from_power",
]
