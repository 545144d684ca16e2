"""wfdb's own QRS detectors, for comparison: xqrs and gqrs as ``wfdb.processing`` has them, with their default settings.

They take half a minute a record together, so what they found is kept as annotation files beside a hash of what went in.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import wfdb
from wfdb import processing

from sw import files
from sw.beats import annotations
from sw.data import records


def xqrs(samples: np.ndarray, header: wfdb.Record, lead: int) -> np.ndarray:
    """R peaks by ``xqrs_detect``, from millivolts."""
    physical = (samples - header.baseline[lead]) / header.adc_gain[lead]
    return processing.xqrs_detect(physical, header.fs, verbose=False)


def gqrs(samples: np.ndarray, header: wfdb.Record, lead: int) -> np.ndarray:
    """R peaks by ``gqrs_detect``, from ADC units."""
    return processing.gqrs_detect(
        fs=header.fs, d_sig=samples.astype(np.int64), adc_gain=header.adc_gain[lead], adc_zero=header.adc_zero[lead]
    )


DETECTORS: dict[str, Callable] = {"xqrs": xqrs, "gqrs": gqrs}


def detect(name: str, path: Path, lead: str, samples: np.ndarray, folder: Path) -> np.ndarray:
    """What a detector finds on a lead of the record ``path`` whose raw ``samples int[n]`` are given; kept in ``folder`` as an
    annotation file with the detector's name as annotator, read from there when neither samples nor wfdb have changed."""
    stamp = folder / f"{path.name}.{name}.sha256"
    mark = files.sha256(np.ascontiguousarray(samples, "<i2").tobytes() + f"{name} {lead} {wfdb.__version__}".encode())
    kept = folder / f"{path.name}.{name}"
    if not (kept.is_file() and stamp.is_file() and stamp.read_text() == mark):
        stamp.unlink(missing_ok=True)
        header = wfdb.rdheader(str(path))
        # Each R peak once and in order, as annotation files have them.
        found = np.unique(DETECTORS[name](samples, header, records.read_header(path).lead_index(lead)))
        annotations.write(folder, path.name, found, np.full(len(found), "N"), name)
        files.write_bytes(stamp, mark.encode())
    return records.read_annotations(folder / path.name, name)[0]
