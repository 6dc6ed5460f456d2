"""Texts of the same loops as potentiostats, scopes and loggers export them, and labels of any name."""

import numpy as np
from instrument_texts import POINTS, STEP, THREE, A, I, Layout, N, T, U, V, each, lines_of, rows, table

CYCLES = np.repeat(np.arange(1, N + 1), POINTS)
DEVICES = {"devices": N, "parts": THREE["parts"]}
HALVES = [U[0][:70], I[0][:70], U[0][70:], I[0][70:]]  # to the lowest voltage and back, then the rest


def padded(*columns):
    longest = max(map(len, columns))
    return [[f"{x:.10g}" for x in c] + [""] * (longest - len(c)) for c in columns]


def labelled(name, labels, style="{}"):
    return table(f"{name},V,I", [style.format(labels[k // POINTS]) for k in range(V.size)], V, A)


def page(cell="td", row="tr", before="<html><table>", after="</table></html>"):
    body = "".join(
        f"<{row}><{cell}>{v:.10g}</{cell}><{cell}>{a:.10g}</{cell}></{row}>" for v, a in zip(V, A, strict=True)
    )
    return f"{before}<{row}><{cell}>Voltage (V)</{cell}><{cell}>Current (A)</{cell}></{row}>{body}{after}"


def cells(values, kind):
    return "".join(f'<ss:Cell><ss:Data ss:Type="{kind}">{v}</ss:Data></ss:Cell>' for v in values)


SHEET = (
    '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
    '<ss:Workbook xmlns:ss="x"><ss:Worksheet><ss:Table>'
    f"<ss:Row>{cells(('V (V)', 'I (A)'), 'String')}</ss:Row>"
    + "".join(f"<ss:Row>{cells((f'{v:.10g}', f'{a:.10g}'), 'Number')}</ss:Row>" for v, a in zip(V, A, strict=True))
    + "</ss:Table></ss:Worksheet></ss:Workbook>"
)

EXPORTED = {
    # potentiostats
    "potential and current": Layout(
        "Cyclic Voltammetry\nHigh E (V) = 1.2\nSegment = 6\n\nSegment 1:\nEp = 0.9V\n\n"
        + table("Potential/V, Current/A\n", V, A, separator=", ")
    ),
    "control and cell": Layout(
        "EC-Lab ASCII FILE\nNb header lines : 5\n\n"
        + table(
            *("mode\tox/red\ttime/s\tcontrol/V\tEwe/V\t<I>/mA\tcycle number", STEP * 0 + 2, STEP * 0, T, 1.01 * V, V),
            *(1e3 * A, CYCLES),
            separator="\t",
        ),
        **THREE,
    ),
    "scans in a row above units": Layout(
        "CV Scan 1,,CV Scan 2,,CV Scan 3,\n" + table("V,uA,V,uA,V,uA", *each(U, 1e6 * I)), **THREE
    ),
    "a column of scans": Layout(
        table(
            "Potential applied (V);Time (s);WE(1).Current (A);WE(1).Potential (V);Scan",
            V,
            T,
            A,
            V,
            CYCLES,
            separator=";",
        ),
        **THREE,
    ),
    # source meters
    "buffers by their paths": Layout(
        table(
            "smua.nvbuffer1.readings\tsmua.nvbuffer1.sourcevalues\tsmua.nvbuffer1.timestamps", A, V, T, separator="\t"
        )
    ),
    "readings in turns in one line": Layout(
        ", ".join(f"{a:.9e}, {v:.9e}, {t:.6e}" for a, v, t in zip(A, V, T, strict=True)) + "\n"
    ),
    "short words": Layout(table("VOLT,CURR,RES,TIME,STAT", V, A, STEP * 0 + 9.91e37, T, STEP * 0)),
    # oscilloscopes and loggers
    "segments of a scope": Layout(
        "LECROYXX,1,Waveform\nSegments,1,SegmentSize,363\nSegment,TrigTime,TimeSinceSegment1\n"
        "#1,01-May-2024 10:11:12,0\n" + table("Time,C1,C2", T, V, 50 * A),
        options={"shunt": 50.0},
    ),
    "labels before the first rows": Layout(
        "Model Name,X\nTraceName,CH1,CH2\nVUnit,V,V\nBlockSize,363,363\n\n" + rows([V, 50 * A], before=","),
        options={"shunt": 50.0},
    ),
    "untitled signals with units": Layout(
        "LabVIEW Measurement\t\nSeparator\tTab\n***End_of_Header***\t\n\t\nChannels\t2\t\t\nSamples\t363\t363\t\n"
        "Y_Unit_Label\tV\tA\t\nX_Dimension\tTime\tTime\t\nX0\t0.0E+0\t0.0E+0\t\nDelta_X\t0.1\t0.1\t\n"
        "***End_of_Header***\t\t\t\n" + table("X_Value\tUntitled\tUntitled 1\tComment", T, V, A, separator="\t")
    ),
    "words before names and units": Layout(
        "Long Name\tVoltage\tCurrent\nUnits\tmV\tnA\nComments\ta\ta\nF(x)=\t\t\n"
        + rows([STEP, 1e3 * V, 1e9 * A], "\t"),
    ),
    "empty brackets among units": Layout("Index,Voltage,Current\n[],[mV],[mA]\n" + rows([STEP, 1e3 * V, 1e3 * A])),
    "numbers that touch": Layout(lines_of("{:16.9E}{:16.9E}", V, A)),
    # labels of names that nobody knows
    **{f"cycles by {name}": Layout(labelled(name, (1, 2, 3)), **THREE) for name in ("Measurement", "Pass", "k-th")},
    **{
        f"devices by {name}": Layout(labelled(name, "xyz", "{}-1"), **DEVICES)
        for name in ("Position", "Which", "Label")
    },
    "row and column": Layout(
        table("Row,Col,V,I", *(np.repeat(x, POINTS) for x in ([1, 1, 2], [1, 2, 1])), V, A), **DEVICES
    ),
    "devices whose cycles have the same number": Layout(
        table("Which,Cycle,V,I", [f"d{k // POINTS}" for k in range(V.size)], STEP * 0 + 1, V, A), **DEVICES
    ),
    "a direction is no label": Layout(table("Way,V,I", [str(int(x)) for x in np.sign(np.gradient(V))], V, A)),
    "a limit is no label": Layout(table("I limit,V,I", np.repeat([1.0, 2.0, 3.0], POINTS), V, A)),
    # halves of loops
    "halves by signs": Layout(table("V-,I-,V+,I+", *padded(*HALVES)), parts=[(0, POINTS)]),
    "halves by words": Layout(
        table("Negative Voltage (V),Negative Current (A),Positive Voltage (V),Positive Current (A)", *padded(*HALVES)),
        parts=[(0, POINTS)],
    ),
    # other alphabets and programs
    "Cyrillic units": Layout(
        table(
            "\u041d\u0430\u043f\u0440\u044f\u0436\u0435\u043d\u0438\u0435 (\u0412);"
            "\u0422\u043e\u043a (\u043c\u043a\u0410)",
            V,
            1e6 * A,
            separator=";",
        )
    ),
    "a page of a workbook": Layout(page(), name="a.xls"),
    "a spreadsheet in XML": Layout(SHEET, name="a.xls"),
    "a natural logarithm": Layout(table("V (V),ln|I| (A)", V, np.log(np.abs(A))), refused="logarithm"),
}
