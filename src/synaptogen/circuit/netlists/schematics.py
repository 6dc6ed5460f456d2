"""Symbols of subcircuits for schematic editors: xschem, for all languages, and KiCad, whose simulator is ngspice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from synaptogen._utils import checks

EditorName: TypeAlias = Literal["xschem", "kicad"]

GRID = 20  # xschem: units between pins
PITCH = 2.54  # KiCad: mm between pins


class Part(NamedTuple):
    """A subcircuit as a box with pins.

    Attributes
    ----------
    name : str
        Name of the subcircuit, and of its file without the suffix.
    file : str
        Name of its file.
    left, top, right : sequence of str
        Its pins on each side; in the subcircuit they have this order.
    parameters : mapping of str to float
        Its parameters and their defaults.
    """

    name: str
    file: str
    left: Sequence[str]
    top: Sequence[str]
    right: Sequence[str]
    parameters: Mapping[str, float]


def symbol(editor: EditorName, part: Part, dialect: str) -> tuple[str, str]:
    """Return a symbol for a schematic editor.

    Parameters
    ----------
    editor : {"xschem", "kicad"}
        The editor.
    part : Part
        The subcircuit.
    dialect : str
        Language of its file.

    Returns
    -------
    name, content : str
        Name of the symbol's file, and what it holds.

    Raises
    ------
    ValueError
        If the editor is not known, or does not simulate in this language.
    """
    checks.one_of("symbols", editor, EDITORS)
    if editor == "kicad" and dialect != "ngspice":
        raise ValueError(f"symbols: KiCad simulates with ngspice, not with {dialect}: take the symbol for xschem")
    suffix, write = EDITORS[editor]
    return f"{part.name}{suffix}", "\n".join(write(part)) + "\n"


class _Pin(NamedTuple):
    """A pin: how many steps of the grid it lies from the left and from the top, and the side that it is on."""

    name: str
    x: int
    y: int
    side: Literal["left", "top", "right"]


def _placed(part: Part) -> tuple[int, int, list[_Pin]]:
    """Return width and height of the box in steps of the grid, and its pins in the order of the subcircuit."""
    width, height = max(len(part.top), 3) + 1, max(len(part.left), len(part.right), 1) + 1
    pins = [_Pin(name, -1, k + 1, "left") for k, name in enumerate(part.left)]
    pins += [_Pin(name, k + 1, -1, "top") for k, name in enumerate(part.top)]
    pins += [_Pin(name, width + 1, k + 1, "right") for k, name in enumerate(part.right)]
    return width, height, pins


# ---- xschem


def _xschem(part: Part) -> Iterator[str]:
    """Yield the lines of a symbol for xschem; it has no schematic: the netlist takes in the subcircuit's file."""
    width, height, pins = _placed(part)
    given = "".join(f" {name}=@{name}" for name in part.parameters)
    defaults = "".join(f" {name}={value!r}" for name, value in part.parameters.items())
    yield "v {xschem version=3.4.5 file_version=1.2}"
    yield "G {}"
    yield "K {type=primitive"
    yield f'format="@name @pinlist @symname{given}"'
    yield f'spectre_format="@name ( @pinlist ) @symname{given}"'
    yield f'template="name=x1{defaults}"}}'
    yield from ("V {}", "S {}", "E {}")
    right, bottom = GRID * width, GRID * height
    for x0, y0, x1, y1 in ((0, 0, right, 0), (right, 0, right, bottom), (0, bottom, right, bottom), (0, 0, 0, bottom)):
        yield f"L 4 {x0} {y0} {x1} {y1} {{}}"
    texts = []
    for pin in pins:
        x, y = GRID * pin.x, GRID * pin.y
        dx, dy = {"left": (GRID, 0), "top": (0, GRID), "right": (-GRID, 0)}[pin.side]
        yield f"L 4 {min(x, x + dx)} {y} {max(x, x + dx)} {y + dy} {{}}"
        yield f"B 5 {x - 2.5:g} {y - 2.5:g} {x + 2.5:g} {y + 2.5:g} {{name={pin.name} dir=inout}}"
        # names stand inside the box; those of the top are turned
        turn, flip = {"left": (0, 0), "top": (1, 0), "right": (0, 1)}[pin.side]
        at = {"left": (5, y - 4), "top": (x + 4, 5), "right": (right - 5, y - 4)}[pin.side]
        texts.append(f"T {{{pin.name}}} {at[0]} {at[1]} {turn} {flip} 0.2 0.2 {{}}")
    yield from texts
    yield f"T {{@symname}} 5 {bottom - 14} 0 0 0.2 0.2 {{}}"
    yield f"T {{@name}} {right + 5} -12 0 0 0.2 0.2 {{}}"


# ---- KiCad


def _kicad(part: Part) -> Iterator[str]:
    """Yield the lines of a symbol library for KiCad 7 and later, with the fields of its simulator."""
    width, height, pins = _placed(part)
    right, bottom = PITCH * width, PITCH * height
    fields = {
        "Sim.Device": "SUBCKT",
        "Sim.Library": part.file,
        "Sim.Name": part.name,
        "Sim.Pins": " ".join(f"{k}={pin.name}" for k, pin in enumerate(pins, 1)),
    }
    if part.parameters:
        fields["Sim.Params"] = " ".join(f"{name}={value!r}" for name, value in part.parameters.items())
    yield "(kicad_symbol_lib (version 20220914) (generator synaptogen)"
    yield f'  (symbol "{part.name}" (pin_names (offset 0.508)) (in_bom yes) (on_board yes)'
    yield from _property("Reference", "X", (right + 0.5 * PITCH, PITCH), hide=False)
    yield from _property("Value", part.name, (0.5 * right, -bottom - 0.5 * PITCH), hide=False)
    for name, value in {"Footprint": "", "Datasheet": "", **fields}.items():
        yield from _property(name, value, (0.0, 0.0), hide=True)
    yield f'    (symbol "{part.name}_0_1"'
    yield f"      (rectangle (start 0 0) (end {right:g} {-bottom:g})"
    yield "        (stroke (width 0.254) (type default)) (fill (type background))))"
    yield f'    (symbol "{part.name}_1_1"'
    for k, pin in enumerate(pins, 1):
        angle = {"left": 0, "top": 270, "right": 180}[pin.side]
        yield f"      (pin passive line (at {PITCH * pin.x:g} {-PITCH * pin.y:g} {angle}) (length {PITCH:g})"
        yield f'        (name "{pin.name}" {_SIZE}) (number "{k}" {_SIZE}))'
    yield "    )"
    yield "  )"
    yield ")"


_SIZE = "(effects (font (size 1.27 1.27)))"


def _property(name: str, value: str, at: tuple[float, float], *, hide: bool) -> Iterator[str]:
    hidden = " hide" if hide else ""
    yield f'    (property "{name}" "{value}" (at {at[0]:g} {at[1]:g} 0)'
    yield f"      (effects (font (size 1.27 1.27)){hidden}))"


EDITORS: dict[EditorName, tuple[str, Callable[[Part], Iterator[str]]]] = {
    "xschem": (".sym", _xschem),
    "kicad": (".kicad_sym", _kicad),
}
"""For each `EditorName` the suffix of a symbol's file, and the function that yields its lines."""
