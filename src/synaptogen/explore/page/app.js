// The user interface: settings in, cells made, charts out.

const $ = (id) => document.getElementById(id);
const SOURCES = JSON.parse($("sources").textContent);
const LINES = 64; // cells whose currents are drawn
const POPULATION = { devices: 400, cycles: 10, first: 1e9 }; // devices far from those that a user looks at

const app = { corners: [], actions: [], traces: {}, cells: {}, playing: null, population: new Map() };

/** A whole number in an input, held to its limits. */
function whole(id) {
  const input = $(id), low = Number(input.min), high = input.max === "" ? Infinity : Number(input.max);
  const value = Math.round(Number(input.value));
  return Math.max(low, Math.min(high, Number.isFinite(value) ? value : low));
}

function seed() {
  const digits = $("seed").value.trim(), most = "18446744073709551615";
  const good = /^[0-9]{1,20}$/.test(digits) && (digits.length < 20 || digits <= most);
  return good ? digits.replace(/^0+(?=.)/, "") : null;
}

const sourceOf = (which) => SOURCES[Number($(`set-${which}`).value)];
const machineOf = (which) => MACHINES[sourceOf(which).machine];
const compared = () => $("set-b").value !== "";
const sides = () => (compared() ? ["a", "b"] : ["a"]);

/** Settings that determine cells; a saved array has its own. */
function settings(which = "a") {
  const array = sourceOf(which).array;
  return array
    ? { seed: array.seed, start: array.start, count: array.count, bandwidth: array.bandwidth }
    : { seed: seed() ?? "42", start: $("start").value, count: whole("count"), bandwidth: BANDWIDTH };
}

/** New cells of a source, or those of its array. */
function makeCells(which, count) {
  const source = sourceOf(which), machine = machineOf(which);
  if (source.array && count === source.array.count) return restored(machine, source.array);
  const { seed: digits, start } = settings(which);
  return new Cells(machine, digits, count, { start, fluctuation: fluctuationOf(which) });
}

function restart() {
  stop();
  const problem = seed() === null;
  $("seed").setAttribute("aria-invalid", String(problem));
  if (problem) {
    $("cell-status").textContent = "The seed must be a whole number from 0 to 18446744073709551615.";
    return;
  }
  app.actions = [];
  app.traces = {};
  app.drift = null;
  app.cells = {};
  for (const side of sides()) app.cells[side] = makeCells(side, settings(side).count);
  const array = sourceOf("a").array;
  for (const id of ["seed", "count", "start"]) $(id).disabled = Boolean(array) && !compared();
  $("selected").max = String(app.cells.a.count - 1);
  $("name-a").textContent = sourceOf("a").title;
  $("name-b").textContent = compared() ? sourceOf("b").title : "";
  $("key-b").hidden = !compared();
  $("note").textContent = sides().map((side) => sourceOf(side).note).filter(Boolean).join(" ");
  showAll();
}

// ---- waveform

function setCorners(corners) {
  app.corners = corners;
  $("corners").value = corners.map((u) => Number(u.toFixed(3))).join(", ");
  $("corner-error").textContent = "";
  drawWave();
  showPython();
}

function readCorners() {
  const { corners, error } = checkedCorners();
  $("corner-error").textContent = error || "";
  $("corners").setAttribute("aria-invalid", String(Boolean(error)));
  if (corners) {
    app.corners = corners;
    drawWave();
  }
  return !error;
}

function checkedCorners() {
  const found = parseCorners($("corners").value);
  if (found.error) return found;
  const voltages = (found.corners.length - 1) * whole("points");
  const steps = voltages * sides().reduce((sum, side) => sum + settings(side).count, 0);
  if (steps <= MOST_STEPS) return found;
  return { error: `${voltages} voltages on so many cells take too long: give fewer points or cells.` };
}

function drawWave(done = 0) {
  const { corners } = app, { low, high } = reach(machineOf("a"));
  const range = [Math.min(low, ...corners) * 1.1, Math.max(high, ...corners) * 1.1];
  const x = corners.map((_, k) => k), every = Math.ceil(corners.length / 12);
  const marked = x.filter((k) => k % every === 0);
  const series = [
    { x: [0, corners.length - 1], y: [0, 0], colour: colour("line"), dash: [4, 4] },
    { x, y: corners, colour: colour("a"), width: 2, dots: 6 },
  ];
  if (done) series.push({ x: [done, done], y: range, colour: colour("b"), width: 2 });
  app.wave = drawChart($("wave"), {
    x: { label: "Corner", range: [0, corners.length - 1], ticks: marked.map((k) => [k, String(k)]) },
    y: { label: "Voltage (V)", range },
    series,
  });
  $("wave").setAttribute("aria-label", `Waveform with corners at ${$("corners").value} V`);
}

/** Voltage and place on the waveform of a pointer. */
function pointed(event) {
  const box = $("wave").getBoundingClientRect(), f = app.wave;
  const share = (event.clientX - box.left - f.left) / (f.right - f.left);
  const height = (f.bottom - (event.clientY - box.top)) / (f.bottom - f.top);
  const u = f.y0 + Math.max(0, Math.min(1, height)) * (f.y1 - f.y0);
  return { share: Math.max(0, Math.min(1, share)), u: Math.round(u * 100) / 100 };
}

function startDrawing(event) {
  const wave = $("wave"), from = pointed(event), n = app.corners.length - 1;
  const near = Math.round(from.share * n), f = app.wave;
  const width = f.right - f.left, height = (f.bottom - f.top) / (f.y1 - f.y0);
  const apart = Math.hypot((near / n - from.share) * width, (app.corners[near] - from.u) * height);
  wave.setPointerCapture?.(event.pointerId);
  app.drawing = apart < 14 ? { corner: near } : { last: from };
  if (apart >= 14) { // free drawing: corners at even distances
    const old = app.corners, count = 41;
    app.corners = Array.from({ length: count }, (_, k) => {
      const at = (k / (count - 1)) * (old.length - 1), i = Math.min(Math.floor(at), old.length - 2);
      return Math.round((old[i] + (at - i) * (old[i + 1] - old[i])) * 100) / 100;
    });
  }
  draw(event);
}

function draw(event) {
  if (!app.drawing) return;
  const to = pointed(event), corners = app.corners.slice(), n = corners.length - 1;
  if (app.drawing.corner !== undefined) {
    corners[app.drawing.corner] = to.u;
  } else {
    const { last } = app.drawing, [left, right] = last.share <= to.share ? [last, to] : [to, last];
    for (let k = Math.round(left.share * n); k <= Math.round(right.share * n); k += 1) {
      const span = right.share - left.share, share = span ? Math.max(0, Math.min(1, (k / n - left.share) / span)) : 1;
      corners[k] = Math.round((left.u + share * (right.u - left.u)) * 100) / 100;
    }
    app.drawing.last = to;
  }
  setCorners(corners);
}

// ---- voltages and currents

function beginTrace() {
  const wave = waveformOf(app.corners, whole("points"));
  app.traces = { wave, done: 0, rows: Object.fromEntries(sides().map((side) => [side, []])) };
  const action = { corners: app.corners.slice(), perLine: whole("points"), noise: $("noise").checked };
  app.actions.push(action);
  app.drift = null;
  return action;
}

/** Apply the next voltages of the running waveform to all cells. */
function advance(action, most) {
  const { wave, rows } = app.traces, end = Math.min(wave.length, app.traces.done + most);
  const part = wave.slice(app.traces.done, end);
  for (const side of sides()) {
    const currents = app.cells[side].sweep(part, action.noise ? settings(side).bandwidth : 0);
    for (const row of currents) rows[side].push(row);
  }
  app.traces.done = end;
  if (end < wave.length) action.points = end;
  else delete action.points;
}

function run() {
  stop();
  if (!readCorners()) return;
  advance(beginTrace(), Infinity);
  showAll();
}

function play() {
  if (app.playing) {
    stop();
    showAll();
    return;
  }
  if (!readCorners()) return;
  app.playing = { action: beginTrace(), frames: 0, since: performance.now() };
  $("play").setAttribute("aria-pressed", "true");
  $("play").textContent = "Stop";
  $("iv-status").setAttribute("aria-live", "off"); // numbers that change all the time are not read out
  requestAnimationFrame(frame);
}

function frame() {
  const p = app.playing;
  if (!p) return;
  if (app.traces.done >= app.traces.wave.length) p.action = beginTrace();
  advance(p.action, Math.max(1, Math.round(app.traces.wave.length / 120)));
  drawCurrents();
  drawWave((app.traces.done / app.traces.wave.length) * (app.corners.length - 1));
  p.frames += 1;
  const seconds = (performance.now() - p.since) / 1000;
  if (p.frames % 30 === 0) {
    $("iv-status").textContent = `${app.cells.a.count} cells, ${Math.round(p.frames / seconds)} frames per second`;
  }
  requestAnimationFrame(frame);
}

function stop() {
  if (!app.playing) return;
  app.playing = null;
  $("play").setAttribute("aria-pressed", "false");
  $("play").textContent = "Play";
  $("iv-status").setAttribute("aria-live", "polite");
}

function drawCurrents() {
  const log = $("log").checked, { wave = [], rows = {}, done = 0 } = app.traces, series = [];
  const u = wave.slice(0, done), convert = log ? Math.abs : (i) => 1e6 * i;
  const empty = log ? [1e-9, 1e-3] : [-1, 1];
  for (const side of sides()) {
    const { count } = app.cells[side], chosen = Math.min(whole("selected"), count - 1), x = [], y = [];
    for (let cell = 0; cell < Math.min(count, LINES); cell += 1) { // all in one line, with gaps
      for (let k = 0; k < done; k += 1) {
        x.push(u[k]);
        y.push(convert(rows[side][k][cell]));
      }
      x.push(0);
      y.push(NaN);
    }
    series.push({ x, y, colour: colour(side), alpha: 0.5 });
    series.push({ x: u, y: (rows[side] || []).map((row) => convert(row[chosen])), colour: colour(side), width: 2.5 });
  }
  drawChart($("iv"), {
    x: { label: "Voltage (V)", range: done ? undefined : [-1, 1] },
    y: { label: log ? "Magnitude of the current (A)" : "Current (uA)", log, range: done ? undefined : empty },
    series,
  });
}

/** The state of a cell, for people. */
function describe(side, k) {
  const cells = app.cells[side], m = cells.machine, f = cells.features(k);
  return `${cells.mode(k)}, ${engineering(m.resistance_from_mixing(cells.r[k]), "ohm")}, cycle ${cells.cycle(k)}` +
    ` with U_SET ${f.u_set.toFixed(2)} V and U_RESET ${f.u_reset.toFixed(2)} V`;
}

function showStatus() {
  const k = whole("selected");
  const texts = sides().map((side) => {
    const cell = Math.min(k, app.cells[side].count - 1);
    return `${compared() ? `${side.toUpperCase()}, cell` : "Cell"} ${cell}: ${describe(side, cell)}`;
  });
  $("cell-status").textContent = `${texts.join("; ")}.`;
  const { done = 0 } = app.traces;
  const modes = sides().map((side) => {
    const cells = app.cells[side], found = { LRS: 0, IRS: 0, HRS: 0 };
    for (let i = 0; i < cells.count; i += 1) found[cells.mode(i)] += 1;
    const of = compared() ? `${side.toUpperCase()}: ` : "";
    return `${of}${found.LRS} in the LRS, ${found.IRS} partly reset, ${found.HRS} in the HRS`;
  });
  const drawn = sides().some((side) => app.cells[side].count > LINES) ? ` Lines of the first ${LINES} cells.` : "";
  $("iv-status").textContent = `${done} voltages applied. ${modes.join("; ")}.${drawn}`;
}

// ---- features

function chartCanvas(id, title) {
  const canvas = document.createElement("canvas");
  canvas.id = id;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title);
  return canvas;
}

function showCycles() {
  const count = whole("cycles"), k = whole("selected"), found = {};
  for (const side of sides()) {
    const cell = Math.min(k, app.cells[side].count - 1);
    found[side] = app.cells[side].copy(cell, cell + 1).runCycles(count).map(([f]) => f);
  }
  for (const feature of FEATURES) {
    const x = Array.from({ length: count }, (_, n) => n + 1);
    const series = sides().map((side) => ({
      x, y: found[side].map((f) => f[feature.key]), colour: colour(side), width: 0.5, dots: count > 500 ? 2 : 3,
    }));
    const canvas = $(`cycle-${feature.key}`);
    const label = `${feature.title} (${feature.unit})`;
    drawChart(canvas, { x: { label: "Cycle" }, y: { label, log: feature.log }, series });
    const median = engineering(quantile(Float64Array.from(series[0].y).sort(), 0.5), feature.unit);
    canvas.setAttribute("aria-label", `${feature.title} over ${count} cycles, median ${median}`);
  }
}

/** Features of many other devices of a set, which are computed once. */
function population(side) {
  const key = sourceOf(side).machine;
  if (!app.population.has(key)) {
    const { devices, cycles, first } = POPULATION;
    app.population.set(key, new Cells(MACHINES[key], 42, devices, { first }).runCycles(cycles));
  }
  return app.population.get(key);
}

const SHARES = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999].map((p) => [Math.log(p / (1 - p)), `${100 * p} %`]);

function showSpread() {
  const mine = {};
  for (const side of sides()) {
    const count = app.cells[side].count;
    mine[side] = app.cells[side].copy().runCycles(Math.max(5, Math.min(50, Math.ceil(2000 / count))));
  }
  const table = [["", "10 %", "median", "90 %"]];
  for (const feature of FEATURES) {
    const series = [];
    for (const side of sides()) {
      const all = sortedFeature(population(side), feature.key), own = sortedFeature(mine[side], feature.key);
      series.push({ ...distribution(all), colour: colour(side), dash: [5, 4], width: 1.2 });
      series.push({ ...distribution(own), colour: colour(side), width: 2.2 });
      const name = compared() ? `, ${side.toUpperCase()}` : "";
      for (const [what, sorted] of [["these cells", own], ["population", all]]) {
        const numbers = [0.1, 0.5, 0.9].map((p) => engineering(quantile(sorted, p), feature.unit));
        table.push([`${feature.title}${name}, ${what}`, ...numbers]);
      }
    }
    const canvas = $(`spread-${feature.key}`);
    const x = { label: `${feature.title} (${feature.unit})`, log: feature.log };
    drawChart(canvas, { x, y: { label: "Share below", ticks: SHARES }, series });
    canvas.setAttribute("aria-label", `Distribution of ${feature.title}; the table below has its quantiles`);
  }
  showTable($("quantiles"), table);
}

function showTable(table, [head, ...rows]) {
  const line = (cells, tag) => {
    const row = document.createElement("tr");
    cells.forEach((text, k) => {
      const cell = document.createElement(k === 0 && tag === "td" ? "th" : tag);
      if (cell.tagName === "TH") cell.scope = tag === "th" ? "col" : "row";
      cell.textContent = text || "Feature";
      row.append(cell);
    });
    return row;
  };
  const top = document.createElement("thead"), body = document.createElement("tbody");
  top.append(line(head, "th"));
  body.append(...rows.map((row) => line(row, "td")));
  table.replaceChildren(top, body);
}

function settingsForPython(which) {
  return { ...settings(which), between: $("between").value };
}

function showPython() {
  if (!app.cells.a) return;
  const lines = pythonHead(app.actions);
  for (const side of sides()) {
    if (compared()) lines.push(`# ${side.toUpperCase()}`);
    lines.push(...pythonSweeps(sourceOf(side), settingsForPython(side), app.actions, whole("cycles")), "");
  }
  lines.push(...crossbarPython());
  $("python").textContent = `${lines.join("\n")}\n`;
}

function showAll() {
  drawWave();
  drawCurrents();
  drawDrift();
  showStatus();
  showCycles();
  showSpread();
  showPython();
}
