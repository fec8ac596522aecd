"""From the circles of a section to the spheres that were cut (Saltykov).

A plane cuts a large sphere more often than a small one, and mostly beside its middle. Were all particles spheres,
the sections of each class of spheres would fall into the classes up to its own in known shares; solved from the largest
class down, the sections give the spheres per volume [1]_ [2]_. Errors of the large classes add up in the small ones,
which may come out negative: they are kept, and say how far the small classes can be trusted.

References
----------
.. [1] S. A. Saltykov, The determination of the size distribution of particles in an opaque material from a measurement
   of the size distribution of their sections, in H. Elias (ed.), Stereology, Springer (1967), 163-173,
   doi 10.1007/978-3-642-88260-9_31.
.. [2] E. E. Underwood, Quantitative Stereology, Addison-Wesley (1970), chapter 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Spheres", "unfold_spheres"]

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spheres:
    """Spheres per volume, by class of diameter.

    Parameters
    ----------
    edges : (C + 1,) class edges, from 0, in the unit of the sections
    densities : (C,) spheres per volume; a negative one shows what the smaller classes suffer from the larger ones
    """

    edges: Floats
    densities: Floats

    @property
    def diameters(self) -> Floats:
        """(C,) diameter that stands for each class: its middle."""
        middles: Floats = (self.edges[1:] + self.edges[:-1]) / 2
        return middles

    @property
    def negative_share(self) -> float:
        """Sum of the negative densities over that of the positive ones."""
        positive = float(self.densities[self.densities > 0].sum())
        return -float(self.densities[self.densities < 0].sum()) / positive if positive else 0.0

    def quantiles(self, shares: tuple[float, ...], *, power: int) -> Floats:
        """Diameters up to which the spheres hold each share of the sum of d to a power; negative classes count 0.

        Linear inside a class.
        """
        content = np.maximum(self.densities, 0.0) * self.diameters**power
        cumulated = np.concatenate([[0.0], np.cumsum(content)])
        found: Floats = np.interp(np.array(shares) * cumulated[-1], cumulated, self.edges)
        return found


def unfold_spheres(sections: Floats, weights: Floats, *, area: float, classes: int, largest: float) -> Spheres:
    """Spheres per volume that give the sections of a plane.

    Parameters
    ----------
    sections : (N,) diameters of circles
    weights : (N,) how many sections each stands for
    area : of the plane that was looked at, in the squared unit of the sections
    classes : of equal width; 8 to 15, as more of them only amplify noise
    largest : diameter at which the classes end

    Returns
    -------
    Spheres

    Notes
    -----
    All spheres of a class are taken as large as its middle. Per area, spheres of diameter D at a density N give
    N (√(D² - a²) - √(D² - b²)) sections between a and b.

    Examples
    --------
    Two spheres of diameter 0.75 per volume, cut: 2 · √(0.75² - 0.5²) sections above 0.5 per area.

    >>> found = unfold_spheres(np.array([0.7, 0.3]), np.array([1.118, 0.382]), area=1.0, classes=2, largest=1.0)
    >>> found.densities.round(2)
    array([0., 2.])
    """
    edges = np.linspace(0.0, largest, classes + 1)
    counts = np.histogram(sections, edges, weights=weights)[0] / area
    middles = (edges[1:] + edges[:-1]) / 2
    # Row: class of the section; column: class of the sphere.
    beyond = np.sqrt(np.maximum(middles[None, :] ** 2 - edges[:, None] ** 2, 0.0))
    shares = beyond[:-1] - beyond[1:]
    densities = np.zeros(classes)
    for row in range(classes - 1, -1, -1):
        known = float(shares[row, row + 1 :] @ densities[row + 1 :])
        densities[row] = (counts[row] - known) / shares[row, row]
    return Spheres(edges, densities)
