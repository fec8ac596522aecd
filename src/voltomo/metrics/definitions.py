"""The definition of every measurement, in the words that travel with the number.

``docs/reference/measurements.md`` says the same at more length; a test keeps the names of both equal.
"""

from __future__ import annotations

__all__ = ["DEFINITIONS", "VARIANTS", "define"]

_OHSER = "Ohser and Schladitz, 3D Images of Materials Structures (2009)"
_LORENSEN = "Lorensen and Cline, Comput. Graph. 21, 163 (1987), doi 10.1145/37402.37422"
_LEGLAND = "Legland, Kiêu and Devaux, Image Anal. Stereol. 26, 83 (2007), doi 10.5566/ias.v26.p83-92"
_UNDERWOOD = "Underwood, Quantitative Stereology (1970)"
_MILES = "Miles, in Harding and Kendall (eds.), Stochastic Geometry (1974), p. 228; Lantuéjoul (1980)"
_COOPER = "Cooper, Bertei, Shearing and Brandon, SoftwareX 5, 203 (2016), doi 10.1016/j.softx.2016.09.002"
_LANDESFEIND = "Landesfeind et al., J. Electrochem. Soc. 163, A1373 (2016), doi 10.1149/2.1141607jes"
_NGUYEN = "Nguyen et al., npj Comput. Mater. 6, 123 (2020), doi 10.1038/s41524-020-00386-4"
_STENZEL = "Stenzel et al., AIChE J. 62, 1834 (2016), doi 10.1002/aic.15160"
_HOLZER = "Holzer et al., J. Mater. Sci. 48, 2934 (2013), doi 10.1007/s10853-012-6968-z"
_HILDEBRAND = "Hildebrand and Rüegsegger, J. Microsc. 185, 67 (1997), doi 10.1046/j.1365-2818.1997.1340694.x"
_SALTYKOV = "Saltykov, in Elias (ed.), Stereology (1967), doi 10.1007/978-3-642-88260-9_31"
_LANTUEJOUL = "Lantuéjoul, J. Microsc. 161, 387 (1991), doi 10.1111/j.1365-2818.1991.tb03099.x"
_LU = "Lu and Torquato, Phys. Rev. A 45, 922 (1992), doi 10.1103/PhysRevA.45.922"
_KANIT = "Kanit et al., Int. J. Solids Struct. 40, 3647 (2003), doi 10.1016/S0020-7683(03)00143-4"
_TORQUATO = "Torquato, Random Heterogeneous Materials (2002)"
_WADELL = "Wadell, J. Geol. 40, 443 (1932), doi 10.1086/623964"

DEFINITIONS: dict[str, str] = {
    "volume_fraction": "Voxels of the phase / voxels of the region.",
    "area_fraction": f"Pixels of the phase / pixels of the region; an unbiased estimate of the volume fraction "
    f"where the section is a random one (Delesse; {_UNDERWOOD}).",
    "porosity_total": "Voxels of the phases of role pore and crack / voxels of the region.",
    "porosity": "Inter-particle porosity: void voxels outside the particle envelopes / voxels of the region.",
    "porosity_intra_closed": "Void voxels inside the particle envelopes whose void (6 neighbors; 4 in a section) "
    "does not reach the pore outside the particles / voxels of the region. What reaches out beyond "
    "the region is not seen.",
    "porosity_intra_open": "Void voxels inside the particle envelopes whose void (6 neighbors; 4 in a section) "
    "reaches the pore outside the particles / voxels of the region.",
    "volume_fraction_inter": "Voxels of the unresolved mixture outside the particle envelopes / voxels of the "
    "region. The mixture holds binder as well as pore, so this is no porosity.",
    "volume_fraction_intra_closed": "Voxels of the unresolved mixture inside the particle envelopes that are not "
    "connected (6 neighbors; 4 in a section) to the mixture outside / voxels of the region.",
    "volume_fraction_intra_open": "Voxels of the unresolved mixture inside the particle envelopes that are connected "
    "(6 neighbors; 4 in a section) to the mixture outside / voxels of the region.",
    "expected_fraction": "Fraction of the coating that the recipe gives the phase: w·m/(ρ·L) of each component with "
    "mass fraction w and density ρ, areal mass m and thickness L; pore is what the components leave.",
    "formulation_residual": "Fraction of the phase in the map - the fraction expected from the recipe.",
    "specific_surface_area": "Interface area of the phase with all other phases / volume of the region. The faces "
    f"of the box and of the field of view are no interfaces. Crofton formula ({_OHSER}; {_LEGLAND}).",
    "specific_surface_area_per_phase_volume": "Interface area of the phase with all other phases / volume of the "
    f"phase itself; Crofton formula ({_OHSER}).",
    "interface_area": f"Area of the interface between two phases / volume of the region; Crofton formula ({_OHSER}).",
    "binder_coverage": "Interface of active material with binder / whole interface of active material (Crofton).",
    "detached_surface_fraction": "Share of the surface of active material (Crofton) without a path for electrons (its "
    "part of active material, binder and carbon touches no face of the box), or facing void or electrolyte without a "
    "path for ions (its part touches no face of the box); 6 neighbors.",
    "triple_phase_boundary_length": "Length of the lines along which three phases meet / volume of the region, "
    f"L_V = 2 P_A from the points in which lattice planes of 13 orientations cut them ({_UNDERWOOD}).",
    "mean_curvature_integral": "Integral of (κ₁ + κ₂)/2 over the surface of the phase / volume of the region, from the "
    f"Euler numbers of plane sections; positive where the phase is convex ({_OHSER}).",
    "mean_curvature": "Mean of (κ₁ + κ₂)/2 over the surface of the phase: the integral of the mean curvature / the "
    f"specific surface area by Crofton; positive where the phase is convex ({_OHSER}).",
    "gaussian_curvature_integral": "Integral of κ₁κ₂ over the surface of the phase / volume of the region: 4π times "
    f"the Euler number of the phase per volume (Gauss and Bonnet; {_OHSER}).",
    "image_resolution": "Distance over which the grey value of an edge rises from 10 to 90 %: 2.563 times the standard "
    "deviation of the Gaussian whose integral fits the mean grey value against the distance from the surface of the "
    "phase. Not the voxel size.",
    "surface_area_by_convention": "Surface area of the phase as other programs report it: by the method named, per "
    "total volume or per volume of the phase. To compare with; specific_surface_area is the number to report.",
    "contact_number": "Number of particles that a whole particle touches: whose voxels of active material share faces "
    "with its own; mean, and the smallest number up to which the stated share of the particles lies.",
    "contact_area": "Area of the contact of two particles, by number of contacts; Crofton formula between voxels of "
    f"the two ({_OHSER}).",
    "contact_area_density": "Area of all contacts between two particles, each once / volume of the region; Crofton "
    f"formula ({_OHSER}).",
    "boundary_length": f"Boundary length of the phase / area of the region, L_A; Crofton formula in "
    f"the plane ({_OHSER}).",
    "interface_length": f"Length of the boundary between two phases / area of the region; Crofton formula ({_OHSER}).",
    "connected_fraction": "Voxels of the phase in connected components that touch both faces of the box across the "
    "axis (one face, none) / voxels of the phase.",
    "largest_component_fraction": "Voxels of the largest connected component of the phase / voxels of the phase.",
    "component_count": "Number of connected components of the phase.",
    "euler_number": "Connected parts - loops + cavities of the phase: voxels - pairs + squares - cubes of neighboring "
    "voxels of the phase (6 neighbors; 4 in a section). What the edge of the field of view cuts counts as it is seen.",
    "tortuosity_factor": "ε·D₀/D_eff along the axis: ε is the volume fraction of the whole phase, D_eff the effective "
    "diffusivity of the box between two faces at fixed concentrations, the other sides closed; of several phases the "
    f"mean of their D over the box / D_eff ({_COOPER}).",
    "effective_diffusivity_ratio": "D_eff/D₀ along the axis, of the box between two faces at fixed concentrations, the "
    f"other sides closed; the phase has D₀, the rest nothing ({_COOPER}).",
    "macmullin_number": "D₀/D_eff = τ/ε along the axis; the resistance of the phase over that of a box full of it "
    f"({_LANDESFEIND}).",
    "bruggeman_exponent": "ln(D_eff/D₀)/ln ε along the axis, with ε the volume fraction of the whole phase; 1.5 for "
    "dilute spheres (Bruggeman, Ann. Phys. 416, 636 (1935)).",
    "electrode_tortuosity_factor": "ε·R_ion·κ·A/L along the axis: R_ion is three times the resistance between one face "
    "of the box, open, and the evenly charged walls of the phase; the opposite face is blocked, the other sides are "
    f"closed; ε is the volume fraction of the whole phase ({_NGUYEN}).",
    "path_tortuosity": "Mean over the voxels of the phase on the high face of the shortest way through the phase from "
    f"the low face / thickness, along the axis; a ratio of lengths, no tortuosity factor ({_STENZEL}).",
    "constrictivity": "(r_min/r_max)² along the axis: r_max is the radius at which balls that fit fill half of the "
    f"phase, r_min that at which balls that enter through the low face do ({_HOLZER}).",
    "local_thickness": "Diameter of the largest ball that lies in the phase and covers a voxel (opening or continuous "
    "size distribution); the smallest diameter up to which the stated share of the voxels lies. The faces of the box "
    f"do not end balls ({_HILDEBRAND}).",
    "chord_length": "Length of the straight stretches of the phase along the lines of the lattice, by number. Mean: "
    "content / number of chords, from the ends of chords inside the region; quantiles: the smallest length up to which "
    f"the stated share of chords lies, those cut by the edge taken as longer than seen ({_UNDERWOOD}).",
    "lineal_path_length": "Mean length, over the places of the phase, of the straight way along the axis to where the "
    f"phase ends: ∫L dr / ε, L(r) the probability that a line of length r lies wholly in the phase ({_LU}).",
    "unfolded_diameter": "Diameter of the spheres whose random sections would be the sections seen: the diameter up to "
    "which the stated share lies, weighted by d³ (volume) or 1 (number). Of particles that are nearly spheres only "
    f"({_SALTYKOV}).",
    "integral_range": "Integral over all distances of the correlation ρ = (S₂ - ε²)/(ε - ε²), S₂ the probability that "
    "two points so far apart both lie in the phase: a fraction measured in V scatters as the mean of V/A₃ independent "
    f"draws ({_LANTUEJOUL}).",
    "correlation_length": "Integral of the correlation ρ over the distance along the axis, up to where it first falls "
    f"to 0 or to the cut-off of the integral range ({_TORQUATO}).",
    "correlation_anisotropy": "Longest / shortest correlation length of the axes.",
    "representative_volume": "Edge of the cube (the square, of a section) in which the 95 % interval of the fraction "
    "is as wide as stated: 1.96·√(ε(1 - ε)·A₃/V), of a window cut at random from a homogeneous sample "
    f"({_LANTUEJOUL}).",
    "particle_count": "Number of particles, those cut by the edge included.",
    "particle_number_density": f"Sum of the Miles-Lantuéjoul weights of the whole particles / measure of the region "
    f"({_MILES}).",
    "equivalent_diameter": "Diameter of the sphere that has the volume of the particle's envelope; the smallest "
    "diameter up to which the cumulated weight reaches the stated share, weighted by d³ (volume), d² (area) or 1 "
    f"(number). Edge rule in `method` ({_MILES}).",
    "sphericity": "Median over whole particles of the surface of the sphere of equal volume / the surface of the "
    f"particle ({_WADELL}).",
    "circularity": "Median over whole particle sections of 4π · area / perimeter².",
    "aspect_ratio": "Median over whole particles of the longest / the shortest axis of the ellipsoid of equal second "
    "moments.",
    "particle_void_fraction": "Volume of cracks and voids inside the particle envelopes / volume of the envelopes.",
}


VARIANTS: dict[str, dict[str, str]] = {
    "apparent": {
        "representative_volume": "Edge of the cube in which the 95 % interval of the number named is so wide, "
        "relative: from the variance of apparent values on parts of the window, which falls as a power of the volume "
        f"({_KANIT}).",
    },
    "faces": {
        "specific_surface_area": "Area of the voxel faces between the phase and all other phases / volume of the "
        "region. The faces of the box and of the field of view are no interfaces.",
        "interface_area": "Area of the voxel faces between two phases / volume of the region.",
        "boundary_length": "Length of the pixel edges between the phase and all other phases / area of the region.",
        "interface_length": "Length of the pixel edges between two phases / area of the region.",
    },
    "mesh": {
        "specific_surface_area": "Area of a mesh of marching cubes through the segmented map, not smoothed, between "
        f"the phase and all other phases / volume of the region ({_LORENSEN}).",
        "interface_area": "Area of a mesh of marching cubes between two phases, not smoothed: half of what the meshes "
        f"of the two have more than that of both together / volume of the region ({_LORENSEN}).",
    },
    "edges": {
        "triple_phase_boundary_length": "Length of the voxel edges at which three phases meet × 2/3 / volume of the "
        "region; 2/3 is right for lines of all directions.",
    },
    "plane": {
        "specific_surface_area": "S_V = (4/π)·L_A from the boundary length per area of one section, which holds where "
        f"surfaces have no preferred direction ({_UNDERWOOD}).",
        "specific_surface_area_per_phase_volume": "(4/π)·L_A / area fraction of the phase in one section, which holds "
        f"where surfaces have no preferred direction ({_UNDERWOOD}).",
        "equivalent_diameter": "Section size: diameter of the circle that has the area of the particle's section; the "
        "smallest diameter up to which the cumulated weight reaches the stated share, weighted by d² (area) or 1 "
        f"(number). A section seldom passes through the middle of a particle. Edge rule in `method` ({_MILES}).",
        "local_thickness": "Diameter of the largest disc that lies in the section of the phase and covers a pixel; the "
        "smallest diameter up to which the stated share of the pixels lies. The edges of the section do not end discs "
        f"({_HILDEBRAND}).",
        "aspect_ratio": "Median over whole particle sections of the longer / the shorter axis of the ellipse of equal "
        "second moments.",
    },
}
"""What another method under the same name, or the plane, means instead."""


def define(name: str, *, variant: str = "", direction: str = "") -> str:
    """The definition that goes into a Measurement, with its direction in words where it has one.

    Examples
    --------
    >>> define("component_count")
    'Number of connected components of the phase.'
    """
    text = VARIANTS[variant][name] if variant else DEFINITIONS[name]
    return f"{text} Direction: {direction}." if direction else text
