"""What pictures read from arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.artifacts import CrackMap, InstanceMap, PhaseMap, PhaseTable, Volume
from voltomo.errors import InputError
from voltomo.report import ReportContent
from voltomo.report.views import coarse_step, read_coarse, read_cut, read_plane
from voltomo.report.write import draw_pictures


@settings(max_examples=20, deadline=None)
@given(shape=st.tuples(*[st.integers(1, 9)] * 3), step=st.integers(1, 4), axis=st.integers(0, 2))
def test_a_plane_is_every_nth_row_and_column(shape: tuple[int, int, int], step: int, axis: int) -> None:
    """Reading by region gives what slicing the whole array gives."""
    array = np.arange(np.prod(shape)).reshape(shape)
    index = shape[axis] // 2
    assert np.array_equal(read_plane(array, axis, index, step=step), array.take(index, axis)[::step, ::step])


@settings(max_examples=20, deadline=None)
@given(shape=st.tuples(*[st.integers(1, 300)] * 2), step=st.tuples(*[st.integers(1, 4)] * 3))
def test_a_coarse_array_is_every_nth_voxel(shape: tuple[int, int], step: tuple[int, int, int]) -> None:
    """Reading tile by tile gives what slicing the whole array gives, tile edges included."""
    array = np.arange(3 * np.prod(shape)).reshape(3, *shape)
    assert np.array_equal(read_coarse(array, step), array[:: step[0], :: step[1], :: step[2]])


def test_steps_bring_every_edge_to_the_limit() -> None:
    """1024 voxels at a limit of 192 are read every sixth."""
    assert coarse_step((1, 192, 1024), 192) == (1, 1, 6)


class _Endless:
    """A volume that exists only where it is read, and remembers the largest region that was asked for."""

    def __init__(self, shape: tuple[int, int, int], make: Callable[..., npt.NDArray[Any]], dtype: str) -> None:
        self.shape, self.dtype, self.largest = shape, np.dtype(dtype), 0
        self._make = make

    def __getitem__(self, region: Any) -> npt.NDArray[Any]:
        edges = [range(n)[part] for n, part in zip(self.shape, region, strict=True)]
        assert all(isinstance(part, slice) and part.step is None for part in region), "regions are contiguous"
        self.largest = max(self.largest, int(np.prod([len(edge) for edge in edges])) * self.dtype.itemsize)
        z, y, x = np.ix_(*edges)
        return np.broadcast_to(self._make(z, y, x), [len(edge) for edge in edges]).astype(self.dtype)


def test_a_large_study_is_never_read_whole() -> None:
    """A report reads at most 64 MiB at once, a 256³ tile of uint32, whatever the size of the study."""
    shape = (300, 300, 300)
    phases = _Endless(shape, lambda z, y, x: 1 + ((z // 40 + y // 40 + x // 40) % 2), "uint8")
    particles = _Endless(shape, lambda z, y, x: ((z // 40 + y // 40 + x // 40) % 2) * (1 + z // 40), "uint32")
    cracks = _Endless(shape, lambda z, y, x: (z // 40 + y // 40 + x // 40) % 2, "uint8")
    grey = _Endless(shape, lambda z, y, x: z + y - x, "float32")

    class _Channels:
        shape, dtype = (1, *grey.shape), grey.dtype

        def __getitem__(self, region: Any) -> npt.NDArray[Any]:
            assert region[0] == 0
            return grey[region[1:]]

    content = ReportContent(
        "Large",
        volume=Volume(_Channels(), name="large"),
        phase_map=PhaseMap(phases, PhaseTable.two_class()),
        instance_map=InstanceMap(particles, {"instance_id": np.arange(1, 11)}),
        crack_map=CrackMap(cracks),
    )
    draw_pictures(content)
    assert max(a.largest for a in (phases, particles, cracks, grey)) <= 64 * 2**20
    assert grey.largest < 2**20, "of the grey values only planes are read"


def test_maps_of_different_shape_are_refused(make_content: Callable[..., ReportContent]) -> None:
    """Maps that do not cover the same voxels make no report."""
    other = InstanceMap(np.zeros((2, 3, 4), np.uint32))
    with pytest.raises(InputError, match="same voxels"):
        make_content(instance_map=other)


def test_a_preview_takes_the_place_of_the_map(make_content: Callable[..., ReportContent]) -> None:
    """With a coarse level at hand the whole map is read for planes only."""
    plain = make_content()
    assert plain.instance_map is not None
    ids = np.asarray(plain.instance_map.data)
    watched = _Endless(ids.shape, lambda z, y, x: ids[z, y, x], "uint32")
    content = make_content(
        instance_map=InstanceMap(watched, plain.instance_map.table),
        previews={"particles": ids[::2, ::2, ::2], "phases": plain.phase_map.data[::2, ::2, ::2]},  # type: ignore[union-attr]
    )
    draw_pictures(content)
    assert watched.largest < ids.nbytes / 10


def test_a_cut_knows_its_field_of_view(make_content: Callable[..., ReportContent]) -> None:
    """Voxels of id 0 are outside; where there is none, nothing is outlined."""
    outside = read_cut(make_content(), "z").inside
    assert outside is not None
    assert not outside[0, 0]
    assert read_cut(make_content(dimension=2), "z").inside is None
