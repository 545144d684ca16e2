"""The tables of the QRS detector."""

from docs.generate import detection as detection_tables
from docs.generate import pages, store
from hw import verilog as hdl
from hw.qrs import top
from sw import files, report
from sw.qrs.detector import PARAMS


def test_tables_are_drawn_from_the_stored_figures():
    stored = report.load(store.STORED)
    text = (files.ROOT / "docs" / "detection.md").read_text()
    assert pages.render("docs/detection.md", text, stored) == text, "write it anew: make report"
    figures = stored.get("detection")
    if figures:
        assert detection_tables.presentable(figures) and figures["rtl"]["mismatches"] == 0
        verilog = top.generate(PARAMS, files.BUILD / "qrs" / "verilog")
        assert figures["rtl"]["verilog_sha256"] == hdl.digest(verilog.read_text()), "measure anew: make detect FULL=1; make report"
        gross = figures["gross"]["popbeat"]["ec57"]["all"]
        assert min(gross["sensitivity"], gross["positive_predictivity"]) >= 0.995


def test_partial_and_synthetic_runs_are_not_stored():
    assert detection_tables.presentable({"data": "mitdb", "full": True})
    for figures in ({}, {"data": "synthetic", "full": True}, {"data": "mitdb", "full": False}):
        assert not detection_tables.presentable(figures)
