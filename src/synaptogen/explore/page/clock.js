// The clock of cells, and where it moves them. Instants are whole numbers of ticks, as BigInt: they have no end, and no
// rounding adds up over waits. Formulas are those of the model, traced.

const FINE = 4294967296n; // parts of a tick in which time is counted that a temperature stretches
const TIME_ZERO = { ticks: 0n, age: 0n, instants: [] };

const word = (number) => Number(BigInt.asIntN(32, number)); // an integer with a sign, as formulas take it

/** The nearest whole number; the even one of two that are equally near. */
function rounded(x) {
  const low = Math.floor(x), rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2) ? low + 1 : low;
}

function wholeTicks(seconds, fluctuation) {
  const whole = Math.floor(seconds), { ticks } = fluctuation.numbers;
  return BigInt(whole) * BigInt(ticks) + BigInt(rounded((seconds - whole) * ticks));
}

/** How many parts of a tick a tick at a temperature (K) counts for. */
function acceleration({ numbers }, temperature) {
  if (temperature === null || temperature === numbers.temperature) return FINE;
  const exponent = numbers.kelvins * (1 / numbers.temperature - 1 / temperature);
  return BigInt(rounded(Math.exp(Math.min(exponent, 100)) * Number(FINE)));
}

/** The time after a wait. Instants are those at which the clock stood still before it moved on. */
function timeAfter(time, fluctuation, ticks, temperature) {
  const present = time.age / FINE, { instants } = time;
  return {
    ticks: time.ticks + ticks,
    age: time.age + ticks * acceleration(fluctuation, temperature),
    instants: instants[instants.length - 1] === present ? instants : [...instants, present],
  };
}

/** Where an instant lies on all grids of slots: the number of the slot, and how much of it has passed. */
function placeOf(now, { numbers }) {
  return numbers.lengths.flatMap((text) => {
    const length = BigInt(text);
    return [word(now / length), word(((now % length) * FINE) / length)];
  });
}

/** Slot of logarithmic time since a write, and how much of it has passed. */
function slotSince(now, written, { numbers }) {
  const { ticks, onset, widths } = numbers, fineDecades = 4, slotsOfFine = 4;
  const decades = Math.log10(1 + Number(now - written) / ticks / onset);
  const fine = Math.min(decades, fineDecades), at = slotsOfFine * fine + (decades - fine);
  const slot = Math.min(at, widths.length - 2 ** -20), whole = Math.floor(slot);
  return { slot: whole, passed: Math.min(Math.floor((slot - whole) * 4294967296), 4294967295) | 0 };
}

const instantWord = (now) => word(now ^ ((now >> 32n) * 0x9e3779b1n));

/** The states to which cells have moved at a time, and the instant of the last write of each of them. */
function movedCells(cells, time) {
  const { machine: m, fluctuation: f, count } = cells, now = time.age / FINE, present = time.instants.length - 1;
  const grid = placeOf(now, f), instant = instantWord(now), { widths } = f.numbers, since = new Map();
  const r = new Float64Array(count), index = Int32Array.from(cells.index);
  for (let k = 0; k < count; k += 1) {
    const written = writtenState(cells, k);
    if (m.as_written(cells.r[k], written)) index[k] = present;
    const at = time.instants[index[k]];
    if (!since.has(at)) since.set(at, slotSince(now, at, f));
    const { slot, passed } = since.get(at);
    const { a, b, c, d } = m.write_key(cells.lo[k], cells.hi[k], word(at), word(at >> 32n), cells.k0, cells.k1);
    const made = m.jumps_made(a, b, c, d, slot, passed);
    let walk = 0;
    for (let pair = 0; 2 * pair < widths.length && pair <= slot / 2; pair += 1) {
      walk += f.two_jumps(a, b, c, d, pair, made, widths[2 * pair], widths[2 * pair + 1]);
    }
    const strength = f.strength((m.rZero - written) / m.perSpan);
    const change = f.log_change(walk, a, b, c, d, ...grid, instant, strength);
    r[k] = m.moved(written, change, m.rZero, m.rMax);
  }
  return { r, index };
}

/** The state that the last change of a cell wrote. */
function writtenState({ machine: m, fields, status }, k) {
  const [, r_lrs, , r_hrs, ratchet, scale, end] = fields.subarray(FIELDS * k, FIELDS * (k + 1));
  return m.written_state(status[k], r_lrs, r_hrs, m.partial_reset(scale, end, ratchet));
}
