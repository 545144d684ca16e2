import numpy as np
import torch

from sw import networks
from sw.models.multibit import FloatNet
from sw.training import curve
from sw.training.multibit import RECIPES
from tests.conftest import SMALL


def test_the_published_groups():
    network = networks.get("alq17").network
    sizes = curve.group_sizes(network)
    counts = {name: [c.weights // s for c, s in zip(network.layers, of, strict=True)] for name, of in sizes.items()}
    assert counts["published groups"] == [8, 96, 384, 2048, 4096, 4096, 4608, 128, 17]
    assert sum(counts["published groups"]) == 15_481
    assert counts["output channel"] == [c.out_channels for c in network.layers]


def test_smaller_groups_lose_less_and_store_more():
    torch.manual_seed(1)
    rows = curve.compare_groups(FloatNet(SMALL).eval(), torch.randn(8, 1, SMALL.window), torch.zeros(8, dtype=torch.long))
    by = {(row["groups"], row["bases"]): row for row in rows}
    for bases in (1, 2, 3):
        channel, published = by["output channel", bases], by["published groups", bases]
        assert published["lost_energy"] < channel["lost_energy"]
        assert published["stored_bytes"] > channel["stored_bytes"]
    counts = [3 * c.out_channels for c in SMALL.layers]
    assert by["output channel", 3]["stored_bytes"] == -(-SMALL.stored_bits(counts) // 8)


def test_more_bytes_may_take_more_cycles_and_fewer_never_fewer():
    recipe = RECIPES["alq17"]
    assert curve.for_budget(recipe, recipe.stored_bytes) == recipe
    twice = curve.for_budget(recipe, 2 * recipe.stored_bytes)
    assert (twice.width, twice.cycles) == (2 * recipe.width, 2 * recipe.cycles)
    assert curve.for_budget(recipe, recipe.stored_bytes // 2).width == recipe.width
    network = networks.get("alq17").network
    assert network.stored_bits([c.out_channels for c in network.layers]) <= 8 * min(curve.BUDGETS)


def test_picture(tmp_path):
    points = [{"stored_bytes": b, "accuracy": a, "ci95": [a - 0.05, a + 0.02]} for b, a in ((12_000, 0.9), (20_000, 0.95))]
    figures = {"model": "alq17", "windows": 99, "float_accuracy": 0.96, "points": points}
    curve.draw(figures, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 10_000


def test_stored_curve_is_of_the_recordings():
    from sw import files

    figures = files.read_json(curve.STORED)
    assert figures["data"] == "mitdb" and curve.PICTURE.is_file()
    assert [p["budget"] for p in figures["points"]] == list(curve.BUDGETS)
    assert all(p["stored_bytes"] <= p["budget"] for p in figures["points"])
    assert np.isfinite([p["accuracy"] for p in figures["points"]]).all()
