"""Which code is which phase, and what is asked or refused."""

from __future__ import annotations

import pytest

from voltomo.artifacts import CodedPhases, Phase, PhaseTable
from voltomo.errors import GateError, InputError
from voltomo.learning.codes import LabelCounts, notice_of_roles, resolve_codes

TABLE = CodedPhases(
    PhaseTable((Phase(1, "NMC", "active"), Phase(2, "CBD", "binder"), Phase(3, "pore", "pore"))), {0: 1, 1: 2, 2: 3}
)


def counts(codes: dict[int, int], name: str = "a.tif", **fields: object) -> LabelCounts:
    """What a label file holds."""
    return LabelCounts(name, codes, **fields)


@pytest.mark.parametrize("codes", [{0: 600, 1: 250, 2: 150}, {0: 500, 255: 500}, {0: 20, 85: 500, 170: 480}])
def test_a_frequent_zero_is_asked_about(codes):
    """Nobody but the user knows whether 0 is a phase: the gate names the shares and all three ways out."""
    with pytest.raises(GateError, match="is 0 unlabelled or a phase") as caught:
        resolve_codes([counts(codes)])
    assert caught.value.gate == "unlabelled"
    assert caught.value.exit_code == 3
    for part in (f"0 ({codes[0] / sum(codes.values()):.2%})", "--unlabelled 0", "--unlabelled none", "--phases"):
        assert part in str(caught.value)


def test_the_answers_to_the_question_are_taken():
    """With `--unlabelled 0` 0 is nothing; with none or a table it is a phase; 255 can be what was left out."""
    codes = {0: 600, 1: 250, 2: 150}
    assert resolve_codes([counts(codes)], unlabelled=0).ids == ({0: 0, 1: 1, 2: 2},)
    assert resolve_codes([counts(codes)], unlabelled="none").ids == ({0: 1, 1: 2, 2: 3},)
    assert resolve_codes([counts(codes)], phases=TABLE).ids == ({0: 1, 1: 2, 2: 3},)
    assert resolve_codes([counts({**codes, 255: 9})], unlabelled=255).ids == ({0: 1, 1: 2, 2: 3, 255: 0},)


@pytest.mark.parametrize(
    ("codes", "word"), [({0: 970, 1: 20, 2: 10}, "strokes"), ({0: 4, 1: 500, 2: 496}, "forgotten")]
)
def test_strokes_and_forgotten_voxels_are_taken_as_unlabelled_and_told(codes, word):
    """Where 0 fills nine tenths, or less than a hundredth, it is unlabelled, and the reader is told why."""
    coding = resolve_codes([counts(codes)])
    assert coding.ids[0][0] == 0
    assert word in coding.notices[0]


def test_ids_are_the_codes_where_they_can_be():
    """Codes 1 to 255 stay; others are numbered by rising code, and the reader is told."""
    kept = resolve_codes([counts({5: 10, 2: 10})])
    assert kept.phases.ids == (2, 5)
    moved = resolve_codes([counts({70: 10, 1000: 10})])
    assert moved.ids[0] == {70: 1, 1000: 2, 0: 0}
    assert "70 → 1, 1000 → 2" in moved.notices[0]


def test_names_that_leave_no_doubt_set_the_role():
    """NMC811 is active, CBD is binder; a phase that nobody named is told, with the way out, and none else is."""
    names = {1: "Voids", 2: "NMC811", 3: "CBD", 4: "Label 4"}
    coding = resolve_codes([counts(dict.fromkeys(names, 9), names=names, is_zero_unlabelled=True)])
    assert [phase.role for phase in coding.phases] == ["pore", "active", "binder", "other"]
    (notice,) = coding.notices
    assert "what Label 4 is" in notice
    assert "--phases phases.yaml" in notice
    assert notice_of_roles(TABLE.table) == ()


def test_the_table_knows_the_codes_it_was_made_from():
    """Numbered by rising code, each phase keeps the code of the file; what is unlabelled has none."""
    coding = resolve_codes([counts({0: 400, 7: 300, 300: 300})], unlabelled=0)
    assert coding.coded == CodedPhases(coding.phases, {7: 1, 300: 2})


def test_codes_that_the_table_does_not_name_are_refused():
    """An unknown code is a gate that says which row to add."""
    with pytest.raises(GateError, match=r"add a row with `code: 7`") as caught:
        resolve_codes([counts({0: 5, 1: 5, 7: 1})], phases=TABLE)
    assert caught.value.gate == "codes"


def test_a_code_that_is_a_phase_and_unlabelled_is_a_contradiction():
    """Table and `--unlabelled` disagree: a bad request."""
    with pytest.raises(InputError, match="'NMC' in the phase table and was also given as unlabelled"):
        resolve_codes([counts({0: 5, 1: 5})], phases=TABLE, unlabelled=0)


@pytest.mark.parametrize(
    ("files", "message"),
    [([counts({})], "nothing is labelled in a.tif"), ([counts({0: 95, 3: 5})], "only 'class 3' is labelled")],
)
def test_labels_that_teach_nothing_are_refused(files, message):
    """No label, or a single phase: a gate with what to do."""
    with pytest.raises(GateError, match=message) as caught:
        resolve_codes(files)
    assert caught.value.gate == "labels"


def test_a_phase_in_one_of_several_complete_files_is_refused_until_it_is_named():
    """Three complete files, one with a code of its own: a slip is likely; with a table it is a notice."""
    files = [counts({0: 5, 1: 5}, f"{i}.tif") for i in range(2)] + [counts({0: 5, 1: 4, 2: 1}, "odd.tif")]
    with pytest.raises(GateError, match=r"class 3 occurs in odd.tif only, although all 3 files are complete"):
        resolve_codes(files, unlabelled="none")
    assert any("pore is labelled in odd.tif only" in n for n in resolve_codes(files, phases=TABLE).notices)


def test_a_phase_in_one_scribbled_file_is_told():
    """Strokes need not hold every phase: a notice says that it cannot be validated elsewhere."""
    files = [counts({0: 97, 1: 2, 2: 1}, "a.tif"), counts({0: 97, 1: 3}, "b.tif")]
    assert any("class 2 is labelled in a.tif only" in notice for notice in resolve_codes(files).notices)


def test_names_in_the_file_become_phases_or_find_their_row():
    """Names in ilastik and COCO files make the table, or pick the rows of a table whatever their codes are."""
    file = counts({0: 90, 1: 5, 2: 5}, names={1: "pore", 2: "NMC"}, is_zero_unlabelled=True)
    own = resolve_codes([file])
    assert [(phase.name, phase.role) for phase in own.phases] == [("pore", "pore"), ("NMC", "active")]
    assert resolve_codes([file], phases=TABLE).ids == ({0: 0, 1: 3, 2: 1},)


def test_files_that_call_one_code_by_two_names_are_refused():
    """Two projects with their classes in another order must not be mixed."""
    files = [counts({1: 5, 2: 5}, "a", names={1: "pore"}), counts({1: 5, 2: 5}, "b", names={1: "NMC"})]
    with pytest.raises(InputError, match="calls code 1 'NMC', another file 'pore'"):
        resolve_codes(files)


def test_a_mostly_empty_stack_is_not_taken_as_a_phase():
    """If 0 is a phase but most slices hold nothing else, nobody has painted them: refused."""
    file = counts({0: 50, 1: 30, 2: 20}, slices=100, empty_slices=97)
    with pytest.raises(GateError, match=r"97 of 100 slices of a.tif hold nothing else"):
        resolve_codes([file], phases=TABLE)
    assert resolve_codes([file], unlabelled=0).ids == ({0: 0, 1: 1, 2: 2},)


def test_particle_numbers_are_no_phases():
    """More codes than an electrode has phases: a gate that suspects particle numbers or interpolation."""
    with pytest.raises(GateError, match="30 codes, 1 to 30, more than an electrode has phases"):
        resolve_codes([counts(dict.fromkeys(range(1, 31), 5))])
