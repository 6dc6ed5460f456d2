"""Texts of the same loops as programs write them: quantities below each other, simulators, old encodings, fillers."""

import numpy as np
from instrument_texts import POINTS, STEP, THREE, A, I, Layout, N, T, U, V, each, lines_of, rows, table

HEAD = """Title: * cell
Date: Mon May  1 10:00:00 2024
Plotname: Transient Analysis
Flags: real
No. Variables: 3
No. Points: {}
Variables:
\t0\ttime\ttime
\t1\tv(te)\tvoltage
\t2\ti(vte)\tcurrent
"""


def one(values):
    return "".join(f"{x:.10g}\n" for x in values)


def filled(word):
    """The current with a number that stands for none at two points."""
    return Layout(table("V,I", V, [word if k in (5, 9) else f"{a:.10g}" for k, a in enumerate(A)]), missing=(5, 9))


RAW = HEAD.format(V.size) + "Values:\n"
STEPPED = "".join(
    f"Step Information: Run={k + 1}  (Run: {k + 1}/{N})\n"
    + lines_of("{:.12e}\t{:.12e}\t{:.12e}", T[:POINTS], U[k], I[k])
    for k in range(N)
)

PROGRAMS = {
    f"fill {word}": filled(word)
    for word in ("-999", "-9999", "-999.99", "99999", "1e30", "-1e30", "9.91e37", "1E+38", "3.4028235E+38")
} | {
    "voltage above current": Layout("Voltage (V)\n" + one(V) + "\nCurrent (A)\n" + one(A)),
    "sections of voltage and current": Layout("[Voltage]\n" + one(V) + "[Current]\n" + one(A)),
    "an index in both": Layout("Index,Voltage (V)\n" + rows([STEP, V]) + "\nIndex,Current (A)\n" + rows([STEP, A])),
    "a time in both": Layout("Time (s),Voltage (V)\n" + rows([T, V]) + "\nTime (s),Current (A)\n" + rows([T, A])),
    "raw file": Layout(RAW + lines_of(" {:.0f}\t{:.12e}\n\t{:.12e}\n\t{:.12e}\n", STEP, T, V, A), name="a.raw"),
    "raw file, out of a source": Layout(RAW + lines_of(" {:.0f}\t{}\n\t{:.12e}\n\t{:.12e}\n", STEP, T, V, -A)),
    "columns of a simulator": Layout(
        " time  v(te)  time  i(vte)\n" + lines_of("{:.9e} {:.9e} {:.9e} {:.9e}", T, V, T, A)
    ),
    "waveforms of a simulator": Layout("time\tV(te)\tI(R1)\n" + rows([T, V, A], "\t")),
    "waveforms out of a source": Layout("time\tV(n001)\tI(V1)\n" + rows([T, V, -A], "\t")),
    "stepped waveforms": Layout("time\tV(te)\tI(R1)\n" + STEPPED, **THREE),
    "a time before one numbered channel": Layout(table("t (s),V1 (V),I (A)", T, V, A)),
    "blank lines": Layout("\n" * 5000 + table("V,I", V, A)),
    "many lines of remarks": Layout("".join(f"* line {k}\n" for k in range(3000)) + table("V,I", V, A)),
    "NaN between records": Layout("V,I\n" + "NaN,NaN\n".join(rows([U[k], I[k]]) for k in range(N))),
    "NaN behind records": Layout("V,I\n" + "".join(rows([U[k], I[k]]) + "NaN,NaN\n" for k in range(N))),
    "numbers of chosen cycles": Layout(table("V,1,10,100", U[0], *I), cycles=N, parts=[(k, POINTS) for k in range(N)]),
    "forward and reverse before": Layout(
        table("Forward V,Forward I,Reverse V,Reverse I", U[0][:60], I[0][:60], U[0][60:120], I[0][60:120]),
        parts=[(0, 120)],
    ),
    "words of source and sense": Layout(table("VSource,IMeasure,Time", V, A, T)),
    "Cyrillic": Layout(
        table(
            *(
                "\u041d\u0430\u043f\u0440\u044f\u0436\u0435\u043d\u0438\u0435, \u0412;\u0422\u043e\u043a, "
                "\u043c\u043a\u0410",
                V,
                1e6 * A,
            ),
            separator=";",
            decimal=",",
        ),
        encoding="cp1251",
    ),
    "Chinese": Layout(table("\u7535\u538b,\u7535\u6d41(uA)", V, 1e6 * A), encoding="gbk"),
    "Japanese": Layout(table("\u96fb\u5727,\u96fb\u6d41(mA)", V, 1e3 * A), encoding="shift_jis"),
    "Korean": Layout(table("\uc804\uc555,\uc804\ub958(uA)", V, 1e6 * A), encoding="euc-kr"),
    "Finnish": Layout(table("J\u00e4nnite (V);Virta (A)", V, A, separator=";", decimal=",")),
    "pairs of a simulator": Layout(
        table("v(a) (V),i(a) (A),v(b) (V),i(b) (A),v(c) (V),i(c) (A)", *each(U, I)), **THREE
    ),
}

MICRO, MU, OMEGA = "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}", "\N{GREEK CAPITAL LETTER OMEGA}"
CURRENTS = {
    1e6: (
        *(
            f"Current ({MICRO}A)",
            f"I / {MU}A",
            "current_ua",
            "I(UA)",
            "IuA",
            "Current:uA",
            "uA Current",
            "uA_I",
            "I=uA",
        ),
        *(
            "I (u A)",
            "I (microA)",
            "I (micro A)",
            "I_microA",
            "I_micro",
            "I_muA",
            "I in micro amps",
            "I (uA DC)",
            "I_uA_1",
        ),
        *(
            "I [uA] @ SMU1",
            "I (uA) avg",
            "I_uA (SMU1)",
            "I (uA,rms)",
            "\u7535\u6d41(\u5fae\u5b89)",
            "I\N{MIDDLE DOT}uA",
        ),
    ),
    1e3: ("i_ma", "current (ma)", "ImA", "I (m A)", "I (mA DC)", "I (milli-Ampere)"),
    1e9: ("current(na)", "InA", "I (nanoA)", "I [n A]"),
}
RESISTANCES = {
    1e3: (
        *(
            "{}_kOhm",
            f"{{}} (k{OMEGA})",
            "{} [kOhms]",
            "{} (KOHM)",
            "{} (k)",
            "{} [K]",
            "{}/kOhm",
            "{} (k Ohm)",
            "{} (kilohm)",
        ),
        *("{} [k-Ohm]", "{} - kOhm", "{} (kilo ohm)", "{} (\u043a\u041e\u043c)", "{} (\u5343\u6b27)", "{}@0.2V (kOhm)"),
    ),
    1e6: (f"{{}} (M{OMEGA})", "{} (MEG)", "{} (Megohm)", "{} (megaohm)"),
    1.0: (f"{{}} {OMEGA}", "{} (\u6b27\u59c6)", "{} (\u041e\u043c)"),
}
CONDUCTANCES = {
    1e6: ("{} (uS)", f"{{}} [{MU}S]", "{} (micro S)", "{} (uMho)"),
    1e3: ("{} (mS)", "{}_mS"),
    1 / 7.748091729e-5: ("{} (G0)", "{}/G0", "{} (2e^2/h)"),
}
UNKNOWN = ("I (MA)", "I_MA", "I (zA)", "I (%)", "I (counts)", "I (xA)", "I (A/m)")
R_HRS, R_LRS = (r * np.exp(0.1 * np.sin(np.arange(60) * s)) for r, s in ((40e3, 1.3), (9e3, 2.7)))


def features(form, names, values):
    return table("\t".join(["cycle", *(form.format(n) for n in names)]), np.arange(60), *values, separator="\t")
