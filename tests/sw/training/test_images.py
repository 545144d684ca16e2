"""Which beats the network of images is trained on."""

import numpy as np
import pytest

from sw.training import images


@pytest.mark.parametrize("protocol", [images.COMPARABLE, images.INTER_PATIENT])
def test_draws_of_classes(recordings, protocol):
    """By the root of their size; those that are not scored are no more than a twentieth."""
    task = images.Images(recordings, protocol)
    label, weight = task.label[task.train], task.weight.numpy()
    drawn, root = np.bincount(label, weight, len(images.CLASSES)), np.bincount(label, minlength=len(images.CLASSES)) ** 0.5
    scored = np.arange(len(root)) != images.UNSCORED
    assert np.isclose(drawn.sum(), 1)
    assert np.allclose(drawn[scored] / drawn[0], root[scored] / root[0])
    assert np.isclose(drawn[images.UNSCORED], min(images.UNSCORED_SHARE, root[images.UNSCORED] / root.sum()))
    assert np.isclose(drawn, root / root.sum()).all() == (root[images.UNSCORED] <= images.UNSCORED_SHARE * root.sum())
