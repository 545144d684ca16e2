"""The task beat-5: every annotated beat, words on its rhythm and shape, and the samples round its R peak.

The words need the sequence of R positions, three of them also the samples there, so whatever finds these positions can stand in
front: annotations here, a detector on chip. No word needs a division or a product; means are shifts with guard bits.
"""

from dataclasses import dataclass

import numpy as np

from sw.data.mitbih import RECORDS
from sw.data.source import Source
from sw.data.windows import AAMI, Split, Task, Windows

CLASSES = ("N", "S", "V", "F", "Q")
BEFORE, WINDOW = 120, 300  # samples before the R peak, and altogether
LONGEST = 2047  # samples; a word has 11 bits
PATIENCE = 540  # samples (1.5 s) after which the next beat is not waited for any longer
GUARD = 4  # bits behind the point of means and deviation
RR_WORDS = ("RR before", "RR behind", "RR before that", "mean of 8", "mean of 64", "deviation", "irregular")
ALWAYS = 512  # the word "irregular" where every beat is
SHAPE_WORDS = ("difference", "usual area", "area")
WORDS = RR_WORDS + SHAPE_WORDS
TAPS, SPACING, FIRST = 32, 3, -48  # samples that a beat's shape is seen in, from so many before the R peak on
STEP = 8  # ADC units by which the usual shape follows a beat at most
AREA_SHIFT = 2  # of sums over the taps, to fit into a word

# de Chazal et al. 2004. 201 and 202 are of one subject. Paced records are in neither.
# fmt: off
INTER_PATIENT = "inter-patient"
DS1 = ("101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122", "124", "201", "203", "205", "207", "208", "209",
       "215", "220", "223", "230")
DS2 = ("100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210", "212", "213", "214", "219", "221", "222", "228",
       "231", "232", "233", "234")
# fmt: on


def rr_words(peaks: np.ndarray) -> np.ndarray:
    """RR words of every beat of a record, from the positions of its R peaks ``int[n]``, rising: ``int16[n, 7]`` in samples.

    Of beat i: RR before it (at most 2,047; of the first beat that behind it); RR behind it (at most 540, which the last beat has);
    RR before the beat before; then, of all RR before that of this beat: mean += (rr - mean) >> 3, the same with >> 6, and the mean
    deviation from the first mean. All start at the first RR, the deviation at a sixteenth of it; they have four bits behind the
    point, which the words leave out. Shifts round down. Last, which share (of 512) of about 64 beats before this one was irregular:
    came in an RR that differs from the one before by more than an eighth of it. In atrial fibrillation most do.
    """
    peaks = np.asarray(peaks, dtype=np.int64)
    intervals = np.minimum(np.diff(peaks), LONGEST).tolist()
    out = np.empty((len(peaks), len(RR_WORDS)), np.int16)
    before = earlier = min([*intervals, PATIENCE][0], PATIENCE)
    short = long = before << GUARD
    deviation, irregular = before, 0
    for i in range(len(peaks)):
        behind = min(intervals[i], PATIENCE) if i < len(intervals) else PATIENCE
        means = (value >> GUARD for value in (short, long, deviation, irregular))
        out[i] = before if i else behind, behind, earlier, *means
        if i:
            deviation += (abs((before << GUARD) - short) - deviation) >> 3
            short += ((before << GUARD) - short) >> 3
            long += ((before << GUARD) - long) >> 6
            odd = abs(before - earlier) << 3 > earlier
            irregular += ((ALWAYS << GUARD if odd else 0) - irregular) >> 6
            earlier = before
        if i < len(intervals):
            before = intervals[i]
    return out


def shape_words(signal: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """How a beat looks beside what is usual in its record: ``int16[n, 3]`` of raw samples ``int[m]`` and R positions ``int[n]``.

    A beat's shape is 32 samples, three apart, from 48 before the R peak on, less their mean (sum >> 5). The usual shape starts as
    the first beat's and after each beat follows it by at most 8 ADC units a sample: a running median, which single odd beats hardly
    move. Words: sum |shape - usual|, sum |usual|, sum |shape|, each >> 2 and at most 2,047. Narrow premature beats look as usual,
    ventricular ones do not, whoever the patient is.
    """
    places = np.asarray(peaks, dtype=np.int64)[:, None] + FIRST + SPACING * np.arange(TAPS)
    shapes = np.asarray(signal)[np.clip(places, 0, len(signal) - 1)].astype(np.int64)
    shapes -= shapes.sum(axis=1, keepdims=True) >> (TAPS.bit_length() - 1)
    sums = np.empty((len(shapes), len(SHAPE_WORDS)), np.int64)
    usual = shapes[0].copy() if len(shapes) else None
    for i, shape in enumerate(shapes):
        sums[i] = np.abs(shape - usual).sum(), np.abs(usual).sum(), np.abs(shape).sum()
        usual += np.clip(shape - usual, -STEP, STEP)
    return np.minimum(sums >> AREA_SHIFT, LONGEST).astype(np.int16)


def annotated(source: Source, record: str) -> tuple[np.ndarray, np.ndarray]:
    """R positions ``int64[n]`` and AAMI classes ``int64[n]`` of a record's annotated beats."""
    sample, symbol, _ = source.annotations(record)
    beat = np.isin(symbol, list(AAMI))
    return sample[beat], np.array([CLASSES.index(AAMI[s]) for s in symbol[beat]], dtype=np.int64)


def lead(source: Source, record: str) -> str:
    """MLII, in the two records without it the first lead."""
    leads = source.leads(record)
    return "MLII" if "MLII" in leads else leads[0]


def rule(source: Source) -> list[tuple[str, int, str, int]]:
    """Every annotated beat of the 48 records, in their order; a window starts ``BEFORE`` samples before the R peak."""
    rows = []
    for record in RECORDS:
        name = lead(source, record)
        rows += [(record, int(peak) - BEFORE, name, int(label)) for peak, label in zip(*annotated(source, record), strict=True)]
    return rows


@dataclass(frozen=True)
class BeatTask(Task):
    """A task whose windows are beats: their words stand in front of the samples."""

    def samples(self, source: Source, windows: Windows) -> np.ndarray:
        """Words and raw samples, ``int16[n, length]``. Beyond a record's ends its first or last sample stands."""
        out = np.empty((len(windows), self.length), dtype=np.int16)
        for record in np.unique(windows.record):
            peaks, _ = annotated(source, str(record))
            rows = np.flatnonzero(windows.record == record)
            signal = source.signal(str(record), str(windows.lead[rows[0]]))
            places = windows.start[rows, None] + np.arange(self.length - self.words)
            out[rows, self.words :] = signal[np.clip(places, 0, len(signal) - 1)]
            words = np.concatenate([rr_words(peaks), shape_words(signal, peaks)], axis=1)
            out[rows, : self.words] = words[np.searchsorted(peaks, windows.start[rows] + BEFORE)]
        return out


def inter_patient(windows: Windows) -> Split:
    """DS1 for training, DS2 for test. Q beats (8 and 7) are in neither: they are reported, not scored. Nothing is held out for
    validation here: the training holds out patients of DS1 in turn."""
    scored = windows.label != CLASSES.index("Q")
    train, test = (np.flatnonzero(scored & np.isin(windows.record, records)) for records in (DS1, DS2))
    return Split(train, train[:0], test)


BEAT5 = BeatTask("beat-5", CLASSES, len(WORDS) + WINDOW, rule, words=len(WORDS))
