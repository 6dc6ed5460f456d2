// What a page does with cells, without the page: waveforms, distributions, and the Python that does the same.

const BANDWIDTH = 1e8; // Hz; of reads with noise, as CellArray has it unless another is given
const MOST_STEPS = 2e7; // voltages times cells that are applied at once, for some seconds

/** Numbers from a to b, as NumPy's linspace makes them. */
function linspace(a, b, count, endpoint = true) {
  const step = (b - a) / (endpoint ? count - 1 : count);
  const values = Array.from({ length: count }, (_, k) => k * step + a);
  if (endpoint && count > 1) values[count - 1] = b;
  return values;
}

/** A waveform of straight lines between corner voltages. */
function waveformOf(corners, points) {
  const lines = corners.slice(1).map((end, k) => linspace(corners[k], end, points, false));
  return [...lines.flat(), corners[corners.length - 1]];
}

/** Voltages that surely set and reset most cells of a machine. */
function reach(machine) {
  const low = Math.ceil(machine.typical.u_set * 22) / 10; // 2.2 times the typical U_SET
  return { low: Math.min(low, -0.1), high: Math.ceil(machine.uMax * 10.2) / 10 };
}

/** Corner voltages of the standard waveforms. */
function standards(machine) {
  const { low, high } = reach(machine), rounded = (u) => Math.round(u * 100) / 100;
  const uReset = machine.typical.u_reset;
  const partly = [0.25, 0.5, 0.75].map((share) => rounded(uReset + share * (machine.uMax - uReset)));
  return {
    loop: { title: "One loop: SET, then full RESET", corners: [0, low, 0, high, 0] },
    loops: { title: "Three loops", corners: [0, low, high, low, high, low, high, 0] },
    partial: { title: "SET, then RESET step by step", corners: [0, low, 0, ...partly.flatMap((u) => [u, 0]), high, 0] },
    set: { title: "SET only", corners: [0, low, 0] },
    reset: { title: "RESET only", corners: [0, high, 0] },
    small: { title: "Read only, within the read voltage", corners: [0, -machine.uRead, machine.uRead, 0] },
  };
}

/** Corner voltages from a text with commas, or a message. */
function parseCorners(text) {
  const parts = text.split(/[\s,;]+/).filter((part) => part !== "");
  const corners = parts.map(Number);
  if (corners.length < 2) return { error: "Give at least two voltages, such as 0, -1.5, 1.5, 0." };
  if (corners.length > 200) return { error: "Give at most 200 voltages." };
  const bad = parts.find((part, k) => !Number.isFinite(corners[k]) || Math.abs(corners[k]) > 100);
  if (bad !== undefined) return { error: `${bad} is no voltage between -100 and 100 V.` };
  return { corners };
}

const FEATURES = [
  { key: "r_hrs", title: "R_HRS", unit: "ohm", log: true },
  { key: "u_set", title: "U_SET", unit: "V" },
  { key: "r_lrs", title: "R_LRS", unit: "ohm" },
  { key: "u_reset", title: "U_RESET", unit: "V" },
];

/** Sorted values of a feature over cycles and cells. */
function sortedFeature(cycles, key) {
  return Float64Array.from(cycles.flatMap((cells) => cells.map((f) => f[key]))).sort();
}

/** Points of a distribution function: values, and the logarithm of p/(1 - p). */
function distribution(sorted, most = 300) {
  const n = sorted.length, count = Math.min(n, most), x = [], y = [];
  for (let k = 0; k < count; k += 1) {
    const index = Math.round((k * (n - 1)) / Math.max(count - 1, 1)), p = (index + 0.5) / n;
    x.push(sorted[index]);
    y.push(Math.log(p / (1 - p)));
  }
  return { x, y };
}

function quantile(sorted, p) {
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];
}

/** A number for people, with SI prefix. */
function engineering(value, unit) {
  if (!Number.isFinite(value) || value === 0) return `${value} ${unit}`.trim();
  const power = Math.max(-5, Math.min(3, Math.floor(Math.log10(Math.abs(value)) / 3)));
  const prefix = ["f", "p", "n", "u", "m", "", "k", "M", "G"][power + 5];
  return `${Number((value / 10 ** (3 * power)).toPrecision(3))} ${prefix}${unit}`.trim();
}

// ---- Python

const pythonList = (values) => `[${values.map(String).join(", ")}]`;

/** Lines before all others. */
function pythonHead(actions) {
  const lines = ["import numpy as np", "import synaptogen as sg", ""];
  if (!actions.some(({ corners }) => corners)) return lines;
  return [
    ...lines,
    "def waveform(corners, points):",
    "    lines = [np.linspace(a, b, points, endpoint=False) for a, b in zip(corners, corners[1:])]",
    "    return np.concatenate([*lines, corners[-1:]])",
    "",
  ];
}

/** The line that makes cells of a source, or takes those of its array. */
function pythonCells(variable, source, { shape, seed, start, between }, inArray, actions) {
  const part = actions.some(({ wait }) => wait !== undefined) ? ".copy()" : ""; // time passes for whole arrays
  if (inArray) return `${variable} = ${source.array.python}${variable === "cells" ? ".ravel()" : ""}${part}`;
  const from = start === "stationary" ? "" : `, start="${start}"`;
  return `${variable} = sg.CellArray(${shape}, ${pythonParams(source, between)}, rng=${seed}${from}, engine="reference")`;
}

/** Python that gives a parameter set, with what was chosen for the time between voltages. */
function pythonParams({ python }, between) {
  if (between === "own") return python;
  const params = python.startsWith('"') ? `sg.DeviceParams.preset(${python})` : python;
  return `${params}.with_fluctuation(${between === "none" ? "None" : JSON.stringify(between)})`;
}

function pythonWait(variable, { wait, temperature }) {
  return `${variable}.wait(${wait}, temperature=${temperature})`;
}

function pythonAction(action) {
  if (action.wait !== undefined) return pythonWait("cells", action);
  const part = action.points === undefined ? "" : `[:${action.points}]`;
  const noise = action.noise ? ", noise=True" : "";
  const wave = `waveform(${pythonList(action.corners)}, ${action.perLine})${part}`;
  return `currents = cells.sweep(${wave}${noise})  # A, one row for each voltage`;
}

/** Equal texts that follow each other, once and with their number. */
function repeated(texts) {
  const groups = [];
  for (const text of texts) {
    const last = groups[groups.length - 1];
    if (last?.text === text) last.times += 1;
    else groups.push({ text, times: 1 });
  }
  return groups;
}

/** Python that does what was done to cells; `actions` in their order. */
function pythonSweeps(source, settings, actions, cycles) {
  const lines = [pythonCells("cells", source, { ...settings, shape: settings.count }, Boolean(source.array), actions)];
  for (const { text, times } of repeated(actions.map(pythonAction))) {
    const indent = times > 1 ? "    " : "";
    if (indent) lines.push(`for _ in range(${times}):`);
    lines.push(`${indent}${text}`);
  }
  lines.push("conductances = cells.conductance()  # S, at the read voltage");
  lines.push(`features = cells.upcoming(${cycles})  # of the next cycles; no cell changes`);
  return lines;
}

/** Python that does what was done to the crossbar. */
function pythonCrossbar(source, settings, actions, input) {
  const shape = `(${settings.rows}, ${settings.columns})`;
  const lines = [pythonCells("crossbar", source, { ...settings, shape }, Boolean(source.array?.shape), actions)];
  for (const action of actions) {
    if (action.kind === "wait") lines.push(pythonWait("crossbar", action));
    if (action.kind === "all") lines.push(`crossbar.apply_voltage(${action.u})`);
    if (action.kind === "one") lines.push(`crossbar[${action.row}, ${action.column}].apply_voltage(${action.u})`);
    if (action.kind === "ramp") {
      lines.push(`crossbar.apply_voltage(np.linspace(${action.from}, ${action.to}, ${settings.columns}))`);
    }
  }
  lines.push(`i = crossbar @ ${input}  # A, currents of the rows, with noise`);
  return lines;
}

/** Input voltages of a crossbar. */
function inputs(kind, u, columns) {
  if (kind === "ramp") return { v: linspace(0, u, columns), python: `np.linspace(0, ${u}, ${columns})` };
  if (kind === "alternate") {
    return {
      v: Array.from({ length: columns }, (_, j) => (j % 2 ? 0 : u)),
      python: `np.where(np.arange(${columns}) % 2, 0, ${u})`,
    };
  }
  return { v: Array(columns).fill(u), python: `np.full(${columns}, ${u})` };
}
