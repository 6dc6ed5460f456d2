"""Tests of the PyTorch layers run where torch is installed."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'synaptogen-sim[torch]'")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def plain():
    """Exactly programmed cells, no converters, no noise: what is left is the device's non-linearity."""
    from synaptogen.torch import AnalogConfig

    return AnalogConfig(programming="ideal", bandwidth=0, dac_bits=None, adc_bits=None, seed=1)
