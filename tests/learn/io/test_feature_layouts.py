"""Tables of features as people publish them: each is read as the same numbers, or refused with the remedy."""

import numpy as np
import pytest

from synaptogen import learn

D, C = 3, 24
RNG = np.random.default_rng(3)
HRS, LRS = 5e4 * np.exp(0.3 * RNG.standard_normal((D, C))), 2e3 * np.exp(0.05 * RNG.standard_normal((D, C)))
SET, RESET = -1 + 0.05 * RNG.standard_normal((D, C)), 0.7 + 0.03 * RNG.standard_normal((D, C))
FOUR = {"r_hrs": HRS, "u_set": SET, "r_lrs": LRS, "u_reset": RESET}
TWO = {"r_hrs": HRS, "r_lrs": LRS}
NAMES = "HRS (ohm),LRS (ohm),Vset (V),Vreset (V)"


def first(values):
    """The same of the first device alone."""
    return {name: table[:1] for name, table in values.items()}


def text(names, *columns, separator=","):
    rows = zip(*columns, strict=True)
    return (
        "\n".join([names, *(separator.join(v if isinstance(v, str) else f"{v:.9g}" for v in row) for row in rows)])
        + "\n"
    )


def blocks(*tables):
    """Columns of each table, device by device."""
    return [table[d] for d in range(D) for table in tables]


CYCLES = np.arange(1, C + 1)
FOUR_BLOCKS = blocks(HRS, LRS, SET, RESET)
TURNS = np.stack([HRS[0], LRS[0]], 1).ravel()
LAYOUTS = {
    # several devices side by side
    "blocks with the same names": (text(",".join([NAMES] * D), *FOUR_BLOCKS), FOUR),
    "a count before blocks": (text("Cycle," + ",".join([NAMES] * D), CYCLES, *FOUR_BLOCKS), FOUR),
    "a count in each block": (
        text(",".join(["Cycle,HRS (kohm),LRS (kohm)"] * D), *blocks(np.tile(CYCLES, (D, 1)), HRS / 1e3, LRS / 1e3)),
        TWO,
    ),
    "devices above blocks": (
        "Device 1,,,,Device 2,,,,Device 3,,,\n" + text(",".join([NAMES] * D), *FOUR_BLOCKS),
        FOUR,
    ),
    "devices behind names": (text("cycle,HRS_D1,LRS_D1,HRS_D2,LRS_D2,HRS_D3,LRS_D3", CYCLES, *blocks(HRS, LRS)), TWO),
    "devices before names": (
        text("cycle," + ",".join(f"D{k} HRS (ohm),D{k} LRS (ohm)" for k in (1, 2, 3)), CYCLES, *blocks(HRS, LRS)),
        TWO,
    ),
    "numbers in brackets": (
        text("cycle,R_HRS(1),R_HRS(2),R_HRS(3),R_LRS(1),R_LRS(2),R_LRS(3)", CYCLES, *HRS, *LRS),
        TWO,
    ),
    "numbers behind thresholds": (
        text("cycle,Vset1 (mV),Vset2 (mV),Vset3 (mV),Vreset1,Vreset2,Vreset3", CYCLES, *(1e3 * SET), *RESET),
        {"u_set": SET, "u_reset": RESET},
    ),
    # other quantities
    "conductances": (text("Cycle,G_HRS (uS),G_LRS (uS)", CYCLES, 1e6 / HRS[0], 1e6 / LRS[0]), first(TWO)),
    "conductances of on and off": (text("Cycle,Gon (S),Goff (S)", CYCLES, 1 / LRS[0], 1 / HRS[0]), first(TWO)),
    "states in siemens": (text("Cycle,HRS (uS),LRS (uS)", CYCLES, 1e6 / HRS[0], 1e6 / LRS[0]), first(TWO)),
    "a ratio beside": (
        text("Cycle,R_on (ohm),R_off (ohm),R_off/R_on", CYCLES, LRS[0], HRS[0], HRS[0] / LRS[0]),
        first(TWO),
    ),
    "a ratio alone": (text("Cycle,R_on/R_off", CYCLES, HRS[0] / LRS[0]), "neither voltage"),
    "currents of states": (
        text("Cycle,I_HRS (uA),I_LRS (uA)", CYCLES, 2e5 / HRS[0], 2e5 / LRS[0]),
        "was read is not given",
    ),
    "logarithms": (text("Cycle,log10(HRS),log10(LRS)", CYCLES, np.log10(HRS[0]), np.log10(LRS[0])), "logarithm"),
    "a distribution": (text("HRS (ohm),CDF (%)", np.sort(HRS[0]), 4 * CYCLES), "order of the cycles"),
    # units and words
    "a line of units": (text("Cycle,HRS,LRS\n#,kOhm,kOhm", CYCLES, HRS[0] / 1e3, LRS[0] / 1e3), first(TWO)),
    "words": (
        text(
            "Cycle Number,High Resistance State (Ohm),Low Resistance State (Ohm),SET Voltage (V),RESET Voltage (V)",
            *(CYCLES, HRS[0], LRS[0], SET[0], RESET[0]),
        ),
        first(FOUR),
    ),
    "signs of TeX": (
        text("cycle,$V_{SET}$ (V),$R_{LRS}$ ($k\\Omega$)", CYCLES, SET[0], LRS[0] / 1e3),
        first({"u_set": SET, "r_lrs": LRS}),
    ),
    "a read voltage": (text("Cycle,R_HRS @ 0.2 V (Ohm),R_LRS @ 0.2 V (Ohm)", CYCLES, HRS[0], LRS[0]), first(TWO)),
    "kiloohms without a unit": (text("Cycle,HRS,LRS", CYCLES, HRS[0] / 1e3, LRS[0] / 1e3), "--unit r_lrs=kohm"),
    "kiloohms said": (
        text("Cycle,HRS,LRS", CYCLES, HRS[0] / 1e3, LRS[0] / 1e3),
        first(TWO),
        {"units": {"r_hrs": "kohm", "r_lrs": "kohm"}},
    ),
    # rows
    "rows of statistics": (
        text("Cycle,HRS,LRS", CYCLES, HRS[0], LRS[0])
        + f"Mean,{HRS[0].mean()},{LRS[0].mean()}\nStd,1e3,20\nCV,0.2,0.01\n",
        first(TWO),
    ),
    "states in turns": (text("Pulse,Resistance (kohm)", np.arange(2 * C), TURNS / 1e3), first(TWO)),
    "states in turns, LRS first": (text("No,R", np.arange(2 * C), TURNS.reshape(-1, 2)[:, ::-1].ravel()), first(TWO)),
    "states in turns, the same cycle": (text("Cycle,R", np.repeat(CYCLES, 2), TURNS), first(TWO)),
    "states that hardly differ": (text("Cycle,R", np.arange(2 * C), np.tile(HRS[0], 2)), "neither voltage"),
    "states after operations": (
        text("Cycle,Operation,Resistance", np.repeat(CYCLES, 2), ["RESET", "SET"] * C, TURNS),
        first(TWO),
    ),
    "a row for each feature": (
        f"Cycle,{','.join(map(str, CYCLES))}\nHRS,{','.join(map(str, HRS[0]))}\nLRS,{','.join(map(str, LRS[0]))}\n",
        first(TWO),
    ),
    "devices that lack features": (text("HRS,LRS,HRS", HRS[0], LRS[0], HRS[1]), "do not make blocks"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(tmp_path, name):
    content, expected, *options = LAYOUTS[name]
    path = tmp_path / "a.csv"
    path.write_text(content)
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            learn.read(path)
        return
    found = learn.read(path, **(options[0] if options else {}))
    assert set(found.data_vars) - {"flag"} == set(expected)
    for feature, values in expected.items():
        np.testing.assert_allclose(np.abs(found[feature]), np.abs(values), rtol=1e-6)


def test_devices_keep_their_names(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(LAYOUTS["devices above blocks"][0])
    found = learn.read(path)
    assert found.device.values.tolist() == ["Device 1", "Device 2", "Device 3"]
    path.write_text(LAYOUTS["devices behind names"][0])
    assert learn.read(path).device.values.tolist() == ["D1", "D2", "D3"]
    assert "3 devices side by side" in learn.read(path).attrs["read_as"]
