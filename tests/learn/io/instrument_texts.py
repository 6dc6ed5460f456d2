"""Texts as instruments, programs and people write them, all of the same loops (`loops_of_a_cell`)."""

from dataclasses import dataclass, field

import numpy as np

N = 3  # loops
POINTS = 121


def loops_of_a_cell(seed=0):
    """Return voltages and currents of N loops, (N, POINTS): SET at -1 V, a current limit, a round RESET from 0.6 V."""
    rng = np.random.default_rng(seed)
    u = np.concatenate([np.linspace(0, -1.4, 36), np.linspace(-1.36, 1.2, 65), np.linspace(1.16, 0, 20)])
    down, up = np.arange(POINTS) <= 35, np.arange(POINTS) <= 100
    i = np.empty((N, POINTS))
    for c in range(N):
        r_hrs, r_lrs = 5e4 * (1 + 0.2 * rng.standard_normal()), 2e3 * (1 + 0.03 * rng.standard_normal())
        u_set, u_reset = -1.0 + 0.05 * rng.standard_normal(), 0.6 + 0.03 * rng.standard_normal()
        part = np.clip((u - u_reset) / (1.2 - u_reset), 0, 1)
        falling = 1.2 / r_hrs + (u_reset / r_lrs - 1.2 / r_hrs) * (1 - part) ** 1.5
        rising = np.where(u < u_reset, u / r_lrs, falling)
        i[c] = np.where(down, np.where(u > u_set, u / r_hrs, u / r_lrs), np.where(up, rising, u / r_hrs))
    return np.tile(u, (N, 1)), np.maximum(i, -5e-4) + 2e-8 * rng.standard_normal(i.shape)


U, I = loops_of_a_cell()  # noqa: E741  # the letter of a current
V, A = U.ravel(), I.ravel()  # one long record
STEP = np.arange(V.size)
T, T1 = 0.1 * STEP, 0.1 * STEP[:POINTS]


@dataclass
class Layout:
    """A file: its content, how to read it, and what must come of it; the loops are cycles unless ``devices`` is given.

    ``parts`` are the (loop, number of points) of each record, one long record by default. ``refused`` are words of the
    refusal. With ``zero``, points at 0 V do not count: a quotient or a logarithm has none there.
    """

    content: object
    options: dict = field(default_factory=dict)
    devices: int = 1
    cycles: int = 1
    parts: list | None = None
    refused: str | None = None
    missing: tuple = ()
    encoding: str = "utf-8"
    name: str = "a.csv"
    zero: bool = False


def rows(columns, separator=",", decimal=".", style="{:.10g}", before="", after=""):
    lines = []
    for row in zip(*columns, strict=True):
        cells = [v if isinstance(v, str) else style.format(v).replace(".", decimal) for v in row]
        lines.append(before + separator.join(cells) + after)
    return "\n".join(lines) + "\n"


def table(names, *columns, **style):
    return names + "\n" + rows(columns, **style)


def each(*makes):
    """Columns of all loops side by side: each of the given arrays of shape (N, POINTS)."""
    return [make[k] for k in range(N) for make in makes]


THREE = {"cycles": N, "parts": [(k, POINTS) for k in range(N)]}
TIMES = np.tile(T1, (N, 1))
EASY = """SetupTitle, I/V Sweep
PrimitiveTest, I/V Sweep
TestParameter, Channel.Unit, SMU1:HR, SMU2:HR
TestParameter, Channel.IName, I1, I2
TestParameter, Measurement.Primary.Start, 0
TestParameter, Measurement.Primary.Compliance, 0.0005
MetaData, TestRecord.RecordTime, 05/01/2024 10:11:12
Dimension1, 121, 121, 121
Dimension2, 1, 1, 1
DataName, """
LVM = """LabVIEW Measurement\t
Writer_Version\t2
Separator\tTab
Decimal_Separator\t{point}
Date\t2024/05/01
Time\t10:11:12,1234
***End_of_Header***\t
\t
"""
SEGMENT = """Channels\t2\t\t
Samples\t121\t121\t
Date\t2024/05/01\t2024/05/01\t
Y_Unit_Label\tVolts\tAmps\t
X0\t0{point}0000000000000000E+0\t0{point}0000000000000000E+0\t
Delta_X\t1{point}000000\t1{point}000000\t
***End_of_Header***\t\t\t
X_Value\tVoltage\tCurrent\tComment
"""


def with_prefix(value, unit):
    for factor, prefix in ((1, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p")):
        if abs(value) >= factor:
            return f"{value / factor:.9g}{prefix}{unit}"
    return f"0{unit}"


def easy(names, *columns):
    return EASY + table(names, *columns, separator=", ", before="DataValue, ")


def lines_of(template, *columns):
    return "".join(template.format(*row) + "\n" for row in zip(*columns, strict=True))


GATE = 1e-12 * np.sin(STEP)
CLOCK = [f"2024-05-01 10:11:{k % 60:02d}.250" for k in STEP]
TEXTS = {
    # parameter analysers
    "blocks of data values": Layout(
        "".join(easy("V1, I1, I2, Time", U[k], I[k], -I[k], T1) for k in range(N)), **THREE
    ),
    "magnitude and resistance beside": Layout(easy("V1, I1, AbsI1, R", V, A, np.abs(A), np.full(V.size, 9.91e37))),
    "constant gate": Layout(easy("Vd, Id, Vg, Ig", V, A, 1.8 + 0 * V, GATE)),
    "gate of SET and of RESET": Layout(
        table("VD (V),ID (A),VG (V),IG (A)", V, A, np.where(V < 0, 1.2, 3.0), GATE),
    ),
    "bit line and source line": Layout(
        table("VBL,VSL,VWL,IBL", np.maximum(V, 0), np.maximum(-V, 0), 2 + 0 * V, A), refused="VBL-VSL"
    ),
    "difference of two lines": Layout(
        table("VBL,VSL,VWL,IBL", np.maximum(V, 0), np.maximum(-V, 0), 2 + 0 * V, A),
        options={"columns": {"voltage": "VBL-VSL"}},
    ),
    "numbered runs": Layout(
        table(",".join(f"AnodeV({k}),AnodeI({k}),Time({k})" for k in (1, 2, 3)), *each(U, I, TIMES)), **THREE
    ),
    "units in cells": Layout(
        "NO.\tVF\tIF\n"
        + lines_of("{}\t{}\t{}", STEP, [with_prefix(v, "V") for v in V], [with_prefix(a, "A") for a in A])
    ),
    "units in cells after a blank": Layout("Voltage,Current\n" + lines_of("{:.9g} V,{:.9g} uA", V, 1e6 * A)),
    "status letters": Layout(lines_of("NAV{:+.8E},NAI{:+.8E}", V, A)),
    "units above names": Layout("mV\tuA\n" + table("Voltage\tCurrent", 1e3 * V, 1e6 * A, separator="\t")),
    # source meters
    "five readings a row": Layout(rows([V, A, 9.91e37 + 0 * V, T, 44000 + 0 * V], style="{:+.9E}")),
    "all readings in a line": Layout(
        ",".join(f"{v:+.9E},{a:+.9E},+9.91E+37,{t:.6E},+4.4E+04" for v, a, t in zip(V, A, T, strict=True)) + "\n"
    ),
    "a line for each buffer": Layout(
        "V, " + ", ".join(f"{v:.9e}" for v in V) + "\nI, " + ", ".join(f"{a:.9e}" for a in A) + "\n"
    ),
    "a line for each buffer without names": Layout(
        ", ".join(f"{v:.9e}" for v in V) + "\n" + ", ".join(f"{a:.9e}" for a in A) + "\n"
    ),
    "lines for each cycle": Layout(
        "".join(f"V{k}," + rows([[x] for x in U[k]]) + f"I{k}," + rows([[x] for x in I[k]]) for k in range(N)), **THREE
    ),
    "quoted names after remarks": Layout(
        '"Project","x"\n"Serial","0123"\n\n"Run 1"\n'
        + table('"Index","Smu-1 Time (s)","Smu-1 Voltage (V)","Smu-1 Current (A)"', STEP, T, V, A)
    ),
    "a column of units": Layout(
        table(
            "Index,Reading,Unit,Range,Value,Unit", STEP, A, ["Amp DC"] * V.size, 1e-3 + 0 * V, V, ["Volt DC"] * V.size
        )
    ),
    "a column of small units": Layout(
        table("Voltage,Voltage Unit,Current,Current Unit", V, ["V"] * V.size, 1e3 * A, ["mA"] * V.size)
    ),
    "readings out of range in words": Layout(
        "V,I\n" + lines_of("{:.9g},{}", V, ["OVRFLW" if k == 5 else f"{a:.9g}" for k, a in enumerate(A)]), missing=(5,)
    ),
    # other instruments and programs
    "applied and measured": Layout(
        table("Time [s],Applied Voltage [V],Voltage [V],Current [mA],Resistance [kOhm]", T, 1.01 * V, V, 1e3 * A, T)
    ),
    "force and sense": Layout(table("V_force (V),V_sense (V),I (A)", V + 1e3 * A, V, A)),
    "programmed and device": Layout(table("V_prog,V_DUT,I_DUT", V + 1e3 * A, V, A)),
    "voltage and resistance alone": Layout(
        table("Wordline,Bitline,Resistance,Amplitude (V)", 1 + 0 * V, 1 + 0 * V, 5e3 + T, V),
        refused="--column resistance=",
    ),
    "segments with headers": Layout(
        LVM.format(point=".")
        + "\n".join(SEGMENT.format(point=".") + rows([T1, U[k], I[k]], "\t", after="\t") for k in range(N)),
        **THREE,
    ),
    "a header with decimal commas": Layout(
        LVM.format(point=",") + SEGMENT.format(point=",") + rows([T, V, A], "\t", ",", "{:.8E}")
    ),
    "long names, units, remarks": Layout(
        "A(X)\tB(Y)\nVoltage\tCurrent\nmV\t\N{MICRO SIGN}A\nsweep\tsweep\n" + rows([1e3 * V, 1e6 * A], "\t")
    ),
    "long names, units, remarks side by side": Layout(
        "\t".join(["Voltage", "Current"] * N)
        + "\n"
        + "\t".join(["V", "uA"] * N)
        + "\n"
        + "\t".join(f"\tcycle {k}" for k in range(N))
        + "\n"
        + rows(each(U, 1e6 * I), "\t"),
        **THREE,
    ),
    "paths as names": Layout(
        "Group\tChannels\nIV\t2\n\nIV\n" + table("/IV/Voltage\t/IV/Current", V, A, separator="\t")
    ),
    "a line of lengths under the names": Layout(
        '# voltage_set\tcurrent\n# "Voltage"\t"Current"\n# 363\n' + rows([V, A], "\t")
    ),
    "comments before names": Layout(
        "#Procedure: <IV>\n#\tMax Current: 10 mA\n#Data:\n" + table("Voltage (V),Current (A)", V, A)
    ),
    "waves": Layout(
        "IGOR\nWAVES/D\tVoltage\tCurrent\nBEGIN\n" + rows([V, A], "\t", before="\t") + "END\nX SetScale d 0,0\n"
    ),
    "each vector after its scale": Layout(rows([T, V, T, A], " ", style="{:.9e}", before=" ")),
    "row numbers without a name": Layout(table(",V,I", STEP, V, A)),
    "quoted row numbers without a name": Layout('"V" "I"\n' + lines_of('"{}" {:.9g} {:.9g}', STEP + 1, V, A)),
    "bars": Layout(table("V|I", V, A, separator="|")),
    "a table in a text": Layout(
        "| V | I |\n|---|---|\n" + rows([V, A], " | ", before="| ", after=" |"),
    ),
    "a summary above": Layout("Vset,Vreset\n-1.0,0.6\n-1.1,0.6\n-1.1,0.6\n\n" + table("V,I", V, A)),
    "a summary below": Layout(table("V,I", V, A) + "\nVset,Vreset\n-1.0,0.6\n"),
    "a remark below": Layout(table("V,I", V, A) + "\nMeasurement finished 10:22\n"),
    "a remark between rows": Layout("V,I\n" + rows([V[:50], A[:50]]) + "# autorange\n" + rows([V[50:], A[50:]])),
    "records parted by empty lines": Layout("# V I\n" + "\n".join(rows([U[k], I[k]], " ") for k in range(N)), **THREE),
    "records with remarks": Layout("\n\n".join(f"# cycle {k}\n" + rows([U[k], I[k]], " ") for k in range(N)), **THREE),
    "an empty line after each row": Layout("V,I\n\n" + rows([V, A]).replace("\n", "\n\n")),
    "a date and a time by blanks": Layout("Date Time Voltage Current\n" + lines_of("{} {:.9g} {:.9g}", CLOCK, V, A)),
    "a date and a time first": Layout(table("Timestamp,Voltage,Current", CLOCK, V, A)),
    "status in words": Layout(
        table("Point,Compl,Voltage,Current", STEP, ["T" if a < -4.9e-4 else "F" for a in A], V, A)
    ),
    # oscilloscopes
    "three channels": Layout(table("TIME,CH1,CH2,CH3", T, V, 50 * A, np.sign(V)), refused="--shunt OHM"),
    "channels after a header": Layout(
        "Model,X\nHorizontal Units,s,,\nRecord Length,363,,\n,,,\nLabels,,,\n" + table("TIME,CH1,CH2", T, V, 50 * A),
        options={"shunt": 50.0},
    ),
    "remarks beside the first rows": Layout(
        "".join(
            f"{h},{t:.6f},{v:.9g},{50 * a:.9g}\n"
            for h, t, v, a in zip(["Record Length,363,", "Sample Interval,1e-6,", *[",,"] * 400], T, V, A, strict=False)
        ),
        options={"shunt": 50.0},
    ),
    "channels with a line of units": Layout(
        "X,CH1,CH2,Start,Increment,\nSequence,Volt,Volt,0.0,1e-6\n" + rows([STEP, V, 50 * A], after=","),
        options={"shunt": 50.0},
    ),
    "a shunt where there is a current": Layout(
        table("V (V),I (A)", V, A), options={"shunt": 50.0}, refused="leave it out"
    ),
}
