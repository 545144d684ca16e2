import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from sw import files, networks
from sw.errors import PopbeatError
from sw.export import bundle
from tests.conftest import random_bundle

LIMITS = {"bnn5": 3732, "bnn17": 4467, "bnnbeat5": 5120}
PROTOCOLS = {"bnn5": "comparable+records", "bnn17": "comparable+records", "bnnbeat5": "inter-patient"}
SHIPPED = sorted(p.name for p in bundle.SHIPPED.iterdir()) if bundle.SHIPPED.is_dir() else []


@pytest.fixture
def stored(tmp_path):
    packed = random_bundle(1)
    bundle.write(packed, tmp_path)
    return tmp_path, packed


def rewrite(folder, **changes):
    path = folder / "bundle.json"
    files.write_json(path, files.read_json(path) | changes)


def rewrite_tensors(folder, change):
    """Change tensors and put the right hash beside them: only their meaning is wrong."""
    tensors = load((folder / "tensors.safetensors").read_bytes())
    change(tensors)
    content = save(tensors)
    (folder / "tensors.safetensors").write_bytes(content)
    rewrite(folder, files={"tensors.safetensors": files.sha256(content)})


def test_round_trip(stored):
    folder, packed = stored
    again = bundle.read(folder)
    assert again.sha256 == packed.sha256
    assert again.network == packed.network
    assert again.classes == packed.classes
    assert bundle.read_golden(folder) is None


@pytest.mark.parametrize("seed", range(5))
def test_packed_bits_are_the_whole_network(seed):
    packed = random_bundle(seed, thresholds="any")
    assert bundle.unpack(bundle.pack(packed), packed).sha256 == packed.sha256


@pytest.mark.parametrize("name", networks.of_kind(networks.BinaryNetwork))
def test_every_model_ships_a_bundle_within_its_size(name):
    assert name in SHIPPED
    packed = bundle.read(bundle.SHIPPED / name)
    assert packed.model == name
    assert packed.network == networks.MODELS[name].network
    assert len(bundle.pack(packed)) <= LIMITS[name]
    assert files.read_json(bundle.SHIPPED / name / "bundle.json")["stored_bytes"] == len(bundle.pack(packed))
    assert bundle.unpack(bundle.pack(packed), packed).sha256 == packed.sha256
    assert packed.training["protocol"] == PROTOCOLS[name]
    assert packed.training["data"] == "mitdb"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "no popbeat bundle"),
        ({"version": 2}, "has version 2; this popbeat reads version 1"),
        ({"files": {}}, "gives no SHA-256"),
        ({"classes": ["a"]}, "1 class names for a network with 2 classes"),
        ({"classes": ["a", "a"]}, "2 class names"),
        ({"model": "../x"}, "no short lower-case identifier"),
        ({"network": {"kind": "other", "window": 61, "channels": [3, 4, 2]}}, "network kind 'other'"),
        ({"network": {"kind": "binary", "window": 61, "channels": [3, 4, 4, 2], "head": {"offset_shift": 3}}}, "other tensors"),
        ({"network": {"kind": "binary", "window": 9, "channels": [3, 4, 2], "head": {"offset_shift": 3}}}, "malformed"),
        ({"network": {"kind": "binary", "window": 61, "channels": [3, 5, 2], "head": {"offset_shift": 3}}}, "needs int8.5, 3, 7."),
        ({"network": {"kind": "binary", "window": 61, "channels": [3, -4, 2], "head": {"offset_shift": 3}}}, "malformed"),
        ({"network": {"kind": "binary", "window": 61, "channels": [3, 4, 2], "head": {"offset_shift": 99}}}, "offset_shift is 99"),
        ({"normaliser": {"window": 60}}, "differ"),
        ({"normaliser": {"window": 61, "z_bits": 18, "z_fraction": 10}}, "of at most 16"),
        ({"normaliser": {"window": 10**9}}, "2 to 65536 samples"),
        ({"network": {"kind": "binary", "window": 10**9, "channels": [3, 4, 2], "head": {"offset_shift": 3}}}, "at most 65536"),
        ({"network": {"kind": "binary", "window": 61, "channels": [3, 4, 2], "head": {"offset_shift": 3.9}}}, "must be an integer"),
        ({"task": "x\nmodule evil; endmodule"}, "is no short word"),
        ({"classes": "ab"}, "not a list"),
        ({"classes": ["a", 2]}, "classes must be strings"),
        ({"training": None}, "training is None"),
        ({"files": []}, "gives no SHA-256"),
        ({"normaliser": {"nonsense": 1}}, "malformed"),
    ],
)
def test_wrong_graphs(stored, changes, message):
    folder, _ = stored
    rewrite(folder, **changes)
    with pytest.raises(PopbeatError, match=message):
        bundle.read(folder)


def test_wrong_files(stored):
    folder, _ = stored
    path = folder / "tensors.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(PopbeatError, match="damaged or changed"):
        bundle.read(folder)
    path.write_bytes(content[:40])
    rewrite(folder, files={"tensors.safetensors": files.sha256(content[:40])})
    with pytest.raises(PopbeatError, match="can't be read as safetensors"):
        bundle.read(folder)
    lying = (1 << 60).to_bytes(8, "little") + content[8:]  # a header that claims 2^60 bytes
    path.write_bytes(lying)
    rewrite(folder, files={"tensors.safetensors": files.sha256(lying)})
    with pytest.raises(PopbeatError, match="can't be read as safetensors"):
        bundle.read(folder)
    path.unlink()
    with pytest.raises(PopbeatError, match="bundle file not found"):
        bundle.read(folder)
    (folder / "bundle.json").write_text("[" * 100_000)
    with pytest.raises(PopbeatError, match="can't be read as JSON"):
        bundle.read(folder)
    (folder / "bundle.json").write_text(" " * (files.MAX_JSON_BYTES + 1))
    with pytest.raises(PopbeatError, match="at most 16777216 are read"):
        bundle.read(folder)
    (folder / "bundle.json").write_text("{")
    with pytest.raises(PopbeatError, match="can't be read as JSON"):
        bundle.read(folder)
    with pytest.raises(PopbeatError, match="is no folder"):
        bundle.read(folder / "none")


def test_wrong_tensors(stored):
    folder, _ = stored

    def zero(tensors):
        tensors["block1.weight"][0, 0, 0] = 0

    def wide(tensors):
        tensors["block2.threshold"][0] = 999

    def head(tensors):
        tensors["head.offset"][0] = 8192

    for change, message in ((zero, "holds 0"), (wide, "allowed are 0 to 22"), (head, "allowed are -8192 to 8191")):
        original = (folder / "tensors.safetensors").read_bytes(), json.loads((folder / "bundle.json").read_text())
        rewrite_tensors(folder, change)
        with pytest.raises(PopbeatError, match=message):
            bundle.read(folder)
        (folder / "tensors.safetensors").write_bytes(original[0])
        files.write_json(folder / "bundle.json", original[1])


def test_golden_parameters_of_another_network(tmp_path):
    from sw.export.binary import fold

    packed = random_bundle(1)
    other = fold.parameters(fold.BinaryNet(networks.BinaryNetwork((3, 5, 2), 61)))
    bundle.write(packed, tmp_path, save(other))
    with pytest.raises(PopbeatError, match="another network's parameters"):
        fold.golden(packed.network, bundle.read_golden(tmp_path))
    path = tmp_path / "golden.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PopbeatError, match="damaged or changed"):
        bundle.read_golden(tmp_path)


def test_a_bundle_that_could_not_be_read_can_not_be_made():
    packed = random_bundle(1)
    with pytest.raises(PopbeatError, match="holds 0"):
        replace(packed, weights=(np.zeros_like(packed.weights[0]), *packed.weights[1:]))


def test_unknown_model_lists_the_known_ones():
    with pytest.raises(PopbeatError, match="unknown model 'bnn6'"):
        bundle.locate("bnn6", "")
    with pytest.raises(PopbeatError, match="unknown model 'bnn6'; there are bnn5, bnn17"):
        networks.get("bnn6")
