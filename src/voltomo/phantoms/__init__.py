"""Exact shapes with exact answers."""

from voltomo.phantoms.laminate import Laminate
from voltomo.phantoms.overlapping_spheres import OverlappingSpheres
from voltomo.phantoms.raster import Solid, rasterize, voxel_centers
from voltomo.phantoms.shapes import Ball, Box, Ellipsoid, Half, Shape, SlitBall, Torus, Vector

__all__ = [
    "Ball",
    "Box",
    "Ellipsoid",
    "Half",
    "Laminate",
    "OverlappingSpheres",
    "Shape",
    "SlitBall",
    "Solid",
    "Torus",
    "Vector",
    "rasterize",
    "voxel_centers",
]
