"""Changes of the Amaranth source: each is one place, and the file stays Python."""

import ast

import pytest

from sim.mutate import run, source
from sw import files
from sw.errors import PopbeatError

SAMPLE = """
WIDTH = 3


class Part:
    def elaborate(self, platform):
        m = Module()
        with m.If(self.a & ~self.b):
            m.d.sync += self.c.eq(self.c + 1)
        return m

    def latency(self):
        return WIDTH + 2
"""


def test_every_kind_of_change_and_only_of_hardware():
    made = source.changes("hw/part.py", SAMPLE)
    assert sorted(one.text for one in made) == ["(0)", "(1)", "(2)", "(self.a | ~self.b)", "(self.b)", "(self.c - 1)"]
    assert {one.what for one in made} == {"operator", "condition", "constant"}
    for one in made:
        assert ast.dump(ast.parse(one.applied(SAMPLE))) != ast.dump(ast.parse(SAMPLE))


def test_a_change_is_drawn_from_files_that_tests_stand_behind():
    drawn = source.drawn(30, 1)
    assert len(set(drawn)) == 30
    for one in drawn:
        text = (files.ROOT / one.file).read_text()
        ast.parse(one.applied(text))
        assert all((files.ROOT / tests).exists() for tests in source.tests_of(one.file))
    assert source.tests_of("hw/binary/pool.py") == ["tests/hw/binary/test_pool.py", "tests/hw/binary"]
    assert source.tests_of("hw/mac/post.py") == ["tests/hw/mac", "tests/sim/test_networks.py"]
    gateware = {one.parent for one in (files.ROOT / "hw").rglob("*.py") if "m.d." in one.read_text()}
    assert gateware == {files.ROOT / folder for folder in source.BEHIND}
    with pytest.raises(PopbeatError, match="places to change"):
        source.drawn(10**6, 1)


def test_a_reason_is_of_one_change_alone():
    reasons = [key for key in files.read_json(run.REASONS, "reasons") if ".py:" in key]
    assert reasons
    for file in {key.split(":")[0] for key in reasons}:
        keys = [source.key(one) for one in source.changes(file, (files.ROOT / file).read_text())]
        assert len(set(keys)) == len(keys)
        assert all(key in keys for key in reasons if key.startswith(f"{file}:"))


def test_a_verdict_is_of_the_benches_too(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ROOT", tmp_path)
    part, bench = (tmp_path / folder / "binary" / "pool.py" for folder in ("hw", "sim/benches"))
    tests = tmp_path / "tests" / "hw" / "binary" / "test_pool.py"
    for path in (part, bench, tests):
        path.parent.mkdir(parents=True)
        path.write_text("before")
    seen = [source.inputs("hw/binary/pool.py")]
    for path in (part, bench, tests):
        path.write_text("after")
        seen.append(source.inputs("hw/binary/pool.py"))
    assert len({repr(one) for one in seen}) == 4
