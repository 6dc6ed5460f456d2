"""Functions of Verilog-A with which a cell draws random numbers and the features of its cycles."""

from collections.abc import Sequence

from synaptogen.model import OWN_ROWS, features, iv, random
from synaptogen.params import FEATURE_NAMES, DeviceParams

from .formulas import constants, procedure
from .symbols import RANDOM_NAMES, Symbol, Type, name, numbered, traced

ADDRESS = ("lo", "hi", "stream", "number", "block", "k0", "k1")
"""Arguments of a draw, each of 32 bits: the cell's id in two halves, stream, cycle, block, the seed in two halves."""

UINT32_FUNCTIONS = """\
// 32-bit words are integers, whose sign means nothing: what is above 2147483647 stands below 0
analog function real unsigned_real;
  input word;
  integer word;
  unsigned_real = word < 0 ? word + 4294967296.0 : word;
endfunction

analog function integer low_word;  // of a whole number
  input x;
  real x, low;
  begin
    low = x - 4294967296.0*floor(x/4294967296.0);
    low_word = low < 2147483648.0 ? low : low - 4294967296.0;
  end
endfunction

// the upper half of the product of two words, from products of their halves
analog function integer high_product;
  input a, b;
  integer a, b, a_low, a_high, b_low, b_high, middle, other;
  begin
    a_low = a & 65535;
    a_high = (a >> 16) & 65535;
    b_low = b & 65535;
    b_high = (b >> 16) & 65535;
    middle = a_high*b_low + (((a_low*b_low) >> 16) & 65535);
    other = a_low*b_high + (middle & 65535);
    high_product = a_high*b_high + ((middle >> 16) & 65535) + ((other >> 16) & 65535);
  end
endfunction"""


def draws(params: DeviceParams) -> str:
    """Return the functions: random bits, normals, and the features of a cycle."""
    return "\n\n".join((UINT32_FUNCTIONS, _random_function(), _normals_function(), _features_function(params)))


def draw_normals(stream: int, number: str, block: int, results: Sequence[str]) -> str:
    """Return the statement that draws four standard normals.

    Parameters
    ----------
    stream, number, block : int, str, int
        Address of the draw: a stream of `synaptogen.model.random`, the cycle as an expression, a block of four.
    results : sequence of str
        The four variables that take them.

    Returns
    -------
    str
        Verilog-A.
    """
    return f"done = normals(id_low, id_high, {stream}, {number}, {block}, seed_low, seed_top, {', '.join(results)});"


def draw_random(stream: int, number: str, block: int) -> str:
    """Return the statement that draws four random numbers of 32 bits into `RANDOM_NAMES`.

    Parameters
    ----------
    stream, number, block : int, str, int
        Address of the draw, see `draw_normals`.

    Returns
    -------
    str
        Verilog-A.
    """
    return f"done = words(id_low, id_high, {stream}, {number}, {block}, seed_low, seed_top, {', '.join(RANDOM_NAMES)});"


def _symbols(names: Sequence[str], kind: Type = "real") -> list[Symbol]:
    return [name(text, kind) for text in names]


def _random_function() -> str:
    drawn = traced(random.random_words)(*_symbols(ADDRESS, "uint32"))
    return procedure(
        "words",
        "four random words of a cell: Philox4x32-10 (J. K. Salmon et al., SC 2011), the same as in Python",
        {"integer": ADDRESS},
        dict(zip(RANDOM_NAMES, drawn, strict=True)),
    )


def _normals_function() -> str:
    drawn = traced(random.normals)(*_symbols(ADDRESS, "uint32"))
    return procedure(
        "normals",
        "four independent normals: Box-Muller",
        {"integer": ADDRESS},
        dict(zip(("z0", "z1", "z2", "z3"), drawn, strict=True)),
        first=f"done = words({', '.join((*ADDRESS, *RANDOM_NAMES))});",
        variables={"integer": RANDOM_NAMES, "real": ("done",)},
    )


def _features_function(params: DeviceParams) -> str:
    p = constants(params)
    x, mu, sigma = (numbered(letter, 4) for letter in ("x", "mu", "sigma"))
    own = numbered("own", OWN_ROWS) if params.own is not None else []
    f = traced(features.cycle_features)(_symbols(x), _symbols(mu), _symbols(sigma), p, _symbols(own))
    ohm = traced(iv.resistance_from_mixing)
    values = (ohm(f.r_hrs, p), f.u_set, ohm(f.r_lrs, p), f.u_reset)
    return procedure(
        "features",
        "features of the cycle with latent x, of a device (mu, sigma); had any of them to be limited?",
        {"real": (*x, *mu, *sigma, *own)},
        {**dict(zip(FEATURE_NAMES, values, strict=True)), "limited": f.limited},
    )
