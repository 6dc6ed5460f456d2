"""The autonomous cell: it draws its device, its past and its cycles itself, from a seed and a cell number.

Random numbers and their addresses are those of the engines, so that it is the cell that a `CellArray` of that seed has
at that place.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.engines import CompiledParams, compile_params
from synaptogen.model import (
    OWN_ROWS,
    TrendConstants,
    WearConstants,
    ageing,
    latent,
    optional_parts,
    population,
    random,
    trend,
)
from synaptogen.params import FEATURE_NAMES, DeviceParams

from .formulas import filled, switching, widths, wrapped
from .module_frame import (
    SWITCHING_OUTPUTS,
    TAPE_STATIC,
    Draft,
    Options,
    curve_cases,
    feature_names,
    file,
    tape_ageing,
    tape_set,
)
from .random_draws import draw_normals, draw_random, draws
from .symbols import Operand, Symbol, name, numbered, symbol, text, traced
from .templates import TAPE

IDENTITY = ("cell_id", "seed", "seed_high", "pristine")

PARAMETERS = """\
(* type="instance", desc="number of the cell: its place in an array, in C order" *) parameter real cell_id = 0.0 from [0:9007199254740992.0);
(* type="instance", desc="seed, modulo 2**32" *) parameter real seed = 0.0 from [0:4294967296.0);
(* type="instance", desc="seed, divided by 2**32" *) parameter real seed_high = 0.0 from [0:4294967296.0);
(* type="instance", desc="0: a device that has been cycled for long, 1: one without a past" *) parameter real pristine = 0.0 from [0:1] exclude (0:1);
localparam real mode_start = 2.0;  // a life begins in the HRS of cycle 0
localparam real u_ratchet_start = 0.0;"""  # noqa: E501  # lines of the file that is written

FRACTION = """\
// how far a number is from the nearest whole one
analog function real fraction;
  input x;
  real x;
  begin
    fraction = abs(x - floor(x + 0.5));
  end
endfunction"""

INITIAL_BLOCK = """\
// ---- the life of the cell, drawn once before a simulation begins

@@features
(* desc="cycles in which a feature had to be limited to what a device can be" *) integer limited_cycles;
integer id_low, id_high, seed_low, seed_top, k, w0, w1, w2, w3, limited;
real @z, done, r_start, new_r_hrs, new_u_set, new_r_lrs, new_u_reset;
real mu0, mu1, mu2, mu3, sigma0, sigma1, sigma2, sigma3;  // the device: offsets and scales of its features
real e0, e1, e2, e3, x0, x1, x2, x3;                      // innovation and latent features of a cycle
@@memory

analog initial begin
  // ngspice reads a whole number that comes as a parameter of a subcircuit, 3.00e+00, wrong by a rounding error
  if (fraction(cell_id) > 1e-6 || fraction(seed) > 1e-6 || fraction(seed_high) > 1e-6)
    $fatal(0, "cell_id, seed and seed_high are whole numbers");
  id_low = low_word(floor(cell_id + 0.5));
  id_high = low_word(floor(floor(cell_id + 0.5)/4294967296.0));
  seed_low = low_word(floor(seed + 0.5));
  seed_top = low_word(floor(seed_high + 0.5));

  // the device: one component of the population, and a draw from it
  @@device

  // what it remembers of the cycles before
  @@past

  limited_cycles = 0;
  for (k = 0; k <= @last; k = k + 1) begin
    @@cycle
    @@trend
    done = features(x0, x1, x2, x3, @mu, sigma0, sigma1, sigma2, sigma3,@own new_r_hrs, new_u_set,
        new_r_lrs, new_u_reset, limited);
    @@wear
    limited_cycles = limited_cycles + limited;
    case (k)
      @@store
      default: begin end
    endcase
  end
  r_start = mixing(r_hrs0);
end"""


def write_autonomous(params: DeviceParams, cycles: int, options: Options) -> Draft:
    """Write the cell of kind autonomous.

    Parameters
    ----------
    params : DeviceParams
        The device population.
    cycles : int
        Number of cycles after the first.
    options : Options
        What the cell has beside its model.

    Returns
    -------
    Draft
        The cell.
    """
    functions = [switching(params), widths(params), draws(params), FRACTION]
    functions = [*filter(None, functions), _initial_block(compile_params(params), cycles)]
    source = file(
        f"ReRAM cell that draws its own life: cycle 0 and {cycles} further cycles",
        TAPE,
        params,
        options,
        "\n\n".join(functions),
        instance=PARAMETERS,
        select=curve_cases(cycles),
        static=TAPE_STATIC,
        **tape_set(cycles, options),
        **tape_ageing(params),
    ).replace("@last", str(cycles))
    own = "".join(f" {row}," for row in numbered("own", OWN_ROWS if params.own is not None else 0))
    source = source.replace("@own", own)
    outputs = (*SWITCHING_OUTPUTS, "tape_end", *options.outputs())
    return Draft(source, ("p", "n"), IDENTITY, (("t_switch", 1e-9), *options.settings()), outputs)


def _initial_block(params: CompiledParams, cycles: int) -> str:
    memory = numbered("m", len(params.readout))
    past, cycle = (_var_past, _var_cycle) if params.slots else (_states_past, _states_cycle)
    following = [] if params.slots else [f"real {', '.join(numbered('n', params.states))};"]
    if params.own:
        following += [
            f"real {', '.join([*numbered('own', OWN_ROWS), *numbered('slow', 4)])};  // the device's own shapes"
        ]
    if params.restless:
        following += ["real g0, g1, g2, g3;"]
    moves, wear = params.constants.trend, params.constants.wear
    following += [f"real {', '.join([*numbered('d', 4), *numbered('mt', 4)])};  // trend"] if moves else []
    offsets = numbered("mt" if moves else "mu", 4)
    return filled(
        INITIAL_BLOCK.replace("@z", ", ".join(numbered("z", params.traits))).replace("@mu", ", ".join(offsets)),
        {
            "features": "\n".join(_feature_variable(feature) for feature in feature_names(cycles)),
            "memory": "\n".join(wrapped([f"real {', '.join(memory)};", *following])),
            "device": _device(params),
            "past": past(params, memory),
            "cycle": cycle(params, memory),
            "trend": "\n".join(_trend(moves)) if moves else "",
            "wear": "\n".join(_wear(wear)) if wear else "",
            "store": "\n".join(_store_case(k) for k in range(cycles + 1)),
        },
    ).rstrip()


def _trend(law: TrendConstants) -> list[str]:
    """Move the offsets of the device to where they are in cycle k."""
    mu, sigma, z = ([name(n) for n in numbered(stem, 4)] for stem in ("mu", "sigma", "d"))
    moved = traced(trend.moved_offsets)(mu, sigma, z, name("k", "uint32"), law)
    drawn = [draw_normals(random.AGEING, "0", 1, numbered("d", 4))] if law.factor else []
    return [*drawn, *_assigned(numbered("mt", 4), moved)]


def _wear(law: WearConstants) -> list[str]:
    """Put a threshold out of reach, if the device has failed by cycle k."""
    fails = traced(ageing.has_failed)(name("k", "uint32"), name("w0", "uint32"), law)
    u = ("new_u_set", "new_u_reset")
    worn = traced(ageing.failed)([name(n) for n in u], fails, name("w1", "uint32"), law)
    return [draw_random(random.AGEING, "0", 0), *_assigned(u, worn)]


def _feature_variable(feature: str) -> str:
    return f'(* desc="of cycle {feature.lstrip("_abcdefghijklmnopqrstuvwxyz")}" *) real {feature};'


def _store_case(k: int) -> str:
    return f"{k}: begin {' '.join(f'{feature}{k} = new_{feature};' for feature in FEATURE_NAMES)} end"


def _assigned(results: Sequence[str], values: Sequence[Operand]) -> list[str]:
    """Return a statement for each result."""
    return wrapped([f"{result} = {text(symbol(value))};" for result, value in zip(results, values, strict=True)])


def _products(matrix: Float64Array, names: Sequence[str], offsets: Sequence[float] = ()) -> list[Symbol]:
    """Return a matrix times a vector of variables, plus ``offsets``; zeros are left out."""
    terms = [[symbol(offset)] for offset in offsets] or [[] for _ in matrix]
    for row, sum_ in zip(matrix, terms, strict=True):
        sum_ += [float(c) * name(n) for c, n in zip(row, names, strict=True) if c]
    return [reduce(add, sum_ or [symbol(0.0)]) for sum_ in terms]


def _device(params: CompiledParams) -> str:
    """Draw the device: a choice between components, then means + cholesky @ normals."""
    traits = [*numbered("mu", 4), *numbered("sigma", 4), *numbered("own", params.traits - 8)]
    lines = [draw_random(random.DEVICE, "0", 0)]
    if not len(params.bounds):
        lines += _vector(params, traits, "0")
    else:
        low, high = params.bounds.tolist()
        outside = " || ".join(f"{t} < {a!r} || {t} > {b!r}" for t, a, b in zip(traits, low, high, strict=True))
        check = f"limited = {outside} ? 1 : 0;"
        again = [*_vector(params, traits, "k"), *wrapped([check]), "k = k + 1;"]
        lines += [
            "limited = 1;",
            "k = 0;",
            f"while (limited != 0 && k < {population.DRAWS}) begin",
            *_indented(again),
            "end",
        ]
        lines += [f"{t} = min(max({t}, {a!r}), {b!r});" for t, a, b in zip(traits, low, high, strict=True)]
    if params.log_sigma:
        lines += _assigned(traits[4:8], [traced(population.scale)(name(sigma)) for sigma in traits[4:8]])
    if params.own:  # roots of the shares of memory take the place of the shares; later ones first, which need these
        rows = traced(optional_parts.device_rows)([name(trait) for trait in traits[8:]], params.constants.own)
        lines += _assigned(numbered("own", OWN_ROWS)[::-1], list(rows)[::-1])
    return "\n".join(lines)


def _vector(params: CompiledParams, traits: Sequence[str], number: str) -> list[str]:
    """Return the statements that draw a device vector from the component that ``w0`` chooses."""
    z = numbered("z", params.traits)
    blocks = range(params.traits // 4)
    lines = [draw_normals(random.DEVICE, number, 1 + block, z[4 * block : 4 * block + 4]) for block in blocks]
    chosen = traced(population.chosen)
    for k in reversed(range(len(params.means))):
        start = f"if ({text(chosen(name('w0', 'uint32'), params.component_starts[k]))}) " if k else ""
        draw = _products(params.cholesky[k], z, params.means[k])
        lines += [f"{start}begin", *_indented(_assigned(traits, draw)), "end else" if k else "end"]
    return lines


def _innovation(params: CompiledParams, results: Sequence[str], e: Sequence[str]) -> list[str]:
    return _assigned(results, traced(latent.innovation)([name(n) for n in e], params.constants.innovation))


def _add_memory(params: CompiledParams, memory: Sequence[str]) -> list[str]:
    """Add to x the share of earlier cycles: a line for each number of the memory."""
    x = [name(n) for n in numbered("x", 4)]
    lines = []
    for column, m in zip(params.readout.tolist(), memory, strict=True):
        added = traced(latent.add_scaled)(x, column, name(m))
        lines.append(" ".join(_assigned(numbered("x", 4), added)))
    return lines


def _add_own_memory(params: CompiledParams, memory: Sequence[str]) -> list[str]:
    """Weigh innovation and share of earlier cycles by what the device has of its own."""
    slow = _products(params.readout.T, memory)
    x, own = numbered("x", 4), [name(n) for n in numbered("own", OWN_ROWS)]
    mixed = traced(optional_parts.blended)(
        [name(n) for n in numbered("slow", 4)], [name(n) for n in x], own, params.constants.own
    )
    return [*_assigned(numbered("slow", 4), slow), *_assigned(x, mixed)]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


# ---- VAR: the memory m is the last p values of x, the most recent first


def _var_past(params: CompiledParams, memory: list[str]) -> str:
    """Draw the past from the stationary distribution of (x_0, x_-1, ...): a triangular matrix times normals.

    The product is formed in place, from its last rows.
    """
    pasts = [draw_normals(random.HISTORY, "0", lag, memory[4 * lag : 4 * lag + 4]) for lag in range(1, params.slots)]
    stationary = _assigned(memory[::-1], _products(params.start, memory)[::-1])
    zeros = [f"{m} = 0.0;" for m in memory[4:]]
    lines = [
        draw_normals(random.CYCLES, "0", 0, numbered("e", 4)),
        "if (pristine != 0.0) begin",
        *_indented(_innovation(params, memory[:4], numbered("e", 4))),
        *_indented(wrapped([" ".join(zeros)])),
        "end else begin",
        *_indented([" ".join(f"m{k} = e{k};" for k in range(4)), *pasts, *stationary]),
        "end",
    ]
    return "\n".join(lines)


def _var_cycle(params: CompiledParams, memory: list[str]) -> str:
    """Step x_n = B e_n + A_1 x_(n-1) + ..., and move the memory on; the first cycle has been drawn with the past."""
    moved = [f"{to} = {from_};" for to, from_ in zip(memory[:3:-1], memory[-5::-1], strict=True)]
    lines = [
        "if (k > 0) begin",
        *_indented(
            [
                draw_normals(random.CYCLES, "k", 0, numbered("e", 4)),
                *_innovation(params, numbered("x", 4), numbered("e", 4)),
                *_add_memory(params, memory),
                *wrapped([" ".join([*moved, *(f"m{k} = x{k};" for k in range(4))])]),
            ]
        ),
        "end else begin",
        *_indented([f"x{k} = m{k};" for k in range(4)]),
        "end",
    ]
    return "\n".join(lines)


# ---- state space: the memory m is its states


def _states_past(params: CompiledParams, memory: list[str]) -> str:
    """Draw the states from their stationary distribution: a triangular matrix times normals.

    The product is formed in place, from its last rows.
    """
    drawn_into = [*memory, *numbered("e", -len(memory) % 4)]
    drawn = [draw_normals(random.HISTORY, "0", b, drawn_into[4 * b : 4 * b + 4]) for b in range(len(drawn_into) // 4)]
    lines = [
        "if (pristine != 0.0) begin",
        *_indented(wrapped([" ".join(f"{m} = 0.0;" for m in memory)])),
        "end else begin",
        *_indented([*drawn, *_assigned(memory[::-1], _products(params.start, memory)[::-1])]),
        "end",
    ]
    return "\n".join(lines)


def _states_cycle(params: CompiledParams, memory: list[str]) -> str:
    """Step x_n = B e_n + H s_n, s_(n+1) = F s_n + G e_n."""
    e, following = numbered("e", 4), numbered("n", params.states)
    lines = [draw_normals(random.CYCLES, "k", 0, e), *_innovation(params, numbered("x", 4), e)]
    step = _products(np.hstack((params.F, params.G)), [*memory, *e])
    if params.restless:
        law, g = params.constants.restless, numbered("g", 4)
        lrs = traced(optional_parts.innovation_of_lrs)(name("x2"), name(memory[-1]), name("g0"), law)
        step[-1] = traced(optional_parts.next_unrest)(name(memory[-1]), name("g1"), law)
        lines += [draw_normals(random.CYCLES, "k", 1, g), *_assigned(["x2"], [lrs])]
    lines += _add_own_memory(params, memory) if params.own else _add_memory(params, memory)
    lines += [
        *_assigned(following, step),
        *wrapped([" ".join(f"{m} = {n};" for m, n in zip(memory, following, strict=True))]),
    ]
    return "\n".join(lines)
