"""Networks are written in parts: the same cells to the last bit, with progress, in little memory."""

import logging

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after the check that torch is there

import synaptogen as sg  # noqa: E402
from synaptogen.torch import programming, writing_progress  # noqa: E402

Config = sg.torch.AnalogConfig


@pytest.mark.parametrize("method", ["write-verify", "one-shot", "ideal"])
def test_parts_hold_what_the_whole_holds(method, monkeypatch):
    matrix = np.random.default_rng(1).uniform(-1, 1, (13, 7))
    config = Config(programming=method, seed=1)
    whole = programming.program_cells(matrix, config, 5)
    monkeypatch.setattr(programming, "AT_ONCE", 30)
    parts = programming.write_matrix(matrix, config, 5)
    assert np.array_equal(parts.states, whole.states)
    if method == "ideal":
        assert parts.record is None
        return
    record = programming.WriteRecord.of(whole.report)
    assert np.array_equal(parts.record.pulses, record.pulses)
    assert np.array_equal(parts.record.failed, record.failed)
    assert parts.record.total_energy == pytest.approx(record.total_energy)
    assert (parts.record.method, parts.record.tolerance) == (record.method, record.tolerance)


def test_progress_counts_all_weights(monkeypatch, caplog):
    monkeypatch.setattr(programming, "AT_ONCE", 30)
    monkeypatch.setattr(writing_progress, "EVERY", 0.0)
    seen = []
    model = nn.Sequential(nn.Linear(7, 13), nn.GRU(7, 5))
    with caplog.at_level(logging.INFO, "synaptogen"):
        analog = sg.torch.convert(model, Config(programming="ideal"), progress=lambda *at: seen.append(at))
    total = 7 * 13 + 15 * 7 + 15 * 5
    assert seen[0] == (28, total)
    assert seen[-1] == (total, total)
    assert sorted(seen) == seen
    assert "about 0 s left" in caplog.messages[-1]
    again = []
    sg.torch.program(analog, progress=lambda *at: again.append(at))
    assert again == seen
