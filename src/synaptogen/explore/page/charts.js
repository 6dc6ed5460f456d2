// Charts on canvases: lines over two axes, and maps. Colours come from the style sheet, so that they follow its themes.

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** The drawing context of a canvas in CSS pixels, cleared. */
function surface(canvas) {
  const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
  if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
    canvas.width = Math.round(w * ratio);
    canvas.height = Math.round(h * ratio);
  }
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, w, h);
  c.font = "12px system-ui, sans-serif";
  return { c, w, h };
}

function ticksOf(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) {
    const value = Number((k * step).toPrecision(6)), plain = Math.max(-low, high) < 1e4 && step >= 1e-4;
    ticks.push([k * step, plain ? String(value) : engineering(value, "")]);
  }
  return ticks;
}

const SUPERSCRIPTS = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";

function powerOfTen(n) {
  return `10${n < 0 ? "\u207b" : ""}${[...String(Math.abs(n))].map((d) => SUPERSCRIPTS[d]).join("")}`;
}

function decades(low, high) {
  const first = Math.ceil(low - 1e-9), last = Math.floor(high + 1e-9), every = Math.ceil((last - first + 1) / 6);
  if (last - first < 1) { // less than a decade between two powers: 1, 2 and 5 of each
    const near = [1, 2, 5].flatMap((f) => [first - 1, first, last].map((n) => [Math.log10(f) + n, f * 10 ** n]));
    return near.map(([at, value]) => [at, engineering(value, "")]);
  }
  return Array.from({ length: last - first + 1 }, (_, k) => first + k)
    .filter((n) => (n - first) % every === 0)
    .map((n) => [n, powerOfTen(n)]);
}

/** The range of an axis over the numbers of all series, or as given. */
function rangeOf(axis, series, key, scale) {
  if (axis.range) return axis.range.map(scale);
  let low = Infinity, high = -Infinity;
  for (const one of series) {
    for (const value of one[key]) {
      const x = scale(value);
      if (Number.isFinite(x)) {
        low = Math.min(low, x);
        high = Math.max(high, x);
      }
    }
  }
  if (!(low <= high)) return [0, 1];
  const margin = 0.05 * (high - low) || 0.05 * Math.abs(low) || 1;
  return [low - margin, high + margin];
}

/**
 * Draw lines or points over two axes.
 * @param spec {x: axis, y: axis, series: [{x, y, colour, width, dots, alpha}]}; an axis has label, log, range, ticks
 */
function drawChart(canvas, spec) {
  const { c, w, h } = surface(canvas);
  const left = 58, right = w - 10, top = 10, bottom = h - 36;
  const scaleOf = (axis) => (axis.log ? (v) => Math.log10(v) : (v) => v);
  const sx = scaleOf(spec.x), sy = scaleOf(spec.y);
  const [x0, x1] = rangeOf(spec.x, spec.series, "x", sx), [y0, y1] = rangeOf(spec.y, spec.series, "y", sy);
  const px = (v) => left + ((sx(v) - x0) / (x1 - x0)) * (right - left);
  const py = (v) => bottom - ((sy(v) - y0) / (y1 - y0)) * (bottom - top);
  const ticks = (axis, low, high, most) =>
    (axis.ticks || (axis.log ? decades(low, high) : ticksOf(low, high, most))).filter(([v]) => v >= low && v <= high);
  c.lineWidth = 1;
  c.strokeStyle = colour("grid");
  c.fillStyle = colour("muted");
  c.textAlign = "center";
  for (const [v, label] of ticks(spec.x, x0, x1, Math.max(2, w / 90))) {
    const x = left + ((v - x0) / (x1 - x0)) * (right - left);
    line(c, x, top, x, bottom);
    c.fillText(label, x, bottom + 14);
  }
  c.textAlign = "right";
  for (const [v, label] of ticks(spec.y, y0, y1, Math.max(5, h / 50))) {
    const y = bottom - ((v - y0) / (y1 - y0)) * (bottom - top);
    line(c, left, y, right, y);
    c.fillText(label, left - 6, y + 4);
  }
  c.fillStyle = colour("ink");
  c.textAlign = "center";
  c.fillText(spec.x.label, (left + right) / 2, h - 6);
  c.save();
  c.translate(12, (top + bottom) / 2);
  c.rotate(-Math.PI / 2);
  c.fillText(spec.y.label, 0, 0);
  c.restore();
  c.save();
  c.beginPath();
  c.rect(left, top, right - left, bottom - top);
  c.clip();
  for (const one of spec.series) drawSeries(c, one, px, py);
  c.restore();
  return { px, py, left, right, top, bottom, x0, x1, y0, y1 };
}

function line(c, x0, y0, x1, y1) {
  c.beginPath();
  c.moveTo(x0, y0);
  c.lineTo(x1, y1);
  c.stroke();
}

function drawSeries(c, one, px, py) {
  c.globalAlpha = one.alpha || 1;
  c.strokeStyle = one.colour;
  c.fillStyle = one.colour;
  c.lineWidth = one.width || 1;
  c.setLineDash(one.dash || []);
  const n = Math.min(one.x.length, one.y.length);
  c.beginPath();
  let drawing = false; // NaN lifts the pen
  for (let k = 0; k < n; k += 1) {
    if (Number.isNaN(one.y[k])) drawing = false;
    else if (drawing) c.lineTo(px(one.x[k]), py(one.y[k]));
    else {
      c.moveTo(px(one.x[k]), py(one.y[k]));
      drawing = true;
    }
  }
  if (!one.dots || one.width) c.stroke();
  if (one.dots) {
    const half = one.dots / 2;
    for (let k = 0; k < n; k += 1) c.fillRect(px(one.x[k]) - half, py(one.y[k]) - half, one.dots, one.dots);
  }
  c.setLineDash([]);
  c.globalAlpha = 1;
}

// A scale from dark blue to yellow that grows in lightness, so that it also works in grey
const SCALE = [[38, 33, 88], [36, 92, 140], [34, 145, 140], [110, 195, 90], [250, 230, 60]];

function mapColour(share) {
  const at = Math.max(0, Math.min(1, share)) * (SCALE.length - 1), k = Math.min(Math.floor(at), SCALE.length - 2);
  const mixed = SCALE[k].map((low, i) => Math.round(low + (at - k) * (SCALE[k + 1][i] - low)));
  return `rgb(${mixed.join(",")})`;
}

/** Draw a map of rows x columns values from 0 to 1, with a frame around one cell. */
function drawMap(canvas, rows, columns, shareOf, cursor) {
  const { c, w, h } = surface(canvas), dx = w / columns, dy = h / rows;
  for (let i = 0; i < rows; i += 1) {
    for (let j = 0; j < columns; j += 1) {
      c.fillStyle = mapColour(shareOf(i * columns + j));
      c.fillRect(Math.floor(j * dx), Math.floor(i * dy), Math.ceil(dx), Math.ceil(dy));
    }
  }
  c.lineWidth = 2;
  c.strokeStyle = "#fff";
  c.strokeRect(cursor.column * dx + 1, cursor.row * dy + 1, dx - 2, dy - 2);
  c.strokeStyle = "#000";
  c.strokeRect(cursor.column * dx - 1, cursor.row * dy - 1, dx + 2, dy + 2);
}

/** Draw horizontal bars, one for each row of a map beside them. */
function drawBars(canvas, values) {
  const { c, w, h } = surface(canvas), dy = h / values.length;
  const most = Math.max(...values.map(Math.abs), 1e-30);
  c.fillStyle = colour("a");
  values.forEach((value, k) => c.fillRect(0, k * dy, (w * Math.abs(value)) / most, Math.max(1, dy - 1)));
}
