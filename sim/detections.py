"""A picture of the detector at work: signal, envelope, threshold, what was detected and what is annotated."""

from pathlib import Path

import numpy as np

from sw import pictures
from sw.beats import score
from sw.data import mitbih
from sw.data.source import Source
from sw.pictures import pyplot
from sw.qrs import evaluate
from sw.qrs.detector import PARAMS, Detection

SECONDS = 10
ROWS = 3


def excerpts(found: Detection, length: int) -> list[int]:
    """First samples of the excerpts to show: the first beats by search-back, each a while apart; the record's start where there
    are none."""
    starts: list[int] = []
    for place in (found.position[found.search_back] - length // 2).tolist():
        if len(starts) < ROWS and (not starts or place > starts[-1] + length):
            starts.append(max(place, 0))
    return starts or [0]


def draw(path: Path, source: Source, record: str, found: Detection) -> Path:
    """Excerpts of ten seconds around beats that the search-back found; beats that are missed or extra are red."""
    length = SECONDS * mitbih.RATE
    lead = evaluate.lead(source, record)
    signal = source.signal(record, lead)
    sample, symbol, _ = source.annotations(record)
    truth = score.reference(sample, symbol)
    compared = score.compare(truth, found.position, 0)
    starts = excerpts(found, length)
    figure, axes = pyplot.subplots(2 * len(starts), 1, figsize=(12, 3.6 * len(starts)), squeeze=False)
    for upper, lower, start in zip(axes[::2, 0], axes[1::2, 0], starts, strict=True):
        stop = min(start + length, len(signal))
        seconds = np.arange(start, stop) / mitbih.RATE
        upper.plot(seconds, signal[start:stop], linewidth=0.6, color="black")
        top = int(signal[start:stop].max())
        marks = (truth.position, compared.missed, "|", 1.08), (found.position, compared.extra, "v", 1.03)
        for places, wrong, marker, lift in marks:
            good = np.ones(len(places), bool)
            good[wrong] = False
            for kind, color in ((good, "black"), (~good, "red")):
                shown = places[kind & (places >= start) & (places < stop)]
                upper.plot(shown / mitbih.RATE, np.full(len(shown), top * lift), marker, color=color, markersize=5)
        upper.set_ylabel("ADC units", fontsize=8)
        # The envelope lies over the samples that it speaks of.
        shifted = slice(start + PARAMS.delay, stop + PARAMS.delay)
        envelope = found.stages.envelope[shifted]
        lower.plot(seconds[: len(envelope)], envelope, linewidth=0.6, color="steelblue")
        at = found.candidates[:, 0] - PARAMS.hold - PARAMS.delay
        shown = (at >= start) & (at < stop)
        lower.step(at[shown] / mitbih.RATE, found.candidates[shown, 2], where="pre", linewidth=0.8, color="darkorange")
        lower.set_ylabel("envelope, threshold", fontsize=8)
        for axis in (upper, lower):
            axis.margins(x=0)
            axis.set_yticks([])
            axis.set_xlim(start / mitbih.RATE, stop / mitbih.RATE)
    axes[-1, 0].set_xlabel("seconds")
    kind = "" if source.kind == mitbih.NAME else "SYNTHETIC ECG, NO RECORDING - "
    figure.suptitle(f"{kind}record {record}, {lead}: annotated beats |, detected beats ▾ (red: missed, extra)", fontsize=10)
    return pictures.save(figure, path, dpi=110, rect=(0, 0, 1, 1 - 0.3 / figure.get_figheight()))
