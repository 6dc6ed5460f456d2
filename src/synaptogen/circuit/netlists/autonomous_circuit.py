"""Circuits of new cells that draw their own devices and cycles: a netlist from a seed, without an array."""

import numpy as np

from synaptogen._utils import RNG, checks, seed_of
from synaptogen.circuit.verilog import cell_model, identity_values
from synaptogen.engines import STARTS, Start
from synaptogen.params import DeviceParams, as_device_params

from .circuit import ArrayCircuit, circuit_of
from .transistor import Transistor


def population_circuit(
    shape: int | tuple[int, ...],
    params: str | DeviceParams = "hennen2024",
    *,
    rng: RNG = None,
    first: int = 0,
    start: Start = "stationary",
    cycles: int = 8,
    t_switch: float | None = None,
    wire_resistance: float = 0.0,
    column_resistance: float | None = None,
    capacitance: float = 0.0,
    tcr_lrs: float = 0.0,
    tcr_hrs: float = 0.0,
    set_hold: float = 0.0,
    transistor: Transistor | None = None,
) -> ArrayCircuit:
    """Return the circuit of cells that the simulator draws from a population, from a seed and their numbers.

    They are the cells of ``CellArray(shape, params, rng=rng, start=start)``, in the HRS of their cycle 0; nothing is
    drawn here.

    Parameters
    ----------
    shape : int or tuple of int
        Two axes make a crossbar; one axis, or (), one row with a column for each cell.
    params : str or DeviceParams
        The device population: the name of a preset or a parameter set.
    rng : int, SeedSequence, Generator or None
        Source of the seed; an int is the seed.
    first : int
        Number of the first cell; the others follow in C order. Circuits of one seed are parts of one large array where
        their numbers differ.
    start : {"stationary", "pristine"}
        Cells that have been cycled for long before, or cells without a past.
    cycles, t_switch, wire_resistance, column_resistance, capacitance, tcr_lrs, tcr_hrs, set_hold, transistor
        See `array_circuit`.

    Returns
    -------
    ArrayCircuit
        Cells of kind autonomous.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described.

    Examples
    --------
    >>> from synaptogen.circuit.netlists import population_circuit
    >>> circuit = population_circuit((2, 2), "hennen2024", rng=42, cycles=3)
    >>> circuit.values["cell_id"].tolist(), circuit.values["seed"].tolist()
    ([0.0, 1.0, 2.0, 3.0], [42.0, 42.0, 42.0, 42.0])
    """
    sizes = checks.shape(shape)
    checks.one_of("start", start, STARTS)
    count = int(np.prod(sizes, dtype=object))
    if first < 0 or first + count > 2**53:
        raise ValueError(f"first={first}: give the number of a cell, 0 or more, all of them below 2**53")
    model = cell_model(
        as_device_params(params),
        "autonomous",
        cycles=cycles,
        capacitor=capacitance != 0.0,
        temperature=tcr_lrs != 0.0 or tcr_hrs != 0.0,
        hold=set_hold != 0.0,
    )
    seed = seed_of(rng)
    values = identity_values(first + np.arange(count, dtype=np.float64), seed, pristine=start == "pristine")
    return circuit_of(
        sizes,
        model,
        values,
        t_switch=t_switch,
        capacitance=capacitance,
        tcr_lrs=tcr_lrs,
        tcr_hrs=tcr_hrs,
        set_hold=set_hold,
        wire_resistance=wire_resistance,
        column_resistance=column_resistance,
        transistor=transistor,
    )
