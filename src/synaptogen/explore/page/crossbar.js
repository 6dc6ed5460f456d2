// The crossbar of the page: a map of conductances that takes pulses, and its product.

const crossbar = { cells: null, rows: 0, columns: 0, cursor: { row: 0, column: 0 }, actions: [] };

function newCrossbar() {
  const array = sourceOf("a").array, size = Number($("size").value);
  const [rows, columns] = array?.shape ?? [size, size];
  Object.assign(crossbar, { rows, columns, cursor: { row: 0, column: 0 }, actions: [] });
  crossbar.cells = makeCells("a", rows * columns);
  const { low, high } = reach(machineOf("a"));
  Object.assign(crossbar, { low, high });
  $("size").disabled = Boolean(array?.shape);
  $("map").style.aspectRatio = `${columns} / ${rows}`;
  showCrossbar();
}

function pulse(row, column) {
  const u = Number($("pulse").value);
  if (!Number.isFinite(u) || $("pulse").value === "" || Math.abs(u) > 100) {
    $("map-status").textContent = "The pulse must be a voltage between -100 and 100 V.";
    return;
  }
  crossbar.cursor = { row, column };
  crossbar.cells.step(row * crossbar.columns + column, u);
  crossbar.actions.push({ kind: "one", row, column, u });
  showCrossbar();
}

function pulseAll(u) {
  crossbar.cells.apply(u);
  crossbar.actions.push({ kind: "all", u });
  showCrossbar();
}

function waitAll() {
  const action = checkedWait();
  if (!action) return;
  crossbar.cells.wait(action.wait, action.temperature);
  crossbar.actions.push({ kind: "wait", ...action });
  showCrossbar();
  if (!fluctuationOf("a")) $("map-status").textContent += " The cells stand still while they wait: see above.";
}

function rampAll() {
  const { rows, columns, cells } = crossbar, machine = cells.machine;
  const from = Math.round(machine.typical.u_reset * 90) / 100, to = machine.uMax;
  const u = linspace(from, to, columns);
  cells.apply(Array.from({ length: rows * columns }, (_, k) => u[k % columns]));
  crossbar.actions.push({ kind: "ramp", from, to });
  showCrossbar();
}

function crossbarInput() {
  const u = Number($("input-u").value);
  const most = crossbar.cells.machine.uMax, held = Math.max(-most, Math.min(most, Number.isFinite(u) ? u : 0));
  if (held !== u) $("input-u").value = String(held); // cells are read here, not switched
  return inputs($("input").value, held, crossbar.columns);
}

/** Currents of the rows; the number of the product stays, so that drawing again shows the same currents. */
function rowCurrents() {
  const { cells, rows, columns } = crossbar, number = cells.products;
  const currents = cells.product(rows, columns, crossbarInput().v, { bandwidth: settings("a").bandwidth });
  cells.products = number;
  return Array.from(currents);
}

function showCrossbar() {
  const { cells, rows, columns, cursor } = crossbar, ohm = cells.resistances();
  const g = Array.from(ohm, (x) => Math.log10(1 / x)).filter(Number.isFinite).sort((a, b) => a - b);
  const typical = cells.machine.typical;
  const low = Math.min(-Math.log10(typical.r_hrs) - 0.3, quantile(g, 0.05));
  const high = Math.max(-Math.log10(typical.r_lrs) + 0.2, quantile(g, 0.95));
  drawMap($("map"), rows, columns, (k) => (Math.log10(1 / ohm[k]) - low) / (high - low), cursor);
  const currents = rowCurrents();
  drawBars($("bars"), currents);
  const k = cursor.row * columns + cursor.column;
  const sum = currents.reduce((a, b) => a + b, 0);
  $("bars").setAttribute("aria-label", `Currents of ${rows} rows, together ${engineering(sum, "A")}`);
  $("map").setAttribute("aria-label", `Crossbar of ${rows} rows and ${columns} columns`);
  $("map-status").textContent =
    `Row ${cursor.row}, column ${cursor.column}: ${cells.mode(k)}, ${engineering(ohm[k], "ohm")}.` +
    ` Current of row ${cursor.row}: ${engineering(currents[cursor.row], "A")}; of all rows: ${engineering(sum, "A")}.`;
  showPython();
}

function crossbarPython() {
  if (!crossbar.cells) return [];
  const { rows, columns, actions } = crossbar;
  return pythonCrossbar(sourceOf("a"), { ...settingsForPython("a"), rows, columns }, actions, crossbarInput().python);
}

function cellAt(event) {
  const box = $("map").getBoundingClientRect(), { rows, columns } = crossbar;
  const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
  const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
  return { row: Math.max(0, Math.min(rows - 1, row)), column: Math.max(0, Math.min(columns - 1, column)) };
}

function paint(event) {
  const { row, column } = cellAt(event), { cursor } = crossbar;
  if (event.type === "pointermove") {
    if (!crossbar.painting || (row === cursor.row && column === cursor.column)) return;
  }
  crossbar.painting = true;
  pulse(row, column);
}

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function mapKey(event) {
  const { cursor, rows, columns } = crossbar, move = MOVES[event.key];
  if (move) {
    const row = Math.max(0, Math.min(rows - 1, cursor.row + move[0]));
    crossbar.cursor = { row, column: Math.max(0, Math.min(columns - 1, cursor.column + move[1])) };
    showCrossbar();
  } else if (event.key === "Enter" || event.key === " ") {
    pulse(cursor.row, cursor.column);
  } else {
    return;
  }
  event.preventDefault();
}
