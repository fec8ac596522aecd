"""What the members of an ensemble say about a number: each has segmented the same scan by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import t as student

from voltomo.artifacts import Measurement, SensitivityBand, UncertaintyPart
from voltomo.metrics.uncertainty import COVERAGE_FACTOR, with_band, with_part

__all__ = ["FEWEST_MEMBERS", "MemberScatter", "member_scatter", "with_segmentation"]

FEWEST_MEMBERS = 3
"""Below, there is a range and no standard uncertainty."""


@dataclass(frozen=True)
class MemberScatter:
    """How far the members are from the number of their common map.

    Parameters
    ----------
    values : the number of each member's own map, two or more
    u : standard deviation around the number of the common map; None for two members, or where it is not finite
    factor : half width of the 95 % interval / u, by Student's t
    where : the numbers were found, in words; "" where it was the whole volume
    """

    values: tuple[float, ...]
    u: float | None
    factor: float
    where: str = ""

    @property
    def words(self) -> str:
        """Where u comes from."""
        free = len(self.values) - 1
        return (
            f"standard deviation of {len(self.values)} members of the ensemble around their common map; Student's t "
            f"with {free} degrees of freedom (it is known to {100 / math.sqrt(2 * free):.0f} %)"
            f"{self.where and f'; {self.where}'}"
        )


def member_scatter(value: float, members: Sequence[float], *, where: str = "") -> MemberScatter:
    """Standard deviation of the members around the common map.

    Parameters
    ----------
    value : of the common map
    members : the same number of each member's own map
    where : they were found, in words

    Returns
    -------
    MemberScatter
        u² = Σ(xₖ - x)²/(M - 1) of M members. Where the number x of the common map is their mean, this is the variance
        of a member; elsewhere it holds their common distance from it as well.

    Notes
    -----
    Repeated observations, JCGM 100:2008, 4.2.2, with x in the place of the mean. It is the uncertainty of what one
    member finds. The number of the common map scatters less where members err apart; what all members get wrong alike
    is not seen.

    Examples
    --------
    >>> found = member_scatter(0.42, [0.40, 0.42, 0.44])
    >>> round(found.u, 3), round(found.factor, 2)
    (0.02, 4.3)
    """
    free = len(members) - 1
    factor = float(student.ppf(0.975, free))
    if len(members) < FEWEST_MEMBERS or not all(math.isfinite(member) for member in members):
        return MemberScatter(tuple(members), None, factor, where)
    u = math.sqrt(math.fsum((member - value) ** 2 for member in members) / free)
    return MemberScatter(tuple(members), u, factor, where)


def with_segmentation(
    item: Measurement, realized: UncertaintyPart | None, members: MemberScatter | None
) -> Measurement:
    """The number with the part of the segmentation: of the probabilities or of the members, the wider one.

    Parameters
    ----------
    item : of the map, with a value
    realized : what the probabilities give; None where there are none
    members : how the members of the ensemble scatter; None where they were not kept

    Returns
    -------
    Measurement
        The probabilities of an ensemble hold what its members disagree about, so that the two are not added. Its note
        says which of them it is, and what the other one gives. Two members give the band "two members", outside the
        budget. No uncertainty is given where the phase does not conduct in the map of a member, or in one that the
        probabilities allow.
    """
    if members is None:
        return item if realized is None else with_part(item, realized)
    blocked = sum(not math.isfinite(value) for value in members.values)
    if blocked:
        note = f"not estimated: the phase does not conduct in the maps of {blocked} of {len(members.values)} members"
        return with_part(item, UncertaintyPart("segmentation", note=note))
    if members.u is None:
        band = SensitivityBand("two members", min(members.values), max(members.values), "the range of two members")
        note = "not estimated: two members give a range, shown as a band; three give a standard uncertainty"
        return with_part(with_band(item, band), realized or UncertaintyPart("segmentation", note=note))
    if realized is None:
        note = f"{members.words}; what all of them get wrong alike is not in it"
        return with_part(item, UncertaintyPart("segmentation", members.u, note=note), factor=members.factor)
    u = realized.standard_uncertainty
    if u is None:  # some map that the probabilities allow does not conduct
        return with_part(item, realized)
    if members.factor * members.u > COVERAGE_FACTOR * u:
        note = (
            f"{members.words}; what all of them get wrong alike is not in it; maps drawn from the probabilities give "
            f"less, u = {u:.2g}"
        )
        return with_part(item, UncertaintyPart("segmentation", members.u, note=note), factor=members.factor)
    less = f"members give less: u = {members.u:.2g}, {members.words}"
    part = UncertaintyPart("segmentation", u, realized.bias, f"{realized.note}; {less}")
    return with_part(item, part)
