"""Which windows a bundle is simulated on, and which of them its training has not seen."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save

from sim import engines, subject
from sw.data import beats, multilabel
from sw.export import bundle as common
from sw.export import bundles
from sw.export.array import bundle as graphs


class NoEngine:
    """A bundle's hardware is not made here."""

    design = cycles = None

    def __init__(self, *arguments):
        pass


@pytest.fixture
def inter_patient(tmp_path, recordings, monkeypatch):
    """A shipped network as if it had been trained between patients."""
    monkeypatch.setattr(engines, "engine", NoEngine)

    def made(name: str, full: bool) -> subject.Subject:
        home = common.SHIPPED / name
        packed = bundles.read(home)
        packed = replace(packed, training=packed.training | {"protocol": beats.INTER_PATIENT})
        graphs.write(packed, tmp_path / name, save(common.read_golden(home)))
        return subject.Subject(tmp_path / name, "mac128l", full, recordings)

    return made


def test_sets_of_labels_between_patients(inter_patient):
    """All windows of DS2, those with atrial fibrillation alone among them, whose number is that of a Q beat."""
    made = inter_patient("lamscn17", True)
    assert set(made.windows.record) == set(beats.DS2) and set(made.known.record) == set(beats.DS1)
    every = multilabel.MULTILABEL17.windows(made.source)
    assert len(made.test) == len(made.rows) == np.isin(every.record, beats.DS2).sum()
    alone = 1 << multilabel.LABELS.index("AFIB")
    assert (made.windows.label == alone).sum() == ((every.label == alone) & np.isin(every.record, beats.DS2)).sum()
    sets = [multilabel.as_sets(windows.label).any(axis=0) for windows in (made.known, made.windows)]
    assert made.scored.tolist() == np.flatnonzero(sets[0] & sets[1]).tolist() and len(made.scored) < len(multilabel.LABELS)


def test_images_between_patients_are_as_many_as_of_a_random_split(inter_patient):
    made = inter_patient("gasf5", True)
    assert len(made.rows) == subject.BEATS and set(made.windows.record) <= set(beats.DS2)
    assert set(made.known.record) == set(beats.DS1)
    assert (made.windows.label[made.test] != beats.CLASSES.index("Q")).all()
