"""A stand-in for the MIT-BIH database where none can be had: WFDB records of synthesised ECG.

A beat is a sum of Gaussians (McSharry et al., IEEE Trans Biomed Eng 50(3):289, 2003, without the differential equation): one
for each wave, with position, width and height by kind of beat. Rhythms are rules that yield intervals and symbols. The
records have the names, leads, rate and length of the real ones, so that every task finds its windows; what they say about
accuracy is nothing.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import wfdb

from sw import cli
from sw.data import fragments
from sw.data.mitbih import LENGTH, RATE, WINDOW, WINDOWS_A_RECORD

KIND = "synthetic"
MARK = "SYNTHETIC"
GAIN = 200
BASELINE = 1024

# Waves of a beat: (seconds from the R peak, width in seconds, height in mV).
P = (-0.17, 0.025, 0.15)
T = (0.28, 0.05, 0.3)
BEATS = {
    "N": (P, (-0.03, 0.010, -0.12), (0.0, 0.011, 1.2), (0.03, 0.010, -0.25), T),
    "A": ((-0.13, 0.018, 0.10), (-0.03, 0.010, -0.12), (0.0, 0.011, 1.1), (0.03, 0.010, -0.25), T),
    "j": ((-0.03, 0.010, -0.12), (0.0, 0.011, 1.1), (0.03, 0.010, -0.25), T),
    "V": ((-0.02, 0.035, 1.6), (0.09, 0.045, -0.9), (0.33, 0.07, -0.5)),
    "E": ((0.0, 0.05, 1.0), (0.12, 0.05, -0.5), (0.35, 0.07, -0.4)),
    "F": (P, (-0.01, 0.022, 1.4), (0.06, 0.03, -0.6), (0.30, 0.06, -0.1)),
    "L": (P, (-0.02, 0.022, 0.9), (0.04, 0.025, 0.8), (0.30, 0.06, -0.35)),
    "R": (P, (0.0, 0.012, 0.8), (0.04, 0.014, -0.5), (0.075, 0.016, 0.6), (0.30, 0.05, 0.2)),
    "/": ((-0.06, 0.003, 1.5), (0.0, 0.035, -1.1), (0.30, 0.07, 0.6)),
    "!": ((0.0, 0.06, 1.1), (0.13, 0.06, -1.1)),
    "W": ((-0.10, 0.020, 0.15), (-0.04, 0.020, 0.35), (0.0, 0.013, 1.1), (0.04, 0.012, -0.2), T),
}
SYMBOL = {"W": "N"}

# Rhythm of each class of rhythm-17: note, kinds of beat in turn, RR in seconds, its spread, share of a premature kind.
RHYTHMS = {
    "NSR": ("(N", "N", 0.80, 0.03, None),
    "APB": ("(N", "N", 0.82, 0.03, ("A", 0.2)),
    "AFL": ("(AFL", "j", 0.60, 0.10, None),
    "AFIB": ("(AFIB", "j", 0.70, 0.25, None),
    "SVTA": ("(SVTA", "A", 0.38, 0.02, None),
    "WPW": ("(PREX", "W", 0.75, 0.03, None),
    "PVC": ("(N", "N", 0.80, 0.03, ("V", 0.15)),
    "Bigeminy": ("(B", "NV", 0.75, 0.03, None),
    "Trigeminy": ("(T", "NNV", 0.75, 0.03, None),
    "VT": ("(VT", "V", 0.36, 0.02, None),
    "IVR": ("(IVR", "E", 0.95, 0.05, None),
    "VFL": ("(VFL", "!", 0.26, 0.01, None),
    "Fusion": ("(N", "FN", 0.78, 0.03, ("V", 0.1)),
    "LBBBB": ("(N", "L", 0.80, 0.03, None),
    "RBBBB": ("(N", "R", 0.80, 0.03, None),
    "SDHB": ("(BII", "NNN ", 0.85, 0.03, None),
    "PR": ("(P", "/", 0.86, 0.004, None),
}
TREMOR = {"AFIB": (6.0, 0.06), "AFL": (5.0, 0.15)}  # Hz and mV of the atrial waves


def is_synthetic(path: Path) -> bool:
    """Whether a folder was written by this module."""
    return (path / MARK).is_file()


def _rhythm(name: str, seconds: float, rng: np.random.Generator) -> Iterator[tuple[float, str]]:
    """Beats of one window as (seconds from its start, kind)."""
    _, turn, interval, spread, premature = RHYTHMS[name]
    time, index = float(rng.uniform(0.1, interval)), 0
    while time < seconds:
        kind = turn[index % len(turn)]
        step = max(0.22, interval * (1 + spread * float(rng.standard_normal())))
        if premature and rng.random() < premature[1]:
            kind = premature[0]
            time -= 0.3 * interval
            step += 0.3 * interval
        elif kind == "V" and len(turn) > 1:
            time -= 0.25 * interval
            step += 0.25 * interval
        if kind != " " and time >= 0:
            yield time, kind
        time += step
        index += 1


def record(name: str, classes: list[str]) -> tuple[np.ndarray, list[int], list[str], list[str]]:
    """One record: signal ``float[LENGTH]`` in mV, and its annotations (samples, symbols, notes); seeded by its name."""
    rng = np.random.default_rng([int(name), 360])
    signal = np.zeros(LENGTH)
    height, width = rng.uniform(0.7, 1.4), rng.uniform(0.85, 1.2)
    samples, symbols, notes, last = [], [], [], ""
    reach = RATE // 2
    axis = np.arange(-reach, reach) / RATE
    shapes = {
        kind: height * sum(h * np.exp(-0.5 * ((axis - p) / (w * width)) ** 2) for p, w, h in waves) for kind, waves in BEATS.items()
    }
    time = np.arange(LENGTH) / RATE
    for number, rhythm in enumerate(classes):
        start = number * WINDOW
        if RHYTHMS[rhythm][0] != last:
            last = RHYTHMS[rhythm][0]
            samples.append(start)
            symbols.append("+")
            notes.append(last)
        if rhythm in TREMOR:
            rate, size = TREMOR[rhythm]
            part = slice(start, start + WINDOW)
            signal[part] += size * np.sin(2 * np.pi * rate * time[part] + np.sin(2 * np.pi * 0.7 * time[part]))
        for second, kind in _rhythm(rhythm, WINDOW / RATE, rng):
            peak = start + round(second * RATE)
            if samples and peak <= samples[-1]:
                continue
            samples.append(peak)
            symbols.append(SYMBOL.get(kind, kind))
            notes.append("")
            begin, end = max(peak - reach, 0), min(peak + reach, LENGTH)
            signal[begin:end] += shapes[kind][begin - peak + reach : end - peak + reach] * rng.uniform(0.92, 1.08)
    signal += 0.1 * np.sin(2 * np.pi * rng.uniform(0.1, 0.3) * time + rng.uniform(0, 6)) + 0.02 * rng.standard_normal(LENGTH)
    return signal, samples, symbols, notes


def _leads(name: str) -> tuple[str, str]:
    if name in ("102", "104"):
        return "V5", "V2"
    return ("V5", "MLII") if name == "114" else ("MLII", "V1")


def _classes(name: str) -> list[str]:
    """Rhythm of each of a record's windows: the published fragments' own, elsewhere one of that record's, by a seeded draw."""
    own = {row.start // WINDOW: row.label for row in fragments.rows() if row.record == name}
    pool = sorted(set(own.values())) or ["NSR", "APB", "PVC"]
    rng = np.random.default_rng([int(name), 17])
    return [own.get(i) or str(rng.choice(pool)) for i in range(WINDOWS_A_RECORD)]


def write_database(path: Path, names: tuple[str, ...]) -> None:
    """Write synthetic records ``names`` as WFDB files into ``path``, which appears when it is complete. Where another process has
    written it meanwhile, that one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=".synthetic."))
    try:
        with cli.progress() as bar:
            for name in bar.track(names, description="synthesising records"):
                signal, samples, symbols, notes = record(name, _classes(name))
                both = np.stack([signal, 0.6 * signal], axis=1)
                digital = np.clip(np.round(both * GAIN) + BASELINE, 0, 2047).astype(np.int64)
                wfdb.wrsamp(
                    name,
                    fs=RATE,
                    units=["mV", "mV"],
                    sig_name=list(_leads(name)),
                    d_signal=digital,
                    fmt=["212", "212"],
                    adc_gain=[GAIN, GAIN],
                    baseline=[BASELINE, BASELINE],
                    comments=["SYNTHETIC ECG, no recording of any person"],
                    write_dir=str(temporary),
                )
                wfdb.wrann(name, "atr", np.array(samples), np.array(symbols), aux_note=notes, write_dir=str(temporary))
        (temporary / MARK).write_text("These records are synthetic. Accuracies measured on them mean nothing.\n")
        if not is_synthetic(path) or not all((path / f"{name}.atr").is_file() for name in names):
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
