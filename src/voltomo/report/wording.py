"""How numbers and names are written on a page: display units, digits, the field's words."""

from __future__ import annotations

import math

__all__ = ["GROUPS", "friendly_name", "group_of", "number_text", "scaled_unit", "signed_text", "unit_text"]

# Display scales per SI unit, from small to large; the largest that keeps the number at or above 1 is taken.
_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "m": ((1e-9, "nm"), (1e-6, "µm"), (1e-3, "mm")),
    "m^2": ((1e-18, "nm²"), (1e-12, "µm²"), (1e-6, "mm²")),
    "m^3": ((1e-27, "nm³"), (1e-18, "µm³"), (1e-9, "mm³")),
    # Surfaces per volume are compared in 1/µm whatever their size, so the scale is fixed.
    "1/m": ((1e6, "1/µm"),),
    "1/m^2": ((1e12, "1/µm²"),),
    "1/m^3": ((1e9, "1/mm³"), (1e18, "1/µm³")),
    "rad": ((math.pi / 180, "°"),),
}
_SUPERSCRIPT = {"^2": "²", "^3": "³", "^-1": "⁻¹"}


def unit_text(unit: str) -> str:
    """A unit as it is printed; empty for dimensionless numbers.

    Examples
    --------
    >>> unit_text("1/voxel^2")
    '1/voxel²'
    """
    for power, sign in _SUPERSCRIPT.items():
        unit = unit.replace(power, sign)
    return "" if unit == "1" else unit


def scaled_unit(value: float | None, unit: str) -> tuple[float, str]:
    """Divisor and printed unit that make a number of an SI unit easy to read.

    Examples
    --------
    >>> scaled_unit(1.25e-05, "m")
    (1e-06, 'µm')
    """
    scales = _SCALES.get(unit)
    if scales is None:
        return 1.0, unit_text(unit)
    best = scales[0]
    for scale in scales:
        if value is not None and math.isfinite(value) and abs(value) >= scale[0]:
            best = scale
    return best


def number_text(value: float, *, digits: int = 4) -> str:
    """A number with `digits` significant digits, a real minus sign, and powers of ten where it needs them.

    Whole numbers below a million are written out.

    Examples
    --------
    >>> number_text(0.449917), number_text(1341.0), number_text(-2.5e-7), number_text(165.1, digits=2)
    ('0.4499', '1341', '−2.5 × 10⁻⁷', '170')
    """
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e6:
        text = f"{int(value)}"
    else:
        text = f"{value:#.{digits}g}".rstrip(".")
        if "e+" in text and abs(value) < 1e6:
            text = f"{float(text):.0f}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        text = f"{mantissa} × 10{raised}"
    return text.replace("-", "−")


def signed_text(value: float, *, digits: int = 3) -> str:
    """A difference with its sign.

    Examples
    --------
    >>> signed_text(0.0123), signed_text(-2.0), signed_text(0.0)
    ('+0.0123', '−2', '0')
    """
    return ("+" if value > 0 else "") + number_text(value, digits=digits)


_NAMES = {
    "volume_fraction": "Volume fraction",
    "area_fraction": "Area fraction",
    "porosity": "Porosity between particles",
    "porosity_total": "Porosity, total",
    "porosity_intra_closed": "Porosity inside particles, closed",
    "porosity_intra_open": "Porosity inside particles, open",
    "volume_fraction_inter": "Mixture between particles",
    "volume_fraction_intra_closed": "Mixture inside particles, closed",
    "volume_fraction_intra_open": "Mixture inside particles, open",
    "specific_surface_area": "Specific surface area, per total volume",
    "specific_surface_area_per_phase_volume": "Specific surface area, per volume of the phase",
    "interface_area": "Interface area, per total volume",
    "binder_coverage": "Share of the active surface that binder covers",
    "detached_surface_fraction": "Share of the active surface that is cut off",
    "triple_phase_boundary_length": "Triple-phase boundary, length per total volume",
    "mean_curvature_integral": "Mean curvature, integral per total volume",
    "mean_curvature": "Mean curvature of the surface",
    "gaussian_curvature_integral": "Gaussian curvature, integral per total volume",
    "surface_area_by_convention": "Surface area as other programs report it",
    "boundary_length": "Boundary length, per total area",
    "interface_length": "Interface length, per total area",
    "image_resolution": "Resolution of the image, edge 10 to 90 %",
    "connected_fraction": "Through-connected fraction",
    "largest_component_fraction": "Share of the largest connected part",
    "component_count": "Number of connected parts",
    "tortuosity_factor": "Tortuosity factor",
    "effective_diffusivity_ratio": "Effective diffusivity, relative",
    "macmullin_number": "MacMullin number",
    "expected_fraction": "Fraction expected from the recipe",
    "formulation_residual": "Map less recipe",
    "bruggeman_exponent": "Bruggeman exponent",
    "electrode_tortuosity_factor": "Electrode tortuosity factor",
    "path_tortuosity": "Path tortuosity (lengths)",
    "constrictivity": "Constrictivity",
    "local_thickness": "Local thickness (largest ball that covers a voxel)",
    "chord_length": "Chord length",
    "lineal_path_length": "Straight way to the end of the phase",
    "unfolded_diameter": "Sphere diameter behind the sections (Saltykov)",
    "integral_range": "Integral range",
    "correlation_length": "Correlation length",
    "correlation_anisotropy": "Longest over shortest correlation length",
    "representative_volume": "Edge of a representative window",
    "contact_number": "Contacts per particle",
    "contact_area": "Area of a contact",
    "contact_area_density": "Contact area between particles, per total volume",
    "particle_count": "Number of particles",
    "particle_number_density": "Particles per volume",
    "equivalent_diameter": "Equivalent-sphere diameter",
    "particle_void_fraction": "Cracks and voids, share of the particle envelopes",
    "iou": "Intersection over union (IoU)",
    "dice": "Dice coefficient",
    "voxel_precision": "Precision of the voxels",
    "voxel_recall": "Recall of the voxels",
    "boundary_f_score": "Boundary F-score",
    "crack_iou": "Intersection over union of cracks and voids",
    "matched_iou": "Intersection over union of matched particles",
    "particle_count_error": "Error of the number of particles",
    "equivalent_diameter_error": "Error of the equivalent diameter",
    "volume_fraction_error": "Error of the volume fraction",
    "area_fraction_error": "Error of the area fraction",
    "particle_void_fraction_error": "Error of the cracks and voids in particles",
}
_NAMES_IN_PLANE = {
    "particle_number_density": "Particle sections per area",
    "particle_count": "Number of particle sections",
    "equivalent_diameter": "Equivalent-circle diameter of sections",
    "local_thickness": "Local thickness (largest disc that covers a pixel)",
    "particle_void_fraction": "Cracks and voids, share of the particle sections",
}

_SURFACES = (
    "specific_surface",
    "surface_area_by",
    "interface",
    "boundary",
    "binder_coverage",
    "detached",
    "triple",
    "mean_curvature",
    "gaussian_curvature",
)
_WAYS = ("path_tort", "constrictivity")
GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "fractions",
        "Phase fractions and porosity",
        ("volume_fraction", "area_fraction", "porosity", "expected_fraction", "formulation"),
    ),
    ("surfaces", "Surfaces and interfaces", _SURFACES),
    ("connectivity", "Connectivity", ("connected", "largest", "component", "euler", "percolat")),
    ("transport", "Transport", ("tortuosity", "electrode_tort", "effective_diff", "macmullin", "bruggeman", *_WAYS)),
    ("statistics", "Two-point statistics and representativity", ("integral_range", "correlation", "representative")),
    ("image", "Image", ("image",)),
    ("cracks", "Cracks and voids in particles", ("particle_void", "crack", "flaw")),
    ("shape", "Particle shape", ("sphericity", "circularity", "aspect", "orientation", "feret", "elongation")),
    ("widths", "Widths of the phases", ("local_thickness", "chord", "lineal")),
    ("particles", "Particle sizes", ("particle", "contact", "equivalent", "unfolded")),
)
"""Key, heading and the beginnings of the names that belong there; the first match wins."""

_OTHER = ("other", "Further numbers")
_PAGE_ORDER = (
    "fractions",
    "surfaces",
    "connectivity",
    "transport",
    "widths",
    "particles",
    "shape",
    "cracks",
    "statistics",
    "image",
    "other",
)


def friendly_name(name: str, *, dimension: int = 3) -> str:
    """The words for a measurement name; an unknown name loses its underscores and no more.

    In a plane (`dimension` 2) particles are sections.

    Examples
    --------
    >>> friendly_name("specific_surface_area")
    'Specific surface area, per total volume'
    >>> friendly_name("mean_free_path")
    'Mean free path'
    """
    known = _NAMES | (_NAMES_IN_PLANE if dimension == 2 else {})
    return known.get(name) or name.replace("_", " ").strip().capitalize() or "Unnamed"


def group_of(name: str) -> tuple[int, str]:
    """Position on the page and heading of the group that a measurement belongs to."""
    for key, heading, beginnings in GROUPS:
        if name.startswith(beginnings):
            return _PAGE_ORDER.index(key), heading
    return _PAGE_ORDER.index(_OTHER[0]), _OTHER[1]
