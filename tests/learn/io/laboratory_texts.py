"""Texts of the same loops as laboratories publish them: states in labels, currents of reads, rows that are records."""

import numpy as np
from instrument_texts import LVM, POINTS, STEP, THREE, TIMES, A, I, Layout, N, T, U, V, each, lines_of, rows, table

TURN = 71  # points of the half of SET
SEGMENT = "Channels\t2\t\t\nSamples\t121\t121\t\n***End_of_Header***\t\t\t\nX_Value\tVoltage\tCurrent\tComment\n"
LABELS = [f"D{d}_cycle{k}" for d in (1, 2) for k in (1, 2, 3)]
R_HRS, R_LRS = 5e4 + 50.0 * STEP[:40], 2e3 + 2.0 * STEP[:40]
COUNT, U_SET, U_RESET = STEP[:40], 0.9 + 1e-3 * STEP[:40], -0.7 - 1e-3 * STEP[:40]


def wave(name, values):
    return f"WAVES/D/N=({len(values)})\t{name}\nBEGIN\n" + rows([values], before="\t") + "END\n"


def scaled(value):
    """A number as a circuit simulator prints it."""
    for factor, prefix in ((1, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n")):
        if abs(value) >= factor or prefix == "n":
            return f"{value / factor:.9f}{prefix}"
    raise AssertionError


def listed(values):
    return '"[' + ", ".join(f"{x:.9g}" for x in values) + ']"'


LABORATORIES = {
    "quantities in brackets": Layout(table("nvbuffer1 (current)\tnvbuffer2 (voltage)\ttime", A, V, T, separator="\t")),
    "channels without names": Layout(
        LVM.format(point=".")
        + "***End_of_Header***\t\nX_Value\tUntitled\tUntitled 1\tComment\n"
        + rows([T, V, A], "\t", after="\t")
    ),
    "segments that touch each other": Layout(
        LVM.format(point=",") + "".join(SEGMENT + rows([TIMES[k], U[k], I[k]], "\t", ",") for k in range(N)), **THREE
    ),
    "a wave after the other": Layout(
        "IGOR\n" + "".join(wave(f"V{k}", U[k]) + wave(f"I{k}", I[k]) for k in range(N)), **THREE
    ),
    "an absolute current": Layout(table("Voltage (V),Abs. Current (A)", V, np.abs(A)), refused="--magnitude"),
    "an absolute current said": Layout(
        table("Voltage (V),Absolute value of current (A)", V, np.abs(A)), options={"magnitude": True}
    ),
    "device and cycle in a label": Layout(
        "ID,V,I\n" + "".join(rows([[LABELS[k]] * POINTS, U[k % N], I[k % N]]) for k in range(2 * N)),
        devices=2,
        cycles=N,
        parts=[(k, POINTS) for k in range(N)] * 2,
    ),
    "names of files in a column": Layout(
        "filename,V,I\n" + "".join(rows([[f"{LABELS[k]}.csv"] * POINTS, U[k % N], I[k % N]]) for k in range(2 * N)),
        devices=2,
        cycles=N,
        parts=[(k, POINTS) for k in range(N)] * 2,
    ),
    "prefixes of devices": Layout(
        table("A_V,A_I,B_V,B_I,C_V,C_I", *each(U, I)), devices=N, parts=[(k, POINTS) for k in range(N)]
    ),
    "prefixes of cycles": Layout(table("c1_V,c1_I,c2_V,c2_I,c3_V,c3_I", *each(U, I)), **THREE),
    "dates above units alone": Layout(
        ",".join(f"CV i vs E Scan {k}," for k in range(N))
        + "\n"
        + ",".join(["Date and time measurement:,2021-02-03 10:11:12"] * N)
        + "\n"
        + ",".join(["V,\N{MICRO SIGN}A"] * N)
        + "\n"
        + rows(each(U, 1e6 * I)),
        encoding="utf-16",
        **THREE,
    ),
    "prefixes without units": Layout(
        "x\n\n   time   voltage   current\n          te        rmem\n"
        + lines_of("  {}   {}   {}", *([scaled(x) for x in column] for column in (T, V, A)))
        + "y\n"
    ),
    "tuples": Layout("[" + ",\n ".join(f"({v:.9g}, {a:.9g})" for v, a in zip(V, A, strict=True)) + "]\n"),
    "tuples in a line": Layout("[" + ", ".join(f"({v:.9g}, {a:.9g})" for v, a in zip(V, A, strict=True)) + "]\n"),
    "rows in brackets": Layout("[[" + "]\n [".join(f"{v:.9g} {a:.9g}" for v, a in zip(V, A, strict=True)) + "]]\n"),
    "lists in cells": Layout(
        "cycle,voltage,current\n" + "".join(f"{k},{listed(U[k])},{listed(I[k])}\n" for k in range(N)),
        cycles=N,
        parts=THREE["parts"],
    ),
    "lists in cells without cycles": Layout(
        "voltage,current\n" + "".join(f"{listed(U[k])},{listed(I[k])}\n" for k in range(N)),
        cycles=N,
        parts=THREE["parts"],
    ),
    "lists printed with dots": Layout(
        "cycle,voltage,current\n" + '1,"[0. 0.1 ... 0.1 0.]","[0. 1e-6 ... 1e-6 0.]"\n' * 2, refused="dots in place"
    ),
    "a column for each point": Layout(
        ",".join(["cycle", *(f"{q}{k}" for q in "VI" for k in range(POINTS))])
        + "\n"
        + rows(np.concatenate([np.arange(N)[:, None], U, I], 1).T),
        cycles=N,
        parts=THREE["parts"],
    ),
    "currents read after pulses": Layout(
        table("V_pulse (V),I_read (A)", V, 0.1 * np.abs(A) + 1e-9), refused="programming pulses"
    ),
    "conductances after pulses": Layout(
        table("Pulse number,Conductance (uS)", STEP, 10 + 0.1 * STEP), refused="programming pulses"
    ),
    **{
        f"{name} counts points": Layout(table(f"{name},Voltage,Current", 1 + STEP, V, A))
        for name in ("N", "Iteration", "Sample", "Run", "Reading", "Reading #")
    },
    "a count of halves": Layout(
        table("Sweep,V (V),I (A)", 1 + STEP // POINTS * 2 + (STEP % POINTS >= TURN), V, A),
        cycles=N,
        parts=[(k, POINTS) for k in range(N)],
    ),
    "halves of a count": Layout(
        table("Cycle,V,I", STEP // POINTS + 0.5 * (STEP % POINTS >= TURN), V, A),
        cycles=N,
        parts=[(k, POINTS) for k in range(N)],
    ),
    "halves under the same names": Layout(
        ",".join(["SET V,SET I,RESET V,RESET I"] * N)
        + "\n"
        + "".join(
            ",".join(
                f"{U[k][j]:.10g},{I[k][j]:.10g},"
                + (f"{U[k][j + TURN]:.10g},{I[k][j + TURN]:.10g}" if j + TURN < POINTS else ",")
                for k in range(N)
            )
            + "\n"
            for j in range(TURN)
        ),
        **THREE,
    ),
    "words of force and measurement": Layout(table("ForceV\tMeasI", V, A, separator="\t")),
    "a logarithm of an unknown base": Layout(table("V,log I", V, np.log10(np.abs(A) + 1e-15)), refused=r"log10\(I\)"),
    "resistances at amplitudes": Layout(
        table("Pulse Amplitude (V),Resistance (Ohm)", V, 5e3 + T), refused="--column resistance="
    ),
    "currents of states": Layout(
        table("Cycle,I_on (A),I_off (A)", COUNT, 4e-5 + 0 * COUNT, 1e-6 + 0 * COUNT), refused="@0.1V"
    ),
}
SUMMARIES = {
    "currents at the thresholds": table(
        "Cycle,Vset(V),Iset(A),Vreset(V),Ireset(A),Rlrs@0.2V(ohm),Rhrs@0.2V(ohm),Icc(A)",
        *(COUNT, U_SET, 1e-3 + 0 * COUNT, U_RESET, -3e-4 + 0 * COUNT, R_LRS, R_HRS, 1e-3 + 0 * COUNT),
    ),
    "currents of states at a voltage": table(
        "Cycle,Vset (V),Vreset (V),I_HRS@0.1V (A),I_LRS@100mV (uA)",
        *(COUNT, U_SET, U_RESET, 0.1 / R_HRS, 1e6 * 0.1 / R_LRS),
    ),
    "currents of states and their voltage": table(
        "Cycle,Vset (V),Vreset (V),I off (nA),I on (uA),V_read (mV)",
        *(COUNT, U_SET, U_RESET, 1e9 * 0.1 / R_HRS, 1e6 * 0.1 / R_LRS, 100 + 0 * COUNT),
    ),
    "resistances after SET and RESET": table(
        "#cycle,Vset (V),Vreset (V),R after SET (kOhm),R after RESET (kOhm)",
        *(COUNT, U_SET, U_RESET, 1e-3 * R_LRS, 1e-3 * R_HRS),
    ),
    "a name among the units": ",Set,Reset,LRS,HRS\nCycle,V,V,kohm,kohm\n"
    + rows([COUNT, U_SET, U_RESET, 1e-3 * R_LRS, 1e-3 * R_HRS]),
}
