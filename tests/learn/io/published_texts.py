"""Texts of the same loops as people publish them: headers of instruments, states in each row, names of all sorts."""

import numpy as np
from instrument_texts import LVM, POINTS, STEP, THREE, A, I, Layout, N, T, U, V, each, easy, lines_of, rows, table

CLIPPED = [a < -4.9e-4 for a in A]
CONDUCTANCE = np.divide(A, V, where=V != 0, out=np.full(V.size, 1e-4))
LIMITS = np.repeat([5e-4, 1e-3, 2e-3], POINTS)
LABELS = range(1, N + 1)
BUFFER = (
    "Index,Reading,Unit,Range Digits,Disp Digits,Math,Start Group,Limit1 High,Limit1 Low,Terminal,Questionable,Origin,"
    "Value,Unit,Digits,Output,Sense,Source Limit,Overtemp,Date,Time,Fractional Seconds\n"
)
STATES = "{},{:.9e},Amp DC,8,5,F,F,F,F,Front,F,Main ADC,{:.9g},Volt DC,8,T,2-wire,F,F,05/01/2024,10:11:12,0.25"
PULSES = [1e-4] * V.size


def many(*columns, separator=","):
    return separator.join(each_name.format(k) for k in LABELS for each_name in columns)


def of_lines(value):
    return "".join(f"{v:.9g},{value(k, a)}\n" for k, (v, a) in enumerate(zip(V, A, strict=True)))


def missing(word):
    return Layout("V,I\n" + of_lines(lambda k, a: word if k in (5, 9) else f"{a:.9g}"), missing=(5, 9))


def unit(text, factor, name="Current"):
    return Layout(table(f"Voltage (Volts),{name} ({text})", V, factor * A))


def unknown(text):
    return Layout(table(f"Voltage (V),Current ({text})", V, 100 * A), refused="--unit current=uA")


def said(names, u=1.0, i=1e6, units=None, **columns):
    options = {"units": units or {"current": "uA"}} | ({"columns": columns} if columns else {})
    return Layout(table(names, u * V, i * A), options=options)


PUBLISHED = {
    # instruments
    "functions beside each block": Layout(
        "".join(easy("V1, I1, absI1, Rset, gm", U[k], I[k], np.abs(I[k]), U[k] * 1e3, U[k]) for k in range(N)), **THREE
    ),
    "a buffer with states": Layout("defbuffer1\n\n" + BUFFER + lines_of(STATES, STEP, A, V)),
    "readings and source values": Layout(table("Timestamps,SourceValues,Readings", T, V, A)),
    "readings of two buffers": Layout(
        table("smua.nvbuffer1.readings,smua.nvbuffer2.readings", A, V),
        options={"columns": {"voltage": "smua.nvbuffer2.readings", "current": "smua.nvbuffer1.readings"}},
    ),
    "channels with words before": Layout(table("Voltage CH1,Current CH1,Time CH1", V, A, T)),
    "two channels with words before": Layout(
        table("Time CH1,Voltage CH1,Current CH1,Voltage CH2,Current CH2", T, V, A, 0 * V, -A)
    ),
    "a driver and a memristor": Layout(
        table(
            "Time [\N{MICRO SIGN}s],Driver Voltage [V],Memristor Voltage [V],Current [\N{MICRO SIGN}A]",
            *(1e6 * T, V + 1e4 * A, V, 1e6 * A),
        )
    ),
    "pulses with a read voltage": Layout(
        table("Current,Voltage,Pulse Width,Read Voltage", A, V, PULSES, 0.2 + 0 * V), refused="pulse"
    ),
    "pulses with resistances": Layout(
        table("Resistance,Amplitude (V),Pulse width (s),ReadVoltage", 5e3 + T, V, PULSES, 0.5 + 0 * V), refused="pulse"
    ),
    "a scale for each column": Layout(
        LVM.format(point=".")
        + "***End_of_Header***\t\nX_Value\tVoltage\tX_Value\tCurrent\tComment\n"
        + rows([T, V, T, A], "\t", after="\t")
    ),
    "a scale without values": Layout(
        LVM.format(point=".")
        + "***End_of_Header***\t\nX_Value\tVoltage\tCurrent\tComment\n"
        + rows([V, A], "\t", before="\t", after="\t")
    ),
    "a limit that varies": Layout(table("V (V),I (A),Icc (A)", V, A, LIMITS)),
    "a limit in words": Layout(table("V (V),I (A),Compliance current (A)", V, A, LIMITS)),
    "a flag of the limit": Layout(table("V (V),I (A),Compliance", V, A, [str(int(c)) for c in CLIPPED])),
    # columns
    "the voltage twice": Layout(table("V,V,I", V, V, A)),
    "the current twice": Layout(table("V,I,I", V, A, A)),
    "both twice": Layout(table("V,I,V,I", V, A, V, A)),
    "a magnitude without names": Layout(rows([V, A, np.abs(A)])),
    "a measured voltage without names": Layout(rows([V, V, A])),
    "a resistance without names": Layout(rows([V, A, 1 / CONDUCTANCE])),
    "a leakage": Layout(table("V,I,Ileak", V, A, 1e-12 * np.sin(STEP)), refused="could each be the current"),
    "a leakage left out": Layout(
        table("V,I,Ileak", V, A, 1e-12 * np.sin(STEP)), options={"columns": {"current": "I", "voltage": "V"}}
    ),
    "powers and charges": Layout(table("t (s),V (V),I (A),P (W),q (C)", T, V, A, V * A, np.cumsum(A))),
    "directions": Layout(table("Step,V (V),I (A),Direction", STEP, V, A, np.sign(np.gradient(V)))),
    "letters x and y": Layout(table("x,y", V, A), refused="--column"),
    "letters x and y named": Layout(table("x,y", V, A), options={"columns": {"voltage": "x", "current": "y"}}),
    # quotients and logarithms
    "a conductance": Layout(
        table("Voltage (V),Conductance (uS)", V, 1e6 * CONDUCTANCE), refused="--column conductance="
    ),
    "a conductance named": Layout(
        table("Voltage (V),Conductance (uS)", V, 1e6 * CONDUCTANCE),
        options={"columns": {"conductance": "Conductance (uS)"}},
        zero=True,
    ),
    "a resistance": Layout(table("Voltage (V),R (kohm)", V, 1e-3 / CONDUCTANCE), refused="--column resistance="),
    "a resistance named": Layout(
        table("Amplitude (V),V read (V),R (kohm)", V, 0.2 + 0 * V, 1e-3 / CONDUCTANCE),
        options={"columns": {"resistance": "R (kohm)", "voltage": "Amplitude (V)"}},
        zero=True,
    ),
    "a logarithm of the current": Layout(
        table("V (V),log10(|I|/uA)", V, 6 + np.log10(np.abs(A))), options={"magnitude": True}, zero=True
    ),
    "a logarithm not said": Layout(table("V (V),log10|I| (A)", V, np.log10(np.abs(A))), refused="--magnitude"),
    # units
    **{
        f"in {text}": unit(text, factor)
        for text, factor in (
            *(("microamperes", 1e6), ("nanoamps", 1e9), ("MicroAmps", 1e6), ("uAmps", 1e6), ("mAmp", 1e3)),
            *(("fA", 1e15), ("\u00ce\u00bcA", 1e6), ("\u00a6\u00ccA", 1e6), ("\\mu A", 1e6)),
        )
    },
    "in microvolts and kilovolts": Layout(table("Voltage (microvolts),I (A),V2 (kV)", 1e6 * V, A, 1e-3 * V)),
    "two brackets": Layout(table("Voltage (V1) (mV),Current (I1) (nA)", 1e3 * V, 1e9 * A)),
    "a letter before the unit": Layout(table("Voltage V [mV],Current I [nA]", 1e3 * V, 1e9 * A)),
    "signs of TeX": Layout(table("$V_{\\mathrm{TE}}$ (V),$I$ ($\\mu$A)", V, 1e6 * A)),
    "subscripts of TeX": Layout(table("V_{TE} (V),I_{TE} (mA)", V, 1e3 * A)),
    **{
        f"unknown: {text}": unknown(text)
        for text in ("?A", "\ufffdA", "MA", "kA", "a.u.", "arb. units", "normalized", "%", "counts")
    },
    "a factor in the name": Layout(table("Voltage (V),Current*10^6 (A)", V, 1e6 * A), refused="--unit current=uA"),
    "a factor said": said("Voltage (V),Current*10^6 (A)"),
    "a broken unit said": said("Voltage (V),Current (?A)"),
    "a wrong unit said": said("Voltage (V),Current (A)"),
    "no unit said": said("V,I"),
    "units without names said": Layout(
        rows([1e3 * V, 1e6 * A]), options={"units": {"current": "10^-6 A", "voltage": "mV"}}
    ),
    "units of named columns said": said("x (mV),y (?)", 1e3, voltage="x (mV)", current="y (?)"),
    "a unit of another quantity": Layout(
        table("V,I", V, A), options={"units": {"current": "mV"}}, refused="no unit of current"
    ),
    "amperes beyond belief": Layout(table("V (V),I (A)", V, 1e6 * A), refused="--unit current=mA"),
    # lines
    "names and values": Layout(lines_of("V={:.9g} I={:.9g}", V, A)),
    "names and values with commas": Layout("# run 3\n" + lines_of("V: {:.9g} V, I: {:.9g} A, t: {:.6g} s", V, A, T)),
    "lines in quotes": Layout('"V,I"\n' + lines_of('"{:.9g},{:.9g}"', V, A)),
    "lists of a program": Layout(
        "V = [" + ", ".join(f"{v:.9g}" for v in V) + "]\nI = [" + ", ".join(f"{a:.9g}" for a in A) + "];\n"
    ),
    "two kinds of commas": Layout(
        "V,I\n" + lines_of("{},{}", *([f"{x:.8e}".replace(".", ",") for x in column] for column in (V, A)))
    ),
    "settings with equal signs": Layout("Vstart=0\nVstop=-1.4\nIcc=5e-4\n[DATA]\n" + table("Voltage,Current", V, A)),
    "settings in three columns": Layout(
        "Start/Stop,0,-1.4\nStart/Stop,0,1.2\nSteps,20,30\nLimits,5e-4,1\n\n" + table("Voltage,Current", V, A)
    ),
    "sections in brackets": Layout("[Header]\nVersion=2\n[Data]\n" + rows([V, A])),
    "comments behind slashes": Layout("// Device 3, room\n// V I\n" + rows([V, A], " ")),
    "comments behind semicolons": Layout("; Device 3\n; V I\n" + rows([V, A], " ")),
    "comments behind stars": Layout("* Device 3\n* t V I\n" + rows([T, V, A], " ")),
    "comments behind rows": Layout(
        "V,I\n"
        + "".join(f"{v:.9g},{a:.9g}{' # turn' if k == 9 else ''}\n" for k, (v, a) in enumerate(zip(V, A, strict=True)))
    ),
    "separators at the end": Layout("Voltage [V];Current [A];;;\n" + rows([V, A], ";", after=";;;")),
    "statistics at the end": Layout(table("V,I", V, A) + f"\nMean,{A.mean()}\nStd,{A.std()}\nMax,{A.max()}\n"),
    "signs of the end of a file": Layout(table("V,I", V, A) + "\x1a"),
    "tabs and blanks": Layout("V\t I\n" + lines_of("{:.9g} \t {:.9g}", V, A)),
    **{
        f"missing as {word}": missing(word)
        for word in ("OVERFLOW", "#NUM!", "1.#QNAN", "-1.#IND", "Over Range", "NA", "*****", "--")
    },
    # several records
    "cycle and letter": Layout(table(many("Cycle{}_V", "Cycle{}_I"), *each(U, I)), **THREE),
    "letter and cycle": Layout(table(many("V (cycle {})", "I (cycle {})"), *each(U, I)), **THREE),
    "number and letter": Layout(table(many("{}_V", "{}_I"), *each(U, I)), **THREE),
    "device and words": Layout(
        table(many("D{} Voltage (V)", "D{} Current (A)"), *each(U, I)),
        options={"records": "devices"},
        devices=N,
        parts=THREE["parts"],
    ),
    "currents named by cycles": Layout(table("Voltage (V)," + many("Cycle {}"), U[0], *I), **THREE),
    "currents named by numbers": Layout(table("Voltage (V)," + many("{}"), U[0], *I), **THREE),
    "currents named in order": Layout(table("Voltage (V),1st,2nd,3rd", U[0], *I), **THREE),
    "a row of cycles above": Layout(
        "cycle,1,1,2,2,3,3\nquantity,V,I,V,I,V,I\npoint,,,,,,\n" + rows([STEP[:POINTS], *each(U, I)]), **THREE
    ),
    "a row of devices above": Layout(
        "device,A1,A1,B2,B2,C3,C3\n,V,I,V,I,V,I\n" + rows([STEP[:POINTS], *each(U, I)]), devices=N, parts=THREE["parts"]
    ),
    "devices above with gaps": Layout(
        "Device 1,,Device 2,,Device 3,\n" + table(",".join(["V (V),I (A)"] * N), *each(U, I)),
        devices=N,
        parts=THREE["parts"],
    ),
}
