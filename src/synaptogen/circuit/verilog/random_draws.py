"""Random numbers and features as functions of Verilog-A: what a cell needs to draw its own life."""

from collections.abc import Sequence

from synaptogen.model import features, iv, random
from synaptogen.params import FEATURE_NAMES, DeviceParams

from .formulas import constants, procedure
from .symbols import WORDS, Symbol, name, traced

ADDRESS = ("lo", "hi", "stream", "number", "block", "k0", "k1")
"""Arguments of a draw: the cell's id in two words, a stream, a cycle, a block, the seed in two words."""

WORDS_OF_NUMBERS = """\
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
    """Functions: words, normals, and the features of a cycle."""
    return "\n\n".join((WORDS_OF_NUMBERS, _words(), _normals(), _features(params)))


def normals(stream: int, number: str, block: int, results: Sequence[str]) -> str:
    """The statement that draws four normals."""
    return f"done = normals(id_low, id_high, {stream}, {number}, {block}, seed_low, seed_top, {', '.join(results)});"


def words(stream: int, number: str, block: int) -> str:
    """The statement that draws four words."""
    return f"done = words(id_low, id_high, {stream}, {number}, {block}, seed_low, seed_top, {', '.join(WORDS)});"


def _symbols(names: Sequence[str], kind: str = "real") -> list[Symbol]:
    return [name(text, kind) for text in names]


def _words() -> str:
    drawn = traced(random.random_words)(*_symbols(ADDRESS, "word"))
    return procedure(
        "words",
        "four random words of a cell: Philox4x32-10 (J. K. Salmon et al., SC 2011), the same as in Python",
        {"integer": ADDRESS},
        dict(zip(WORDS, drawn, strict=True)),
    )


def _normals() -> str:
    drawn = traced(random.normals)(*_symbols(ADDRESS, "word"))
    return procedure(
        "normals",
        "four independent normals: Box-Muller",
        {"integer": ADDRESS},
        dict(zip(("z0", "z1", "z2", "z3"), drawn, strict=True)),
        first=f"done = words({', '.join((*ADDRESS, *WORDS))});",
        variables={"integer": WORDS, "real": ("done",)},
    )


def _features(params: DeviceParams) -> str:
    p = constants(params)
    x, mu, sigma = (_numbered(letter, 4) for letter in ("x", "mu", "sigma"))
    f = traced(features.cycle_features)(_symbols(x), _symbols(mu), _symbols(sigma), p)
    ohm = traced(iv.resistance_from_mixing)
    values = (ohm(f.r_hrs, p), f.u_set, ohm(f.r_lrs, p), f.u_reset)
    return procedure(
        "features",
        "features of the cycle with latent x, of a device (mu, sigma); had any of them to be limited?",
        {"real": (*x, *mu, *sigma)},
        {**dict(zip(FEATURE_NAMES, values, strict=True)), "limited": f.limited},
    )


def _numbered(letter: str, count: int) -> list[str]:
    return [f"{letter}{k}" for k in range(count)]
