// The engine of the page. It owns memory, order and branches, as engines in Python do; all formulas are those of the
// package's model, traced into MODEL (the same for all) and into machines (one for each parameter set).

/** The upper half of the 64-bit product of two words, from products of their halves. */
function highProduct(a, b) {
  const aLow = a & 65535, aHigh = a >>> 16, bLow = b & 65535, bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 65535);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(other / 65536)) | 0;
}

/** An array that was packed as base64 of float64 numbers. */
function unpacked({ shape, base64 }) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k += 1) bytes[k] = text.charCodeAt(k);
  return { shape, values: new Float64Array(bytes.buffer) };
}

/** A machine with its arrays ready for use, and what its cells do between voltages (null: they stand still). */
function prepared(machine, fluctuation) {
  const n = machine.numbers, arrays = {};
  for (const key of ["readout", "F", "G", "start", "means", "cholesky", "bounds"]) arrays[key] = unpacked(n[key]).values;
  const ready = { ...machine, ...MODEL, ...n, ...arrays, memory: n.readout.shape[0], fluctuation };
  ready.typical = typicalFeatures(ready);
  return ready;
}

/** Medians of the features over some devices, in ohm and V. */
function typicalFeatures(machine) {
  const cells = new Cells(machine, 42, 101), typical = {};
  const all = Array.from({ length: cells.count }, (_, k) => cells.features(k));
  for (const key of Object.keys(all[0])) typical[key] = all.map((f) => f[key]).sort((a, b) => a - b)[50];
  return typical;
}

/** The two words of a seed: a whole number, or its decimal digits where it is too large for one. */
function seedWords(seed) {
  let low = 0, high = 0;
  for (const digit of String(seed)) {
    low = low * 10 + Number(digit);
    high = high * 10 + Math.floor(low / 4294967296);
    low %= 4294967296;
  }
  return [low | 0, high | 0];
}

const FIELDS = 7; // u_set, r_lrs, u_reset, r_hrs, u_ratchet, scale and end of the RESET transition
const FAR = 1e6; // V; sets or resets any cell completely

class Cells {
  /**
   * New cells.
   * @param machine from `prepared`
   * @param seed whole number from 0 to 2**64 - 1, or its digits
   * @param first id of the first cell, the others follow; or `ids`, two arrays with the words of all ids
   * @param fluctuation what they do between voltages, if it is not what the parameter set says; null: nothing
   */
  constructor(machine, seed, count, options = {}) {
    const { first = 0, ids, start = "stationary", fluctuation = machine.fluctuation } = options;
    this.machine = machine;
    this.fluctuation = fluctuation;
    this.time = TIME_ZERO;
    this.index = new Int32Array(count); // which instant of the clock each cell was last written at
    this.count = count;
    this.start = start;
    [this.k0, this.k1] = seedWords(seed);
    const id = (k) => first + k;
    this.lo = ids ? Int32Array.from(ids[0]) : Int32Array.from({ length: count }, (_, k) => id(k) | 0);
    this.hi = ids ? Int32Array.from(ids[1]) : Int32Array.from({ length: count }, (_, k) => Math.floor(id(k) / 2 ** 32));
    this.r = new Float64Array(count);
    this.status = new Int32Array(count);
    this.fields = new Float64Array(FIELDS * count);
    this.device = new Float64Array(8 * count);
    this.own = new Float64Array(machine.ownRows * count); // shapes and memory that belong to the device
    this.memory = new Float64Array(machine.memory * count);
    this.reads = new Int32Array(count); // how often each cell was read with noise
    this.products = 0;
    for (let k = 0; k < count; k += 1) {
      this.drawDevice(k);
      this.beginFirstCycle(k);
    }
  }

  normals(k, stream, number, block) {
    return this.machine.normals(this.lo[k], this.hi[k], stream, number, block, this.k0, this.k1);
  }

  drawDevice(k) {
    const m = this.machine;
    const word = m.random_words(this.lo[k], this.hi[k], DEVICE, 0, 0, this.k0, this.k1)[0];
    let component = 0;
    m.componentStarts.forEach((first, n) => { if (m.chosen(word, first)) component = n; });
    let vector = this.drawVector(k, component, 0);
    if (m.bounds.length) {
      const low = m.bounds.subarray(0, m.traits), high = m.bounds.subarray(m.traits);
      const outside = (y, i) => y < low[i] || y > high[i];
      for (let n = 1; n < DRAWS && vector.some(outside); n += 1) vector = this.drawVector(k, component, n);
      vector = vector.map((y, i) => Math.min(Math.max(y, low[i]), high[i]));
    }
    if (m.ownRows) this.own.set(m.device_rows(...vector.slice(8)), m.ownRows * k);
    this.device.set(vector.slice(0, 8).map((y, i) => (m.logSigma && i >= 4 ? m.scale(y) : y)), 8 * k);
  }

  /** A device vector from a component of the population. */
  drawVector(k, component, number) {
    const m = this.machine, d = m.traits, z = [];
    for (let block = 1; 4 * block <= d; block += 1) z.push(...this.normals(k, DEVICE, number, block));
    return Array.from({ length: d }, (_, i) => {
      let y = m.means[d * component + i];
      for (let j = 0; j <= i; j += 1) y += m.cholesky[d * d * component + d * i + j] * z[j];
      return y;
    });
  }

  /** The first memory of a cell: of a VAR with x of cycle 0 in it, of a state space before cycle 0. */
  firstMemory(k) {
    const m = this.machine, size = m.memory, memory = new Float64Array(size);
    const z = [];
    if (m.slots) {
      z.push(...this.normals(k, CYCLES, 0, 0));
      if (this.start !== "stationary") {
        memory.set(m.innovation(z[0], z[1], z[2], z[3]));
        return memory;
      }
      for (let lag = 1; lag < m.slots; lag += 1) z.push(...this.normals(k, HISTORY, 0, lag));
    } else {
      if (this.start !== "stationary") return memory;
      for (let block = 0; 4 * block < size; block += 1) z.push(...this.normals(k, HISTORY, 0, block));
    }
    for (let i = 0; i < size; i += 1) {
      let y = 0;
      for (let j = 0; j <= i; j += 1) y += m.start[size * i + j] * z[j];
      memory[i] = y;
    }
    return memory;
  }

  /** x of a cycle that begins; the memory of the cell moves on. */
  nextLatent(k, number) {
    const m = this.machine, size = m.memory, at = size * k;
    const memory = this.memory.subarray(at, at + size);
    if (number === 0) {
      memory.set(this.firstMemory(k));
      if (m.slots) return memory.slice(0, 4);
    }
    const e = this.normals(k, CYCLES, number, 0);
    const white = m.innovation(e[0], e[1], e[2], e[3]), slow = [0, 0, 0, 0];
    const unrest = memory[size - 1], n = m.restless ? this.normals(k, CYCLES, number, 1) : null;
    if (n) white[2] = m.innovation_of_lrs(white[2], unrest, n[0]);
    for (let j = 0; j < size; j += 1) for (let i = 0; i < 4; i += 1) slow[i] += m.readout[4 * j + i] * memory[j];
    const x = m.ownRows ? m.blended(...slow, ...white, ...this.ownOf(k)) : white.map((w, i) => w + slow[i]);
    if (m.slots) {
      memory.copyWithin(4, 0, size - 4);
      memory.set(x);
    } else {
      const before = memory.slice();
      for (let i = 0; i < size; i += 1) {
        let y = 0;
        for (let j = 0; j < size; j += 1) y += m.F[size * i + j] * before[j];
        for (let j = 0; j < 4; j += 1) y += m.G[4 * i + j] * e[j];
        memory[i] = y;
      }
      if (n) memory[size - 1] = m.next_unrest(unrest, n[1]);
    }
    return x;
  }

  /** What the device of a cell has of its own. */
  ownOf(k) {
    return this.own.subarray(this.machine.ownRows * k, this.machine.ownRows * (k + 1));
  }

  cycleFeatures(k, number) {
    const m = this.machine, x = this.nextLatent(k, number), sigma = this.device.subarray(8 * k + 4, 8 * k + 8);
    let mu = this.device.subarray(8 * k, 8 * k + 4);
    if (m.trend) mu = m.moved_offsets(...mu, ...sigma, ...this.normals(k, AGEING, 0, 1), number);
    const made = m.cycle_features(x[0], x[1], x[2], x[3], ...mu, ...sigma, ...this.ownOf(k));
    if (m.wear) {
      const address = [this.lo[k], this.hi[k], number, this.k0, this.k1];
      [made.u_set, made.u_reset] = m.drawn_wear(made.u_set, made.u_reset, ...address);
    }
    return made;
  }

  beginFirstCycle(k) {
    const made = this.cycleFeatures(k, 0);
    this.r[k] = made.r_hrs;
    this.fields.set([made.u_set, made.r_lrs, made.u_reset, made.r_hrs], FIELDS * k);
    this.status[k] = this.machine.in_next_cycle(HRS | CYCLE, true, made.limited);
  }

  /** Apply a voltage to a cell, in the order in which docs/model.md states the rules. */
  step(k, u) {
    const m = this.machine, f = this.fields, at = FIELDS * k;
    let r = this.r[k], status = this.status[k];
    if (m.sets(status, u, f[at])) {
      r = f[at + 1];
      status = m.in_mode(status, true, LRS);
    }
    const event = m.resets(status, u, f[at + 2], f[at + 4]);
    if (event.begin) {
      const made = this.cycleFeatures(k, m.cycle((status + 1) | 0));
      if (event.partial) {
        const curve = m.transition(r, f[at + 2], made.r_hrs);
        f[at + 5] = curve.scale;
        f[at + 6] = curve.end;
      }
      f[at] = made.u_set;
      f[at + 1] = made.r_lrs;
      f[at + 2] = made.u_reset;
      f[at + 3] = made.r_hrs;
      status = m.in_next_cycle(status, true, made.limited);
    }
    if (event.full) {
      r = f[at + 3];
      status = m.in_mode(status, true, HRS);
    } else if (event.partial) {
      r = m.partial_reset(f[at + 5], f[at + 6], u);
      f[at + 4] = u;
      status = m.in_mode(status, true, IRS);
    }
    this.r[k] = r;
    this.status[k] = status;
  }

  /** Apply a voltage to all cells, or one to each. */
  apply(u) {
    for (let k = 0; k < this.count; k += 1) this.step(k, typeof u === "number" ? u : u[k]);
  }

  /** Currents in A; a read with a bandwidth (Hz) has noise and is counted. */
  read(u, bandwidth = 0) {
    const out = new Float64Array(this.count);
    for (let k = 0; k < this.count; k += 1) {
      out[k] = this.currentOf(k, typeof u === "number" ? u : u[k], bandwidth, this.reads[k]);
      if (bandwidth) this.reads[k] += 1;
    }
    return out;
  }

  currentOf(k, u, bandwidth, number) {
    const m = this.machine, g = m.conductance(this.r[k], u);
    const z = bandwidth ? m.read_normal(this.lo[k], this.hi[k], number, this.k0, this.k1) : 0;
    return m.noisy_current(g, u, m.noise_density(u) * bandwidth, z);
  }

  /** Apply voltages one after the other and record all currents, one array for each voltage. */
  sweep(waveform, bandwidth = 0) {
    return Array.from(waveform, (u) => {
      this.apply(u);
      return this.read(u, bandwidth);
    });
  }

  /** What a wait of some seconds leads to, at a temperature in K; cells stay as they are. */
  after(seconds, temperature = null) {
    const { fluctuation, time, r, index } = this, ticks = fluctuation ? wholeTicks(seconds, fluctuation) : 0n;
    if (!ticks) return { time, r, index };
    const later = timeAfter(time, fluctuation, ticks, temperature);
    return { time: later, ...movedCells(this, later) };
  }

  /** Let time pass. Without a fluctuation, cells stand still. */
  wait(seconds, temperature = null) {
    Object.assign(this, this.after(seconds, temperature));
  }

  /** Conductances in S at the read voltage, of these states or others. */
  conductances(r = this.r) {
    return r.map((one) => 1 / this.machine.resistance_from_mixing(one));
  }

  /** Resistances in ohm at the read voltage. */
  resistances() {
    return this.r.map((r) => this.machine.resistance_from_mixing(r));
  }

  /** Features of the running cycle of a cell, in ohm and V. */
  features(k) {
    const [u_set, lrs, u_reset, hrs] = this.fields.subarray(FIELDS * k, FIELDS * k + 4);
    const ohm = this.machine.resistance_from_mixing;
    return { r_hrs: ohm(hrs), u_set, r_lrs: ohm(lrs), u_reset };
  }

  /** Run all cells through complete cycles; the features of each cycle and cell. */
  runCycles(cycles) {
    return Array.from({ length: cycles }, () => {
      this.apply(-FAR);
      this.apply(FAR);
      return Array.from({ length: this.count }, (_, k) => this.features(k));
    });
  }

  mode(k) {
    const mode = this.status[k] & (LRS | HRS);
    return mode === LRS ? "LRS" : mode === HRS ? "HRS" : "IRS";
  }

  cycle(k) {
    return this.machine.cycle(this.status[k]);
  }

  /** Currents of the rows of a crossbar with voltages on its columns, or the other way round; ideal lines. */
  product(rows, columns, v, { transpose = false, bandwidth = 0 } = {}) {
    const m = this.machine, lines = transpose ? columns : rows;
    const out = new Float64Array(lines), variances = new Float64Array(lines);
    for (let j = 0; j < v.length; j += 1) {
      const [i0, i1, s0, s1] = m.linear_in_mixing(v[j], m.noise_density(v[j]) * bandwidth);
      for (let line = 0; line < lines; line += 1) {
        const r = this.r[transpose ? j * columns + line : line * columns + j];
        out[line] += i0 + i1 * r;
        variances[line] += s0 + s1 * r;
      }
    }
    if (!bandwidth) return out;
    for (let line = 0; line < lines; line += 1) {
      const z = this.normals(transpose ? line : line * columns, PRODUCT, this.products, 0)[0];
      out[line] += Math.sqrt(Math.max(variances[line], 0)) * z;
    }
    this.products = (this.products + 1) | 0;
    return out;
  }

  /** Copies of these cells, or of one of them, with the same future. */
  copy(first = 0, end = this.count) {
    const other = Object.assign(Object.create(Cells.prototype), this, { count: end - first });
    for (const key of ["lo", "hi", "r", "status", "reads", "index", "fields", "device", "own", "memory"]) {
      const each = this[key].length / this.count;
      other[key] = this[key].slice(each * first, each * end);
    }
    return other;
  }
}

/** The cells of a saved array, in its state. */
function restored(machine, array) {
  const { r, status, reads, fields, lo, hi } = Object.fromEntries(
    Object.entries(array.state).map(([key, packed]) => [key, unpacked(packed).values]),
  );
  const cells = new Cells(machine, array.seed, array.count, { ids: [lo, hi], start: array.start });
  cells.r.set(r);
  cells.status.set(Int32Array.from(status));
  cells.reads.set(Int32Array.from(reads));
  cells.fields.set(fields);
  cells.products = array.products | 0;
  if (array.time.instants.length) {
    const { ticks, age, instants } = array.time;
    cells.time = { ticks: BigInt(ticks), age: BigInt(age), instants: instants.map(BigInt) };
    cells.index.set(Int32Array.from(unpacked(array.time.written).values));
  }
  for (let k = 0; k < cells.count; k += 1) { // the memory of earlier cycles is a function of the seed
    for (let cycle = 1; cycle <= cells.cycle(k); cycle += 1) cells.nextLatent(k, cycle);
  }
  return cells;
}
