"""Random layouts of the same loops: separators, decimal signs, names, units, orders, remarks, records side by side."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))  # for the loops
from instrument_texts import POINTS, STEP, A, I, N, T, U, V

from synaptogen import learn

VOLTS = {"V": 1.0, "mV": 1e3, "volts": 1.0, "millivolts": 1e3}
AMPS = {"A": 1.0, "mA": 1e3, "uA": 1e6, "\N{MICRO SIGN}A": 1e6, "nA": 1e9, "microamps": 1e6, "Amps": 1.0}
FORMS = ("{} ({})", "{} [{}]", "{}_{}", "{}/{}", "{} {{{}}}")


@st.composite
def layouts(draw):
    """Return a text, and how many records are in it."""
    separator = draw(st.sampled_from([",", ";", "\t", " ", " | "]))
    decimal = draw(st.sampled_from([".", ","])) if separator not in (",", " ") else "."
    form = draw(st.sampled_from(FORMS if separator not in (" ", ",") else FORMS[2:4]))
    (u_unit, u), (i_unit, i) = (draw(st.sampled_from(sorted(units.items()))) for units in (VOLTS, AMPS))
    names = (
        draw(st.sampled_from(["V", "Voltage", "bias", "U"])),
        draw(st.sampled_from(["I", "Current", "strom", "I_d"])),
    )
    v_name, a_name = form.format(names[0], u_unit), form.format(names[1], i_unit)
    wide = draw(st.booleans())
    if wide:
        columns = [(n, x) for k in range(N) for n, x in ((v_name, u * U[k]), (a_name, i * I[k]))]
    else:
        columns = [(v_name, u * V), (a_name, i * A)]
        extra = {"time": T, "Index": STEP, "power": V * A, "T": 300 + 0 * V}
        for name in draw(st.lists(st.sampled_from(sorted(extra)), unique=True, max_size=2)):
            columns.append((name, extra[name]))
        columns = draw(st.permutations(columns))
    head = draw(st.lists(st.sampled_from(["# measured on Monday", "Operator: me", "", "Limit=5e-4"]), max_size=3))
    sign = draw(st.sampled_from(["", "# "])) if separator != " | " else ""
    cells = [[f"{x:.9e}".replace(".", decimal) for x in row] for row in zip(*(c for _, c in columns), strict=True)]
    lines = [*head, sign + separator.join(n for n, _ in columns), *(separator.join(row) for row in cells)]
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines) + "\n", wide


@settings(max_examples=80)
@given(layout=layouts())
def test_random_layouts(tmp_path_factory, layout):
    content, wide = layout
    path = tmp_path_factory.mktemp("layouts") / "a.txt"
    path.write_bytes(content.encode())
    found = learn.read(path)
    assert found.sizes["cycle"] == (N if wide else 1)
    assert found.sizes["point"] == (POINTS if wide else V.size)
    np.testing.assert_allclose(found.voltage.to_numpy().ravel(), V, atol=1e-8)
    np.testing.assert_allclose(found.current.to_numpy().ravel(), A, rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("unit", ["?A", "arb. units"])
def test_a_unit_that_is_not_known_never_passes(tmp_path, unit):
    path = tmp_path / "a.csv"
    path.write_text(f"V (V),I ({unit})\n" + "".join(f"{v:.9g},{a:.9g}\n" for v, a in zip(V, A, strict=True)))
    with pytest.raises(ValueError, match="--unit current"):
        learn.read(path)
