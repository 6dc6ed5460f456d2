"""The formulas of the model as functions of Verilog-A, each traced from its Python source."""

import textwrap
from collections.abc import Mapping, Sequence

from synaptogen.model import Constants, iv, noise, temperature
from synaptogen.params import DeviceParams

from .symbols import Symbol, Type, name, statements, traced

NAMED = {
    "u_max": "V, a full RESET at and above",
    "eta": "exponent of the RESET transition",
    "knee": "of the line that it follows where its power law is above it",
    "gradual": "1/V, slope of that line",
    "rest": "what it leaves for the full RESET",
    "u_range": "V, beyond +-u_range the chord conductances are constant",
    "g_llrs": "S, chord conductance of the lowest LRS at the read voltage",
    "per_span": "ohm, 1/(g_llrs - g_hhrs)",
    "r_max": "largest mixing state, passivity",
}
"""Constants that stand in a file under their names, with the comment there; the other ones stand as numbers."""
TYPES: dict[Type, str] = {"real": "real", "uint32": "integer", "mask": "integer"}
"""The type of Verilog-A that holds each type of symbols."""


def constants(params: DeviceParams) -> Constants:
    """Return the constants of a parameter set for tracing: symbols for those that stand under their names."""
    return params.constants()._replace(**{key: name(key) for key in NAMED})


def declarations(params: DeviceParams) -> str:
    """Return the constants with names as localparams."""
    p = params.constants()
    return "\n".join(f"localparam real {key} = {getattr(p, key)!r};  // {what}" for key, what in NAMED.items())


def _function(title: str, comment: str, inputs: str, result: Symbol, names: Sequence[str] = ()) -> str:
    """Return a function of real numbers that returns ``result``; ``names`` are those of its temporary variables."""
    lines, kinds = statements({title: result}, names)
    locals_ = "".join(f"\n  {TYPES[kind]} {temporary};" for temporary, kind in kinds.items())
    body = "\n".join(f"    {line}" for line in wrapped(lines))
    return (
        f"// {comment}\nanalog function real {title};\n  input {inputs};\n  real {inputs};{locals_}\n"
        f"  begin\n{body}\n  end\nendfunction"
    )


def procedure(
    title: str,
    comment: str,
    inputs: Mapping[str, Sequence[str]],
    results: Mapping[str, Symbol],
    *,
    first: str = "",
    variables: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Return a function with several results, which it gives through arguments; its own value is 0.

    Parameters
    ----------
    title, comment : str
        Its name, and the line before it.
    inputs : mapping of str to sequence of str
        Names of the inputs of each type of Verilog-A.
    results : mapping of str to Symbol
        Expression of each result; they follow the inputs as arguments.
    first : str
        A statement before all others.
    variables : mapping of str to sequence of str, optional
        Variables that this statement needs, by type.

    Returns
    -------
    str
        Verilog-A.
    """
    lines, kinds = statements(results)
    typed: list[tuple[str, Sequence[str]]] = [*inputs.items()]
    typed += [(TYPES[node.kind], (result,)) for result, node in results.items()]
    typed += [*(variables or {}).items(), *((TYPES[kind], (temporary,)) for temporary, kind in kinds.items())]
    declared: dict[str, list[str]] = {}
    for type_, names in typed:
        declared.setdefault(type_, []).extend(names)
    arguments = ", ".join(text for names in inputs.values() for text in names)
    head = [f"input {arguments};", f"output {', '.join(results)};"]
    head += [f"{type_} {', '.join(names)};" for type_, names in declared.items()]
    body = [*([first] if first else []), *lines, f"{title} = 0.0;"]
    return "\n".join(
        [
            f"// {comment}",
            f"analog function real {title};",
            *(f"  {line}" for line in wrapped(head)),
            "  begin",
            *(f"    {line}" for line in wrapped(body)),
            "  end",
            "endfunction",
        ]
    )


def wrapped(lines: Sequence[str]) -> list[str]:
    """Return lines of at most 110 characters: long ones are broken at spaces."""
    return [
        part
        for line in lines
        for part in textwrap.wrap(line, 110, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    ]


def conduction(params: DeviceParams) -> str:
    """Return the functions that every cell needs: its conductance, and the density of its noise."""
    p = constants(params)
    r, u = name("r"), name("u")
    return "\n\n".join(
        (
            _function(
                "conductance",
                "chord conductance I/U in S of mixing state r at u: 0 is the lowest LRS, 1 the highest HRS",
                "r, u",
                traced(iv.conductance)(r, u, p),
                ("u_in", "llrs"),
            ),
            _function(
                "noise_density",
                "variance of the current per Hz and per S in A^2/(Hz S): thermal and shot noise",
                "u, kelvin",
                traced(noise.noise_density_at)(u, name("kelvin")),
            ),
        )
    )


def at_temperature(params: DeviceParams) -> str:
    """Return the function of a cell whose current follows the temperature of the circuit."""
    given = (name(each) for each in ("r", "kelvin", "tcr_lrs", "tcr_hrs"))
    return _function(
        "conductance_factor",
        "what the conductance of mixing state r at 300 K is multiplied by at another temperature",
        "r, kelvin, tcr_lrs, tcr_hrs",
        traced(temperature.conductance_factor)(*given, *resistances(params), constants(params)),
        ("g", "share"),
    )


def overdrive(rate: float) -> str:
    """Return the function of a cell whose SET stops where the voltage has fallen; ``rate`` is that of r."""
    given = map(name, ("u", "u_set", "hold"))
    return _function(
        "overdrive",
        "rate at which r moves in a SET: it goes on above a share of U_SET",
        "u, u_set, hold",
        rate * traced(iv.set_overdrive)(*given),
    )


def resistances(params: DeviceParams) -> tuple[float, float]:
    """Return the resistances in ohm of LRS and HRS of the average device: where coefficients of temperature hold."""
    r_hrs, _, r_lrs, _ = params.mean_features.tolist()
    return r_lrs, r_hrs


def switching(params: DeviceParams) -> str:
    """Return the functions that a cell needs to switch: mixing states of resistances, and the RESET transition."""
    p = constants(params)
    ohm, i, r, u, r_from, u_from, r_to = map(name, ("ohm", "i", "r", "u", "r_from", "u_from", "r_to"))
    mixing = traced(iv.passive)(traced(iv.mixing_from_conductance)(1.0 / ohm, p), p)
    curve = traced(iv.transition)(r_from, u_from, r_to, p)
    return "\n\n".join(
        (
            _function(
                # not plain "current", which disciplines.vams takes
                "cell_current",
                "current in A of mixing state r at u",
                "r, u",
                traced(iv.current)(r, u, p),
                ("u_in", "llrs"),
            ),
            _function(
                "mixing_from_current",
                "mixing state of a cell that carries i at u, 0 < u <= u_range",
                "i, u",
                traced(iv.mixing_from_current)(i, u, p),
                ("i_llrs",),
            ),
            _function(
                "fall",
                "how far a RESET transition at u is above its end",
                "u",
                traced(iv.transition_profile)(u, p),
                ("v",),
            ),
            _function("mixing", "mixing state of a resistance at the read voltage", "ohm", mixing),
            _function(
                "partial_reset",
                "mixing state of a cell driven from (u_from, r_from) towards (u_max, r_to) as far as u",
                "r_from, u_from, r_to, u",
                traced(iv.partial_reset)(curve, u, p),
                ("end_",),
            ),
        )
    )


def filled(template: str, parts: Mapping[str, str]) -> str:
    """Fill in a template.

    Parameters
    ----------
    template : str
        Text in which a line ``@@name`` stands for a part.
    parts : mapping of str to str
        Text of each part, which is indented as that line; "" leaves no line.

    Returns
    -------
    str
        The text, with a line break at its end.
    """
    lines = []
    for line in template.splitlines():
        stripped = line.strip()
        if stripped.startswith("@@"):
            depth = line[: len(line) - len(line.lstrip())]
            lines += textwrap.indent(parts[stripped[2:]], depth).splitlines()
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"
