import pytest

from hw.axilite.queue import ResultQueue
from hw.qrs.top import QrsTop
from hw.stream import skid
from sim.prove import cut, scoreboard, solver
from sim.prove.faults import Fault
from sim.prove.scene import Property
from sw.errors import PopbeatError
from sw.qrs.detector import PARAMS


def test_what_others_put_out_is_free(tmp_path, monkeypatch):
    """The detector never offers a beat in its first cycles; with its place left free, one may come at once."""
    monkeypatch.setattr(solver, "FOLDER", tmp_path)

    def build(scene):
        top = QrsTop(PARAMS)
        scene.add(top, keep=("sink",))
        scene.drive(top.s_axis_tdata, top.s_axis_tvalid, top.m_axis_tready)
        scene.claim(~top.m_axis_tvalid)

    fault = Fault(skid, "waiting.eq(0)]", "waiting.eq(1)]")
    with pytest.raises(PopbeatError, match="does not hold"):
        solver.prove(Property("silent", "", build, (fault,), depth=2))


def test_what_can_not_stand_alone_is_refused():
    with pytest.raises(PopbeatError, match="no part detector.nothing to keep"):
        cut.alone(QrsTop(PARAMS), ("sink", "detector.nothing"))
    with pytest.raises(PopbeatError, match="a memory or a foreign block"):
        cut.alone(ResultQueue(4), ("fifo",))


def test_a_stream_that_changes_its_mind_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(solver, "FOLDER", tmp_path)

    def build(scene):
        valid, ready, payload = (scene.free(width, name) for width, name in ((1, "valid"), (1, "ready"), (4, "payload")))
        scoreboard.stays(scene, valid, ready, payload)

    fault = Fault(skid, "waiting.eq(0)]", "waiting.eq(1)]")
    with pytest.raises(PopbeatError, match="does not hold"):
        solver.prove(Property("whims", "", build, (fault,), depth=3))
