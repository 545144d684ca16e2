"""What is stored is of this tree."""

import pytest

from sim.prove import __main__ as command
from sim.prove import families, scene
from sw import files

STORED = {entry["name"]: entry for entry in files.read_json(command.STORED)["proofs"]}


def test_every_property_has_a_name_of_its_own_and_is_stored():
    assert [one.name for one in families.ALL] == list(STORED)


@pytest.mark.parametrize("one", families.ALL, ids=lambda one: one.name)
def test_stored_proofs_are_of_the_gateware_that_is_generated_now(one):
    entry = STORED[one.name]
    assert entry["sha256"] == files.sha256(scene.text(one).encode()), "prove anew: make prove; make report"
    assert (entry["says"], entry["faults"]) == (one.says, len(one.faults))


def test_properties_are_chosen_by_family_or_by_words():
    assert families.chosen("streams") == families.FAMILIES["streams"]
    assert families.chosen("") == families.ALL
    assert {one.name.split(":")[0] for one in families.chosen("skid")} == {"skid buffer"}
    assert not families.chosen("no such")
