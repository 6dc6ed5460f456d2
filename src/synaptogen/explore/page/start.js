// What happens when: events of the page, and its first state.

function fill(select, options) {
  for (const [value, title] of options) {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = title;
    select.append(option);
  }
}

function fillStandards() {
  const chosen = $("standard").value || "loop", all = standards(machineOf("a"));
  $("standard").replaceChildren();
  fill($("standard"), [...Object.entries(all).map(([key, { title }]) => [key, title]), ["own", "Drawn or typed"]]);
  $("standard").value = chosen;
  if (all[chosen]) setCorners(all[chosen].corners);
}

/** Voltages of the crossbar that suit the parameter set. */
function fillVoltages() {
  const { uMax, uRead, typical } = machineOf("a");
  $("pulse").value = String(Math.round(10 * (typical.u_reset + uMax)) / 20);
  $("input-u").value = String(uRead);
}

function remake() {
  fillBetween();
  restart();
  if (seed() !== null) newCrossbar();
}

async function copyPython() {
  const text = $("python").textContent;
  try {
    await navigator.clipboard.writeText(text);
    $("copy-status").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren($("python"));
    $("copy-status").textContent = "Selected: copy it with the keyboard.";
  }
}

function redraw() {
  drawWave();
  drawCurrents();
  drawDrift();
  showCycles();
  showSpread();
  showCrossbar();
}

function begin() {
  const titles = SOURCES.map(({ title }, k) => [String(k), title]);
  fill($("set-a"), titles);
  fill($("set-b"), [["", "nothing"], ...titles]);
  for (const { key, title } of FEATURES) {
    $("cycle-charts").append(chartCanvas(`cycle-${key}`, title));
    $("spread-charts").append(chartCanvas(`spread-${key}`, title));
  }
  fillStandards();
  fillVoltages();
  remake();
  run();

  const on = (id, type, action) => $(id).addEventListener(type, action);
  on("set-a", "change", () => { fillStandards(); fillVoltages(); remake(); });
  for (const id of ["set-b", "seed", "count", "start"]) on(id, "change", remake);
  on("selected", "change", showAll);
  on("cycles", "change", () => { showCycles(); showPython(); });
  on("standard", "change", () => {
    const one = standards(machineOf("a"))[$("standard").value];
    if (one) setCorners(one.corners);
  });
  on("corners", "change", () => { if (readCorners()) { $("standard").value = "own"; showPython(); } });
  on("wave", "pointerdown", (event) => { $("standard").value = "own"; startDrawing(event); });
  on("wave", "pointermove", draw);
  for (const type of ["pointerup", "pointercancel"]) on("wave", type, () => { app.drawing = null; });
  on("run", "click", run);
  on("play", "click", play);
  on("again", "click", restart);
  on("log", "change", drawCurrents);
  on("between", "change", () => { fillTemperature(); remake(); });
  on("wait", "click", waitNow);
  for (const id of ["log-time", "relative"]) on(id, "change", drawDrift);
  on("size", "change", newCrossbar);
  on("set-all", "click", () => pulseAll(crossbar.low));
  on("reset-all", "click", () => pulseAll(crossbar.high));
  on("ramp-all", "click", rampAll);
  on("wait-all", "click", waitAll);
  on("clear", "click", newCrossbar);
  for (const id of ["input", "input-u"]) on(id, "change", showCrossbar);
  on("map", "pointerdown", paint);
  on("map", "pointermove", paint);
  window.addEventListener("pointerup", () => { crossbar.painting = false; });
  on("map", "keydown", mapKey);
  on("copy", "click", copyPython);
  window.addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

begin();
