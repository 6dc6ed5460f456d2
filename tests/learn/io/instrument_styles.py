"""Texts of the same loops in other numbers, names, units, encodings and orders of columns."""

import numpy as np
from instrument_texts import POINTS, STEP, THREE, TIMES, A, I, Layout, N, T, U, V, each, lines_of, rows, table

MICRO, MU = "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}"


def german(value):
    return f"{value:,.6f}".replace(",", "_").replace(".", ",").replace("_", ".")


def long_form(keys, labels):
    """A table with columns of labels: one loop for each tuple of labels, in turn."""
    parts = [rows([*([str(label)] * POINTS for label in own), U[k % N], I[k % N]]) for k, own in enumerate(labels)]
    return f"{keys},V,I\n" + "".join(parts)


def in_units(names, u=1.0, i=1.0, **style):
    return table(names, u * V, i * A, **style)


WAY = np.linspace(0, 1.2, 61)
STYLES = {
    # numbers
    "quoted decimal commas": Layout(
        '"V","I"\n' + lines_of('"{}","{}"', *([f"{x:.9e}".replace(".", ",") for x in c] for c in (V, A)))
    ),
    "thousands": Layout('"Voltage (mV)","Current (pA)"\n' + lines_of('"{:,.6f}","{:,.4f}"', 1e3 * V, 1e12 * A)),
    "points for thousands": Layout(
        "Spannung (mV);Strom (nA)\n" + lines_of("{};{}", *([german(x) for x in c] for c in (1e3 * V, 1e9 * A)))
    ),
    "apostrophes for thousands": Layout(
        "U (mV);I (nA)\n" + lines_of("{:,.6f};{:,.6f}", 1e3 * V, 1e9 * A).replace(",", "'"),
    ),
    "a minus of typography": Layout(table("V,I", V, A).replace("-", "\N{MINUS SIGN}")),
    "exponents of Fortran": Layout(table("  V   I", V, A, separator="  ", style="{:.10E}").replace("E", "D")),
    # units
    "a power of ten": Layout(in_units("Voltage (V),Current (10^-6 A)", i=1e6)),
    "a power of ten after a cross": Layout(in_units("Voltage (V),Current (x1E-6 A)", i=1e6)),
    "units after a point": Layout(in_units("Voltage.mV,Current.nA", 1e3, 1e9)),
    "units after a blank": Layout(in_units("Voltage mV,Current uA", 1e3, 1e6)),
    "units in other brackets": Layout(in_units("Voltage {mV};Current <uA>", 1e3, 1e6, separator=";")),
    "units behind a sign": Layout(in_units("# voltage [mV], current [nA]", 1e3, 1e9)),
    "only units": Layout(in_units("mV,uA", 1e3, 1e6)),
    "a density": Layout(in_units("Voltage (V),Current density (A/cm2)"), refused="density"),
    "a letter for a density": Layout(in_units("V (V),J (A/cm^2)"), refused="density"),
    "a logarithm": Layout(table("V,log10(I)", V, np.log10(np.abs(A))), refused="logarithm"),
    "amperes in a thousand": Layout(in_units("V,I", i=1e3), refused="give A"),
    "a sign among units": Layout("\tPt\tT\tVf\tIm\n\t#\ts\tV\tA\n" + rows([STEP, T, V, A], "\t", before="\t")),
    "units behind a slash": Layout(table("time/s\tEwe/V\t<I>/mA", T, V, 1e3 * A, separator="\t")),
    "letters of units as names": Layout(table("A,V", A, V)),
    "channels with units in a line": Layout(
        "Time,Channel A,Channel B\n(ms),(V),(mV)\n\n" + rows([T, V, 50e3 * A]), options={"shunt": 50.0}
    ),
    # magnitudes
    "bars of a magnitude": Layout(table("Voltage (V),|Current| (A)", V, np.abs(A)), options={"magnitude": True}),
    "a word for a magnitude": Layout(table("V,Abs(I)", V, np.abs(A)), options={"magnitude": True}),
    "a magnitude not given": Layout(table("Voltage (V),|Current| (A)", V, np.abs(A)), refused="--magnitude"),
    # encodings
    "UTF-16": Layout(
        in_units(f"Spannung [V]\tStrom [{MICRO}A]", i=1e6, separator="\t", decimal=","), encoding="utf-16"
    ),
    "UTF-16 without a mark": Layout(in_units("Voltage\tCurrent [nA]", i=1e9, separator="\t"), encoding="utf-16-le"),
    "Latin-1": Layout(in_units(f"U [V];I [{MICRO}A]", i=1e6, separator=";", decimal=","), encoding="latin-1"),
    "Greek mu": Layout(in_units(f"U (V),I ({MU}A)", i=1e6)),
    "UTF-8 taken for Latin-1": Layout(in_units(f"U (V),I (\u00c2{MICRO}A)", i=1e6)),
    "line ends of old computers": Layout(table("V,I", V, A).replace("\n", "\r")),
    "Chinese": Layout(in_units("\u7535\u538b(V),\u7535\u6d41(A)"), encoding="gb18030"),
    "French": Layout(
        in_units("Tension (V);Intensit\u00e9 (mA)", i=1e3, separator=";", decimal=","), encoding="latin-1"
    ),
    # several records
    "devices side by side with gaps": Layout(
        ",".join(f"Device {k},," for k in range(N))
        + "\n"
        + ",".join(["V (V),I (A),"] * N)
        + "\n"
        + "".join(",".join(f"{U[k][j]:.9g},{I[k][j]:.9g}," for k in range(N)) + "\n" for j in range(POINTS)),
        options={"records": "devices"},
        devices=N,
        parts=THREE["parts"],
    ),
    "pairs of different length": Layout(
        "V1,I1,V2,I2,V3,I3\n"
        + "".join(
            ",".join(f"{U[k][j]:.9g},{I[k][j]:.9g}" if j < n else "," for k, n in enumerate((121, 100, 80))) + "\n"
            for j in range(POINTS)
        ),
        cycles=N,
        parts=[(0, 121), (1, 100), (2, 80)],
    ),
    "all voltages before all currents": Layout(table("V1,V2,V3,I1,I2,I3", *U, *I), **THREE),
    "currents first": Layout(table(",".join(["I", "V"] * N), *each(I, U)), **THREE),
    "triples": Layout(table(",".join(["t", "V", "I"] * N), *each(TIMES, U, I)), **THREE),
    "triples without names": Layout(rows(each(TIMES, U, I)), **THREE),
    "names with the cycle": Layout(
        table(",".join(f"Voltage_cycle{k} (V),Current_cycle{k} (A)" for k in range(N)), *each(U, I)), **THREE
    ),
    "devices as names of currents": Layout(
        table("Voltage (V),A1 (A),A2 (A),B7 (A)", U[0], *I),
        options={"records": "devices"},
        devices=N,
        parts=THREE["parts"],
    ),
    "two currents": Layout(table("V,I1,I2", U[0], I[0], I[1]), refused="could each be the current"),
    "titles between records": Layout(
        "".join(f"Device: {n}\nV (V)\tI (A)\n" + rows([U[k], I[k]], "\t") for k, n in enumerate("ABC")), **THREE
    ),
    # labels
    "devices and cycles": Layout(
        long_form("Device,Cycle", [(d, c) for d in ("A1", "B2") for c in range(N)]),
        devices=2,
        cycles=N,
        parts=THREE["parts"] * 2,
    ),
    "coordinates of dies": Layout(long_form("Die X,Die Y", [(1, 2), (1, 3), (2, 2)]), devices=N, parts=THREE["parts"]),
    "wafers with the same devices": Layout(
        long_form("Wafer,Device", [("W1", "d1"), ("W2", "d1"), ("W2", "d2")]), devices=N, parts=THREE["parts"]
    ),
    "repeats and points": Layout(
        "Repeat,Point,V,I\n" + "".join(rows([[str(k)] * POINTS, STEP[:POINTS], U[k], I[k]]) for k in range(N)), **THREE
    ),
    "cycles with a gate": Layout(
        "Cycle,VD,ID,VG,IG\n"
        + "".join(rows([[str(k)] * POINTS, U[k], I[k], 1.5 + 0 * U[k], 0 * U[k]]) for k in range(N)),
        **THREE,
    ),
    "a temperature beside": Layout(table("T (K),V (V),I (A)", 300 + 0 * V, V, A)),
    "terminals that stand still": Layout(
        table("V1,I1,V2,I2,V3,I3", V, A, 2 + 0 * V, 1e-11 * np.sin(np.arange(V.size)), 0 * V, -A)
    ),
    "retention below": Layout(table("V,I", V, A) + "\n" + table("Time (s),R (ohm)", T[1:31], 2e3 + T[:30])),
    "electrodes behind": Layout(table("Vanode,Icathode", V, -A)),
    "channels and numbers in brackets": Layout(
        table(",".join(f"V(1)[{k}],I(1)[{k}]" for k in range(N)), *each(U, I)), **THREE
    ),
    "both ends of the path": Layout(table("V,I_TE,I_BE", V, A, -A)),
    "a time in other units": Layout(table("time (us),Vtop (V),Itop (mA)", T, V, 1e3 * A)),
}
