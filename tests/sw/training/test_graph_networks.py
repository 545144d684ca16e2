"""Shipping networks that are graphs."""

import shutil

import pytest

from sw.errors import PopbeatError
from sw.export import bundle as common
from sw.export.array import bundle
from sw.training import graph_networks


def test_a_shipped_network_keeps_the_figures_of_other_protocols(tmp_path, monkeypatch):
    home = tmp_path / "shipped"
    shutil.copytree(common.SHIPPED / "gasf5", home / "gasf5")
    before = bundle.read(home / "gasf5")
    monkeypatch.setattr(common, "SHIPPED", home)
    graph_networks._ship("gasf5", "comparable", home / "gasf5", {"comparable": {"accuracy": 0.5}})
    after = bundle.read(home / "gasf5")
    assert after.sha256 == before.sha256
    assert after.training["accuracy"] == before.training["accuracy"] | {"comparable": {"accuracy": 0.5}}
    assert "inter-patient" in after.training["accuracy"]
    with pytest.raises(PopbeatError, match="the network that is shipped is that of comparable"):
        graph_networks._ship("gasf5", "inter-patient", home / "gasf5", {})
