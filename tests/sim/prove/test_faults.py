import pytest

from hw.stream import skid
from hw.stream.skid import SkidBuffer
from sim.prove import families
from sim.prove.faults import Fault, planted
from sim.prove.scene import Property, text
from sw.errors import PopbeatError


def skid_alone(scene):
    scene.add(SkidBuffer(2))


def test_a_fault_is_there_for_those_who_imported_the_class_and_gone_afterwards():
    alone = Property("alone", "", skid_alone, (Fault(skid, "waiting.eq(0)]", "waiting.eq(1)]"),))
    right = text(alone)
    with planted(alone.faults[0]):
        assert text(alone) != right
    assert text(alone) == right
    with pytest.raises(ZeroDivisionError), planted(alone.faults[0]):
        _ = 1 / 0
    assert text(alone) == right


@pytest.mark.parametrize(
    "old, new, why",
    [
        ("no such words", "", "has 0 times"),
        ("payload", "", "times 'payload'"),
        ("CAPACITY = 2", "CAPACITY = 3", "changes no function"),
    ],
)
def test_a_fault_that_is_none_is_refused(old, new, why):
    with pytest.raises(PopbeatError, match=why), planted(Fault(skid, old, new)):
        pass


@pytest.mark.parametrize("one", families.ALL, ids=lambda one: one.name)
def test_every_fault_still_fits_its_source(one):
    for fault in one.faults:
        with planted(fault):
            pass
