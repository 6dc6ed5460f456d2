"""1/f noise in noise analyses, of cells whose parameter set has a fluctuation.

In the model, N stands for what is faster than the shortest slot: its variance is that of ln G at an instant, between
the frequency of that slot and the bandwidth of a read. As 1/f between these two it has the density

    variance / (f ln(B / f_low)),     f_low = 1 / (2 fastest)

so that a noise analysis that is integrated from f_low to B finds the variance of a read in Python.
"""

import re

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.array import CellArray
from synaptogen.model import fluctuation
from synaptogen.params import DeviceParams
from synaptogen.state import BANDWIDTH

from .formulas import function
from .module_frame import Draft, parameter
from .symbols import name, traced

NAME = "flicker"
SETTING = ("read_bandwidth", BANDWIDTH)

_SOURCE = """\
I(p, n) <+ flicker_noise(pow(u*@conductance, 2.0)*fluctuation_variance(conductance(r_now, @u_read), flicker)
        /ln(read_bandwidth*@twice), 1.0, "fluctuation");"""


def with_flicker(draft: Draft, params: DeviceParams, *, own: bool) -> Draft:
    """Add the noise of the fluctuation to a cell.

    Parameters
    ----------
    draft : Draft
        The cell.
    params : DeviceParams
        The device population, with a fluctuation.
    own : bool
        Whether each cell has an amplitude of its own; else it is a parameter of the model.

    Returns
    -------
    Draft
    """
    part = params.fluctuation
    assert part is not None  # for type checkers
    text = function(
        "fluctuation_variance",
        "variance of ln of a conductance at an instant, by what is faster than a slot; amplitude at g = 0",
        "g, amplitude",
        traced(fluctuation.fast_variance)(name("g"), name("amplitude"), part.constants()),
    )
    meaning = "amplitude of the fast fluctuation of ln of a small conductance"
    declared = parameter(NAME, float(f"{part.mean_square_white() ** 0.5:.6g}"), "[0:inf)", meaning)
    if not own:
        declared = declared.replace('type="instance", ', "")
    setting = '(* desc="bandwidth of reads", units="Hz" *) parameter real read_bandwidth = @ from (@:inf);'
    setting = setting.replace("@", f"{BANDWIDTH:g}", 1).replace("@", f"{0.5 / part.fastest:.9g}", 1)
    source, noise = draft.source, r"^( *)(I\(p, n\) <\+ white_noise\([^;]*abs\((.*)\), \"read\"\);)$"
    added = _SOURCE.replace("@u_read", repr(params.u_read)).replace("@twice", repr(2.0 * part.fastest))
    found = re.search(noise, source, re.MULTILINE)
    assert found is not None
    lines = [f"{found[1]}{line}" for line in added.replace("@conductance", found[3]).splitlines()]
    source = source.replace(found[0], "\n".join([found[0], *lines]))
    function_text = "".join(f"  {line}\n" if line else "\n" for line in text.splitlines())
    source, began = re.subn(r"^  analog begin$", lambda m: f"{function_text}\n{m[0]}", source, flags=re.MULTILINE)
    source, state = re.subn(
        r"^(.*real r_now;)", lambda m: f"  {declared}\n  {setting}\n{m[0]}", source, flags=re.MULTILINE
    )
    assert began == state == 1
    instance = (*draft.instance, NAME) if own else draft.instance
    return draft._replace(source=source, instance=instance, settings=(*draft.settings, SETTING))


def amplitudes(cells: CellArray) -> Float64Array:
    """Return the amplitudes of the fast fluctuation of cells since their last write, of shape (cells.size,)."""
    part = cells.params.fluctuation
    assert part is not None  # for type checkers
    moved = cells.copy()
    moved.state.wait(1, None)  # now all cells know when they were written
    clock = moved.state.clock
    assert clock.memory is not None  # for type checkers
    instants = clock.time.instants
    words = np.array([[(ticks >> shift) & 0xFFFFFFFF for ticks in instants] for shift in (0, 32)], np.uint32)
    low, high = words[:, clock.memory[0, : cells.size]]
    k0, k1 = (np.array([half], np.uint32) for half in (cells.seed & 0xFFFFFFFF, cells.seed >> 32))
    key = fluctuation.write_key(*moved.state.id_words(), low, high, k0, k1)
    return np.asarray(fluctuation.traits(key, part.constants()).white, np.float64)
