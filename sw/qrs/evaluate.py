"""What a detector is worth on the 48 records, counted in every way that is in use.

Parameters were chosen on DS1 alone (the halves are de Chazal's, IEEE Trans Biomed Eng 51(7):1196, 2004); DS2 and the paced records
were looked at once, at the end.
"""

from dataclasses import dataclass

import numpy as np

from sw.beats import score
from sw.data import mitbih
from sw.data.beats import DS1, DS2
from sw.data.beats import lead as lead  # the lead that is looked at
from sw.data.source import Source
from sw.qrs.detector import Detection

PACED = ("102", "104", "107", "217")
SETS = {"all": mitbih.RECORDS, "unpaced": DS1 + DS2, "DS1": DS1, "DS2": DS2}


@dataclass(frozen=True)
class Way:
    """A way of counting: from which sample on, and whether detections in ventricular flutter are exempt."""

    start: int
    exempt_flutter: bool


# By EC57; from the first sample on; that, and flutter waves count as beats.
WAYS = {
    "ec57": Way(score.LEARNING, True),
    "whole": Way(0, True),
    "flutter": Way(0, False),
}


def matrices(source: Source, record: str, position: np.ndarray) -> dict[str, np.ndarray]:
    """The confusion matrix of what was detected on a record, for each way of counting."""
    sample, symbol, _ = source.annotations(record)
    out = {}
    for name, way in WAYS.items():
        truth = score.reference(sample, symbol, way.exempt_flutter)
        out[name] = score.confusion(truth, score.compare(truth, position, way.start))
    return out


def offsets(source: Source, record: str, position: np.ndarray) -> np.ndarray:
    """Samples from each reference beat that was found to its detection, from the first sample on."""
    sample, symbol, _ = source.annotations(record)
    truth = score.reference(sample, symbol)
    pairs = score.compare(truth, position, 0).pairs
    return position[pairs[:, 1]] - truth.position[pairs[:, 0]]


def gross(found: dict[str, dict[str, np.ndarray]]) -> dict[str, dict[str, dict]]:
    """Of matrices by record and way: figures by way and set, all beats together (``gross``) and, as EC57 asks, the mean of the
    records' sensitivities and predictivities (``average_...``). Sets of which a record is missing are left out."""
    out = {}
    for way in WAYS:
        out[way] = {}
        for name, members in SETS.items():
            if not set(members) <= found.keys():
                continue
            figures = score.detection(sum(found[record][way] for record in members))
            each = [score.detection(found[record][way]) for record in members]
            for share in ("sensitivity", "positive_predictivity"):
                figures[f"average_{share}"] = round(float(np.mean([one[share] for one in each])), 5)
            out[way][name] = figures
    return out


def position_figures(offset: np.ndarray) -> dict:
    """How far detections lie from the annotated beats, in samples."""
    size = np.abs(offset)
    return {
        "median": float(np.median(offset)),
        "standard_deviation": round(float(offset.std()), 2),
        "within_5": round(float((size <= 5).mean()), 4),
        "within_10": round(float((size <= 10).mean()), 4),
    }


def delay_figures(found: list[Detection]) -> dict:
    """Samples from an R peak to the sample with which it was reported: the usual and the largest; beats by search-back."""
    delay = np.concatenate([d.known - d.position for d in found])
    back = np.concatenate([d.search_back for d in found])
    usual = np.unique(delay[~back])
    return {
        "usual": int(usual[0]) if len(usual) == 1 else usual.tolist(),
        "largest": int(delay.max()),
        "search_back": int(back.sum()),
        "beats": len(delay),
    }
