import pytest

from hw.stream.elastic import ElasticChain, ElasticParams
from sim.prove import streams
from sim.prove.scene import Property, Scene, text


def test_signals_are_found_by_their_names():
    def build(scene: Scene) -> None:
        inside = scene.add(ElasticChain(ElasticParams(3, 2)))
        assert len(inside["data1"]) == 3
        with pytest.raises(KeyError, match="0 signals are called data2; there are .*data1"):
            _ = inside["data2"]

    assert "data1" in text(Property("names", "", build, streams.PROPERTIES[0].faults))


@pytest.mark.parametrize("wrong", [{"faults": ()}, {"depth": 0}])
def test_a_property_needs_a_fault_and_a_cycle(wrong):
    with pytest.raises(ValueError):
        Property(**({"name": "a", "says": "", "build": lambda scene: None, "faults": (None,)} | wrong))
