import json

import pytest

from docs.generate import fpga, pages, store
from hw import verilog
from sw import files
from sw.errors import PopbeatError
from sw.export import bundle, bundles
from sw.networks import MODELS

STORED = json.loads(store.STORED.read_text()) if store.STORED.is_file() else None


def test_tables_are_drawn_from_the_stored_figures():
    for page in pages.PAGES:
        text = (files.ROOT / page).read_text()
        assert pages.render(page, text, STORED) == text, f"{page} is not what make report writes"
    assert STORED["data"]["source"] == "mitdb"


def test_toggles_are_held_against_the_full_rate():
    def placed(config: str, toggles: int) -> dict:
        return {"device": "ecp5-25k", "config": config, "gate_level": {"nets": 7, "toggles_a_window": toggles}}

    entries = {f"ecp5-25k/{config}": placed(config, toggles) for config, toggles in (("full", 2000), ("half", 1500))}
    table = fpga.switching({"models": {"bnn17": {"fpga": entries | {"ecp5-25k/double": {"config": "double"}}}}})
    assert table.splitlines()[2:] == [
        "| `bnn17`, full | ecp5-25k | 7 | 2,000 | 1.00 |",
        "| `bnn17`, half | ecp5-25k | 7 | 1,500 | 0.75 |",
    ]


def test_stored_figures_are_of_whole_runs_and_of_the_shipped_bundles():
    assert set(STORED["models"]) == set(MODELS)
    for name, model in STORED["models"].items():
        rtl = model["rtl"]
        packed = bundles.read(bundle.SHIPPED / name)
        assert (rtl["full"] or rtl["config"] == store.LARGE) and rtl["mismatches"] == 0 and rtl["canary_caught"]
        assert rtl["bundle_sha256"] == packed.sha256
        assert rtl["latency_cycles"] == rtl["predicted_latency_cycles"]
        assert rtl["interval_cycles"] == rtl["predicted_interval_cycles"]
        assert model["accuracy"] == packed.training["accuracy"] and "training" not in model


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """The hash of the Verilog of a shipped network in a configuration, generated once; that of an array is the Verilog of all
    networks with one normaliser."""
    from hw import generate
    from hw.mac import design as mac_design
    from sw.export.array.bundle import GraphBundle

    made: dict[tuple, str] = {}

    def of(name: str, config: str) -> str:
        packed, key = bundles.read(bundle.SHIPPED / name), (name, config)
        if isinstance(packed, GraphBundle) and config != "record":
            key = mac_design.config(config, packed), mac_design.normaliser(packed)
        if key not in made:
            made[key] = files.read_json(generate.make(packed, config, tmp_path_factory.mktemp(name)).json)["verilog_sha256"]
        return made[key]

    return of


def test_stored_verilog_is_what_is_generated_now(generated):
    from hw.mac import design as mac_design
    from sw.export.array.bundle import GraphBundle
    from sw.export.array.program import image

    for name, model in STORED["models"].items():
        packed, config = bundles.read(bundle.SHIPPED / name), model["rtl"]["config"]
        if isinstance(packed, GraphBundle):
            program = mac_design.compile_bundle(packed, mac_design.config(config, packed)).program
            assert files.sha256(image(program)) == model["rtl"]["image_sha256"]
        assert generated(name, config) == model["rtl"]["verilog_sha256"], "measure anew: make sim FULL=1; make report"


def test_other_configurations_are_of_the_verilog_that_is_generated_now(generated):
    for name, model in STORED["models"].items():
        for config, rtl in model.get("configurations", {}).items():
            assert generated(name, config) == rtl["verilog_sha256"], f"measure anew: {rtl['command']}; make report"
            assert rtl["mismatches"] == 0 and rtl["canary_caught"] and rtl["data"] == "mitdb"


def test_placed_verilog_is_what_is_generated_now():
    from hw.fpga import devices
    from hw.fpga.measure import classifier, placed_top
    from hw.mac import design as mac_design
    from hw.mac.top import cycles
    from sw.export.array.bundle import GraphBundle

    arrays = {}  # the Verilog of an array is that of all networks with one normaliser
    placed = [(n, f) for n, m in STORED["models"].items() for f in m.get("fpga", {}).values()]
    assert placed
    for name, figures in placed:
        packed, device, one = bundles.read(bundle.SHIPPED / name), devices.get(figures["device"]), None
        if isinstance(packed, GraphBundle):
            params, spec = mac_design.config(figures["config"], packed), mac_design.normaliser(packed)
            one = params, spec, device.family
        if one in arrays:
            text, exact = arrays[one], cycles(params, spec, mac_design.compile_bundle(packed, params).program)
        else:
            made = classifier(packed, figures["config"])
            text, exact = verilog.convert(placed_top(made, device), made.name, device.family), made.cycles
        if one:
            arrays[one] = text
        again = f"measure anew: {figures['command']}; make report"
        assert verilog.digest(text) == figures["verilog_sha256"], again
        counted = (exact.interval, exact.latency) if exact else (None, None)
        assert counted == (figures.get("interval_cycles"), figures.get("latency_cycles")), again
        if "gate_level" in figures:
            same = device.family == "ecp5"  # elsewhere the host link stands round what is placed
            simulated = text if same else verilog.convert(made.top, made.name, device.family)
            assert figures["gate_level"]["verilog_sha256"] == verilog.digest(simulated), "measure anew: make gate; make report"
        assert figures["fmax_mhz"] == min(figures["fmax_by_seed"]) and len(figures["fmax_by_seed"]) == figures["seeds"]


def test_campaigns_are_of_the_verilog_that_is_generated_now(generated):
    from sim.benches.mac import array_cases, small

    folder = files.ROOT / "docs"
    mutants, upsets, counted = (files.read_json(folder / f"{name}.json") for name in ("mutants", "upsets", "coverage"))
    stored = [*mutants["netlists"].items(), *upsets.items(), *counted.items()]
    for top, figures in stored:
        name, _, config = top.partition(" ")
        now = verilog.digest(array_cases.source(small.SMALL)) if top == "array" else generated(name, config)
        assert figures["verilog_sha256"] == now, f"measure anew: {figures['command']} of {top}"


def test_bitstreams_are_of_the_verilog_that_is_generated_now():
    from hw.board import bitstream, boards
    from hw.fpga.measure import classifier

    built = [(n, board, f) for n, m in STORED["models"].items() for board, f in m.get("board", {}).items()]
    assert built
    for name, board, figures in built:
        made = classifier(bundles.read(bundle.SHIPPED / name), figures["config"])
        text = bitstream.board_verilog(made, boards.get(board), bitstream.make_pll(boards.get(board), figures["mhz"]))
        assert verilog.digest(text) == figures["verilog_sha256"], f"build anew: {figures['command']}; make report"
        assert figures["reached_mhz"] >= figures["mhz"]


def test_a_changed_figure_and_a_missing_section_are_noticed():
    text = (files.ROOT / "README.md").read_text()
    changed = json.loads(json.dumps(STORED))
    next(iter(changed["models"].values()))["rtl"]["interval_cycles"] += 1
    assert pages.render("README.md", text, changed) != text
    with pytest.raises(PopbeatError, match="no section"):
        pages.render("README.md", text.replace("<!-- generated: models -->", ""), STORED)


@pytest.mark.parametrize(
    "change", [{"full": False}, {"data": "synthetic"}, {"config": "half"}, {"bundle_sha256": "0" * 64}], ids=lambda c: next(iter(c))
)
def test_runs_that_are_not_stored(tmp_path, monkeypatch, change):
    from sw import report

    for changes, expected in (({}, True), (change, False)):
        changed = json.loads(json.dumps(STORED))
        for model in changed["models"].values():
            model["rtl"] |= changes
        path = tmp_path / "measured.json"
        path.write_text(json.dumps(changed))
        monkeypatch.setattr(report, "REPORT", path)
        monkeypatch.setattr(store, "STORED", tmp_path / "stored.json")
        if expected:
            assert store.store()["models"] == STORED["models"]
            (tmp_path / "stored.json").unlink()
        elif "full" in changes:
            # Of what only the large array holds a part of the windows may stand, and is called that.
            large = {name for name, model in STORED["models"].items() if model["rtl"]["config"] == store.LARGE}
            assert set(store.store()["models"]) == large
        else:
            with pytest.raises(PopbeatError, match="no figures are stored"):
                store.store()


def test_beats_of_recordings_are_of_the_verilog_that_is_generated_now(generated):
    from sim import beats

    shipped, figures = bundle.read(bundle.SHIPPED / beats.MODEL), STORED["end_to_end"]
    assert generated(beats.MODEL, "record") == figures["rtl"]["verilog_sha256"], f"measure anew: {figures['command']}; make report"
    assert beats.presentable(figures, shipped) and figures["rtl"]["mismatches"] == 0 and "logits" in figures["rtl"]["canary"]
    assert not beats.presentable(figures | {"full": False}, shipped)


def test_beats_of_images_are_of_the_verilog_that_is_generated_now(generated):
    from sim import beats

    shipped, figures = bundles.read(bundle.SHIPPED / "gasf5"), STORED.get(beats.key("gasf5"))
    if figures is None:
        assert "Not measured yet" in (files.ROOT / "docs" / "gasf.md").read_text()
        return
    assert generated("gasf5", "record") == figures["rtl"]["verilog_sha256"], f"measure anew: {figures['command']}; make report"
    assert beats.presentable(figures, shipped) and figures["rtl"]["mismatches"] == 0 and "logits" in figures["rtl"]["canary"]
    assert figures["protocol"] == shipped.training["protocol"]


@pytest.mark.parametrize(
    "change",
    [{}, {"data": "synthetic"}, {"stream": None}, {"board": None}, {"bundle_sha256": {"gasf5": "0" * 64}}],
    ids=lambda c: next(iter(c), "as it is"),
)
def test_networks_are_stored_where_both_ways_ran_with_the_shipped_ones(change):
    digests = {name: STORED["models"][name]["rtl"]["bundle_sha256"] for name in ("alq17", "lamscn17", "gasf5")}
    seen = {"data": "mitdb", "bundle_sha256": digests, "stream": {"answers": 4}, "board": {"answers": 12}} | change
    assert store.networks_presentable({name: value for name, value in seen.items() if value is not None}) == (not change)
    assert not store.networks_presentable({})


def test_a_netlist_that_was_simulated_alone_goes_beside_its_placement():
    before = {"a/tiny": {"bundle_sha256": "1", "fmax_mhz": 9.0}, "b/tiny": {"bundle_sha256": "1", "fmax_mhz": 8.0}}
    seen = {name: {"gate_level": {"bundle_sha256": bundle, "windows": 3}} for name, bundle in (("a/tiny", "1"), ("c/tiny", "1"))}
    placed = {"b/tiny": {"bundle_sha256": "2", "fmax_mhz": 7.0}}
    assert store.joined(before, seen | placed) == {"a/tiny": before["a/tiny"] | seen["a/tiny"]} | placed
    other = {"a/tiny": {"gate_level": {"bundle_sha256": "2"}}}
    assert store.joined(before, other) == before, "of another bundle"
    simulated = {"a": {"bundle_sha256": "1", "verilog_sha256": "2", "gate_level": {"windows": 3}, "fmax_mhz": 8.0}}
    faster = {"bundle_sha256": "1", "verilog_sha256": "2", "fmax_mhz": 9.0}
    assert store.joined(simulated, {"a": faster}) == {"a": faster | {"gate_level": {"windows": 3}}}
    assert store.joined(simulated, {"a": faster | {"verilog_sha256": "3"}}) == {"a": faster | {"verilog_sha256": "3"}}


def test_what_is_not_of_the_shipped_network_leaves_the_stored_figures_as_they_are():
    shipped = bundles.read(bundle.SHIPPED / "bnn17")
    stored = {"config": "half", "bundle_sha256": shipped.sha256, "verilog_sha256": "1", "full": True, "data": "mitdb"}
    before = {"half": stored}
    for change in ({"bundle_sha256": "f" * 64}, {"data": "synthetic"}, {"full": False}):
        assert store.acceptable({"half": stored | change}, before, shipped) == {}, change
    again = {"half": stored | {"verilog_sha256": "2", "full": False}}
    assert store.acceptable(again, before, shipped) == again
    placed = {"ecp5-25k/full": {"config": "full", "bundle_sha256": shipped.sha256, "verilog_sha256": "1", "fmax_mhz": 9.0}}
    other = {"ecp5-25k/full": placed["ecp5-25k/full"] | {"bundle_sha256": "f" * 64, "fmax_mhz": 99.0}}
    assert store._fpga(placed, other, shipped) == placed
    gates = {"ecp5-25k/full": {"gate_level": {"bundle_sha256": shipped.sha256, "windows": 3}}}
    assert store._fpga(placed, gates, shipped) == {"ecp5-25k/full": placed["ecp5-25k/full"] | gates["ecp5-25k/full"]}
    assert store._fpga(placed, {"ecp5-25k/full": {"gate_level": {"bundle_sha256": "f" * 64}}}, shipped) == placed


def test_an_arrays_placement_counts_for_a_network_that_is_trained_anew():
    before, shipped = STORED["models"]["gasf5"]["fpga"], bundles.read(bundle.SHIPPED / "gasf5")
    (key,) = before
    former = {key: before[key] | {"bundle_sha256": "f" * 64, "interval_cycles": 1, "gate_level": {"windows": 3}}}
    (found,) = store._fpga(former, {}, shipped).values()
    assert (found["bundle_sha256"], found["interval_cycles"]) == (shipped.sha256, before[key]["interval_cycles"])
    assert found["fmax_by_seed"] == before[key]["fmax_by_seed"] and "gate_level" not in found
    other = {key: former[key] | {"verilog_sha256": "f" * 64}}
    assert store._fpga(other, {}, shipped) == {}, "of other Verilog"
    assert store._fpga(former, {}, bundles.read(bundle.SHIPPED / "bnn17")) == {}, "of no array"
