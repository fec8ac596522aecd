"""From basins to particles."""

from __future__ import annotations

import numpy as np

from voltomo.instances.assign import assign_particles, cavity_neighbors, number_particles, own_cavities
from voltomo.instances.basins import Contacts
from voltomo.instances.envelope import ACTIVE, GAP
from voltomo.morphology.grid import Grid


def test_particles_are_numbered_in_raster_order() -> None:
    """Ids follow the first active voxel; groups that are too small or not active get none."""
    roots = np.array([0, 1, 0, 3, 4])
    voxels = np.array([50, 60, 50, 5, 70])
    first = np.array([900, 300, 100, 10, -1])
    contacts = Contacts(
        np.array([1, 1], np.uint32), np.array([2, 4], np.uint32), np.array([9, 9], np.uint16), np.array([3, 3])
    )
    ids = number_particles(roots, voxels, first, contacts, min_voxels=20)
    assert ids.of_basin.tolist() == [0, 1, 2, 1, 0, 0]
    assert ids.contacts.tolist() == [1, 1]


def test_contacts_over_closed_gaps_do_not_count() -> None:
    """Particles that meet only across a closed gap are no neighbours."""
    contacts = Contacts(np.array([1], np.uint32), np.array([2], np.uint32), np.array([9], np.uint16), np.array([0]))
    ids = number_particles(np.array([0, 1]), np.array([9, 9]), np.array([0, 5]), contacts, min_voxels=1)
    assert ids.contacts.tolist() == [0, 0]


def test_void_belongs_to_the_only_particle_around_it() -> None:
    """A void inside one particle is owned, one between two is not."""
    labels = np.ones((1, 5, 9), np.uint32)
    labels[:, :, 5:] = 2
    cavities = np.zeros((1, 5, 9), np.uint32)
    cavities[0, 2, 2] = 1
    cavities[0, 2, 4:6] = 2
    labels[cavities > 0] = 0
    pairs = cavity_neighbors(cavities, labels, (slice(0, 1), slice(0, 5), slice(0, 9)))
    assert own_cavities(pairs, 2).tolist() == [0, 1, 0]


def test_wedge_between_particles_is_given_back() -> None:
    """A closed gap near another particle becomes background, one that is far from it stays."""
    basins = np.ones((1, 1, 20), np.uint32)
    basins[..., 10:] = 2
    codes = np.full(basins.shape, ACTIVE, np.uint8)
    codes[..., [2, 8, 9, 10, 17]] = GAP
    labels = assign_particles(basins, codes, np.array([0, 7, 8], np.uint32), Grid((1.0, 1.0, 1.0)).ball(4.0))
    assert np.flatnonzero(labels == 0).tolist() == [8, 9, 10]
    assert labels[0, 0, [2, 17]].tolist() == [7, 8]
