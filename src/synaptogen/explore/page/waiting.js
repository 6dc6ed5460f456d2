// The section in which cells wait.

const LONGEST = 1e10; // s; about 300 years
const MOMENTS = 100; // on each of two scales of time, at which states are shown

/** What the cells of a source do between voltages; a saved array has its own. */
function fluctuationOf(which) {
  const own = machineOf(which).fluctuation, chosen = $("between").value;
  if (sourceOf(which).array || chosen === "own") return own;
  return chosen === "none" ? null : FLUCTUATIONS[PRESET_FLUCTUATIONS.indexOf(chosen)];
}

/** What can be chosen, given the parameter sets. */
function fillBetween() {
  const chosen = $("between").value || "own", sources = sides().map(sourceOf);
  const own = sources.map(({ fluctuation }) => (fluctuation ? `fluctuate as ${fluctuation}` : "stand still"));
  const title = `as the set says: ${[...new Set(own)].join("; ")}`;
  const presets = PRESET_FLUCTUATIONS.map((name) => [name, `fluctuate as ${name}`]);
  $("between").replaceChildren();
  fill($("between"), [["own", title], ...presets, ["none", "stand still"]]);
  $("between").value = chosen;
  $("between").disabled = sources.every(({ array }) => array);
  fillTemperature();
}

function fillTemperature() {
  const moving = sides().map(fluctuationOf).find(Boolean);
  if (moving) $("temperature").value = String(moving.numbers.temperature);
}

/** The wait that the inputs say, or a message. */
function waitOf() {
  const seconds = Number($("duration").value) * Number($("duration-unit").value);
  const temperature = Number($("temperature").value), { min, max } = $("temperature");
  if (!($("duration").value !== "" && seconds > 0 && seconds <= LONGEST)) {
    return { error: "Give a duration above 0, of 300 years at most." };
  }
  if (!(temperature >= Number(min) && temperature <= Number(max))) {
    return { error: `Give a temperature from ${min} to ${max} K.` };
  }
  return { wait: Number(seconds.toPrecision(12)), temperature };
}

/** A wait to add to what was done, or null after a message. */
function checkedWait() {
  const { error, ...action } = waitOf();
  $("wait-error").textContent = error || "";
  for (const id of ["duration", "temperature"]) $(id).setAttribute("aria-invalid", String(Boolean(error)));
  return error ? null : action;
}

/** Times within a wait at which states are shown: even on a logarithmic and on a linear scale, in s since its start. */
function moments(passed, wait) {
  const end = passed + wait, begin = passed || end * 1e-4, even = linspace(0, 1, MOMENTS);
  const times = even.flatMap((x) => [begin * (end / begin) ** x - passed, x * wait]);
  return [...times.filter((t) => t > 0 && t < wait), wait].sort((a, b) => a - b);
}

function waitNow() {
  stop();
  const action = checkedWait();
  if (!action) return;
  app.drift ??= { times: [0], g: Object.fromEntries(sides().map((side) => [side, [shown(side).conductances()]])) };
  const { times, g } = app.drift, passed = times[times.length - 1], { wait, temperature } = action;
  for (const t of moments(passed, wait)) {
    times.push(passed + t);
    for (const side of sides()) {
      const cells = shown(side);
      g[side].push(cells.conductances(cells.after(t, temperature).r));
    }
  }
  for (const side of sides()) app.cells[side].wait(wait, temperature);
  app.actions.push(action);
  showAll();
}

/** The cells whose lines are drawn. */
function shown(side) {
  return app.cells[side].copy(0, Math.min(app.cells[side].count, LINES));
}

function drawDrift() {
  const { times = [0], g = {} } = app.drift ?? {}, series = [], from = $("log-time").checked ? 1 : 0;
  const relative = $("relative").checked;
  for (const side of sides().filter((one) => g[one])) {
    const rows = g[side], count = rows[0].length, chosen = Math.min(whole("selected"), count - 1);
    const line = (cell) => rows.slice(from).map((row) => (relative ? 100 * (row[cell] / rows[0][cell] - 1) : row[cell]));
    const x = times.slice(from);
    for (let cell = 0; cell < count; cell += 1) series.push({ x, y: line(cell), colour: colour(side), alpha: 0.4 });
    series.push({ x, y: line(chosen), colour: colour(side), width: 2.5 });
  }
  const empty = !series.length;
  drawChart($("drift"), {
    x: { label: "Time since the last voltage (s)", log: from === 1, range: empty ? [from, 3600] : undefined },
    y: {
      label: relative ? "Change of the conductance (%)" : "Conductance (S)",
      log: !relative, range: empty ? (relative ? [-10, 10] : [1e-6, 1e-3]) : undefined,
    },
    series,
  });
  $("wait-status").textContent = driftInWords();
  $("drift").setAttribute("aria-label", `Conductances over time. ${driftInWords()}`);
}

/** What the figure shows, in a sentence. */
function driftInWords() {
  const still = sides().filter((side) => !fluctuationOf(side));
  const hint = still.length === 0 ? "" : ` ${compared() ? `Cells of ${still.join(" and ").toUpperCase()}` : "These cells"}` +
    " stand still: choose above what they do between voltages.";
  if (!app.drift) return `No time has passed since the last voltage.${hint}`;
  const { times, g } = app.drift;
  const changes = sides().map((side) => {
    const [first] = g[side], last = g[side][times.length - 1];
    const sorted = Float64Array.from(last, (x, k) => 100 * (x / first[k] - 1)).sort();
    const [low, middle, high] = [0.1, 0.5, 0.9].map((p) => quantile(sorted, p).toFixed(1));
    return `${compared() ? `${side.toUpperCase()}: m` : "M"}edian change ${middle} %, for 8 of 10 cells ${low} to ${high} %`;
  });
  return `${inWords(times[times.length - 1])} after the last voltage. ${changes.join("; ")}.${hint}`;
}

/** A time for people. */
function inWords(seconds) {
  const units = [[31536000, "years"], [86400, "days"], [3600, "hours"], [60, "minutes"]];
  const [size, unit] = units.find(([s]) => seconds >= s) ?? [1, "seconds"];
  return `${Number((seconds / size).toPrecision(3))} ${unit}`;
}
