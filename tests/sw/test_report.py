"""The report that every command adds to."""

import time
from concurrent.futures import ThreadPoolExecutor

from sw import report


def test_commands_side_by_side_lose_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "REPORT", tmp_path / "report.json")
    load = report.load

    def slowly(path=None):
        found = load(path)
        time.sleep(0.005)  # another command's turn, if nothing holds it back
        return found

    monkeypatch.setattr(report, "load", slowly)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: report.add("model", "fpga", str(number), {"lut4": number}), range(20)))
        report.merge({"source": "noise"}, "model", rtl={"windows": 1})
        report.put("detection", {"beats": 2})
        report.add("model", "fpga", "3", {"mhz": 7})
    found = load()
    entries = found["models"]["model"]["fpga"]
    assert entries == {str(number): {"lut4": number} for number in range(20)} | {"3": {"lut4": 3, "mhz": 7}}
    assert found["data"] == {"source": "noise"} and found["models"]["model"]["rtl"] == {"windows": 1}
    assert found["detection"] == {"beats": 2} and "written" in found
