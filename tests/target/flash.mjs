// A W25Q16JV, the SSI in direct mode before it, and the chip select's override. They find fault: what a chip would
// silently ignore or do wrong is a violation. XIP is not modelled, as nothing of ours uses it: machine.mjs refuses it.
import { BasePeripheral } from './emulator.mjs';

const SECTOR = 4096;
const PAGE = 256;
const BUSY = 1;
const WEL = 2;

export class Chip {
  // times: nanoseconds of one operation (W25Q16JV, 9.6: typical; at most 3 ms and 400 ms).
  constructor({ size = 2 << 20, program = 400e3, erase = 45e6, mayProgramOnes = false } = {}) {
    this.mayProgramOnes = mayProgramOnes;
    this.mem = new Uint8Array(size).fill(0xff);
    this.times = { program, erase };
    this.unique = [0xd6, 0x64, 0x12, 0x34, 0x9b, 0xcd, 0xef, 0x01];
    this.erases = new Uint32Array(size / SECTOR);
    this.programs = 0;
    this.frame = [];
    this.op = null;
    this.wel = false;
    this.operations = 0; // begun, for those who cut at one
    this.onBegin = null;
  }

  attach(clock, violations) {
    this.clock = clock;
    this.violations = violations;
    this.frame = [];
  }

  get busy() {
    if (this.op && this.clock.nanos >= this.op.until) {
      this.op.finish();
      this.op = null;
      this.wel = false;
    }
    return this.op !== null;
  }

  select() {
    this.frame = [];
  }

  address() {
    const f = this.frame;
    return ((f[1] << 16) | (f[2] << 8) | f[3]) % this.mem.length;
  }

  // One byte in, one byte out.
  exchange(byte) {
    const f = this.frame;
    const i = f.push(byte) - 1;
    const busy = this.busy;
    if (i === 0) {
      if (busy && byte !== 0x05) this.violations.push(`flash: command ${byte.toString(16)} while busy`);
      if (![0x02, 0x03, 0x05, 0x06, 0x20, 0x4b, 0x9f].includes(byte)) {
        this.violations.push(`flash: unknown command ${byte.toString(16)}`);
      }
      return 0xff;
    }
    switch (f[0]) {
      case 0x05: return (busy ? BUSY : 0) | (this.wel ? WEL : 0);
      case 0x9f: return busy ? 0xff : [0xef, 0x40, 0x15][(i - 1) % 3];
      case 0x4b: return i >= 5 && !busy ? this.unique[(i - 5) % 8] : 0xff;
      case 0x03: return i >= 4 && !busy ? this.mem[(this.address() + i - 4) % this.mem.length] : 0xff;
      default: return 0xff;
    }
  }

  // The rising edge of the chip select carries out what was clocked in.
  deselect() {
    const f = this.frame;
    this.frame = [];
    if (!f.length || this.busy) return;
    if (f[0] === 0x06) this.wel = true;
    if (f[0] !== 0x20 && f[0] !== 0x02) return;
    if (!this.wel) {
      this.violations.push(`flash: command ${f[0].toString(16)} without write enable`);
      return;
    }
    this.frame = f;
    const at = this.address();
    this.frame = [];
    if (f[0] === 0x20) this.beginErase(at, f);
    else this.beginProgram(at, f.slice(4));
  }

  beginErase(at, f) {
    if (f.length !== 4 || at % SECTOR) this.violations.push(`flash: odd erase at ${at.toString(16)}`);
    const start = at - (at % SECTOR);
    this.begin('erase', start, SECTOR, this.times.erase, () => {
      this.mem.fill(0xff, start, start + SECTOR);
      this.erases[start / SECTOR]++;
    });
  }

  beginProgram(at, data) {
    const page = at - (at % PAGE);
    if (!data.length || data.length > PAGE || at + data.length > page + PAGE) {
      this.violations.push(`flash: program of ${data.length} bytes at ${at.toString(16)} leaves its page`);
    }
    data.forEach((byte, i) => {
      if (byte & ~this.mem[at + i] && !this.mayProgramOnes) this.violations.push(`flash: 0 to 1 programmed at ${(at + i).toString(16)}`);
    });
    this.begin('program', at, data.length, this.times.program, () => {
      data.forEach((byte, i) => { this.mem[at + i] &= byte; });
      this.programs++;
    }, data);
  }

  begin(kind, at, len, nanos, finish, data) {
    this.op = { kind, at, len, data, finish, until: this.clock.nanos + nanos };
    this.operations++;
    this.onBegin?.(this.op);
  }

  // Power goes. What ran leaves some of its bits done and others not. Returns its kind, or null.
  cut(random) {
    const op = this.busy ? this.op : null;
    this.op = null;
    this.wel = false;
    this.frame = [];
    if (!op) return null;
    for (let i = 0; i < op.len; i++) {
      const noise = Math.floor(random() * 256);
      if (op.kind === 'erase') this.mem[op.at + i] |= noise;
      else this.mem[op.at + i] &= op.data[i] | noise;
    }
    return op.kind;
  }
}

// IO_QSPI: only the chip select's output override counts.
export class IoQspi extends BasePeripheral {
  constructor(rp, ssi) {
    super(rp, 'IO_QSPI');
    this.ssi = ssi;
    this.ctrl = new Uint32Array(6).fill(0x1f);
    this.ctrl[1] = 0;
  }

  readUint32(offset) {
    return offset < 0x30 && offset & 4 ? this.ctrl[offset >> 3] : 0;
  }

  writeUint32(offset, value) {
    if (offset >= 0x30 || !(offset & 4)) return;
    this.ctrl[offset >> 3] = value;
    if (offset === 0x0c) this.ssi.override((value >> 8) & 3);
  }
}

export class Ssi extends BasePeripheral {
  constructor(rp, chip, violations) {
    super(rp, 'SSI');
    Object.assign(this, { chip, violations, ctrlr0: 0x001f0300, ctrlr1: 0, on: 1, ser: 1, baudr: 6, cs: 0 });
    this.received = [];
    this.shiftedOut = -1;
  }

  get now() { return this.rp2040.clock.nanos; }
  get bits() { return ((this.ctrlr0 >> 16) & 31) + 1; }

  override(level) {
    if (level !== 2 && this.now < this.shiftedOut) this.violations.push('SSI: chip select moved while shifting');
    if (level === 2 && this.cs !== 2) this.chip.select();
    if (level !== 2 && this.cs === 2) this.chip.deselect();
    this.cs = level;
  }

  pending() { return this.received.filter((e) => e.at > this.now).length; }

  readUint32(offset) {
    switch (offset) {
      case 0x00: return this.ctrlr0;
      case 0x04: return this.ctrlr1;
      case 0x08: return this.on;
      case 0x10: return this.ser;
      case 0x14: return this.baudr;
      case 0x20: return Math.max(0, this.pending() - 1);
      case 0x24: return this.received.length - this.pending();
      case 0x60: return this.take();
      default:
        this.violations.push(`SSI: read of ${offset.toString(16)}`);
        return 0;
    }
  }

  take() {
    const entry = this.received[0];
    if (!entry || entry.at > this.now) {
      this.violations.push('SSI: read of an empty queue');
      return 0;
    }
    this.received.shift();
    return entry.value;
  }

  writeUint32(offset, value) {
    if ([0x00, 0x04, 0x14].includes(offset) && this.on) {
      this.violations.push(`SSI: register ${offset.toString(16)} written while on`);
    }
    switch (offset) {
      case 0x00: this.ctrlr0 = value; break;
      case 0x04: this.ctrlr1 = value; break;
      case 0x08: this.switch(value & 1); break;
      case 0x10: this.ser = value & 1; break;
      case 0x14: this.baudr = value & 0xfffe; break;
      case 0x60: this.push(value >>> 0); break;
      default: this.violations.push(`SSI: write of ${offset.toString(16)}`);
    }
  }

  switch(on) {
    if (!on && this.now < this.shiftedOut) this.violations.push('SSI: turned off while shifting');
    if (!on) this.received = [];
    this.on = on;
  }

  push(value) {
    if (!this.on || !this.ser || this.cs !== 2 || ![8, 32].includes(this.bits) || this.ctrlr0 & 0x300) {
      this.violations.push('SSI: data written outside a direct transfer');
      return;
    }
    if (this.received.length >= 16) this.violations.push('SSI: queue overrun');
    let got = 0;
    for (let shift = this.bits - 8; shift >= 0; shift -= 8) got = got * 256 + this.chip.exchange((value >>> shift) & 255);
    this.shiftedOut = Math.max(this.now, this.shiftedOut) + this.bits * this.baudr * (1e9 / this.rp2040.clkSys);
    this.received.push({ at: this.shiftedOut, value: got });
  }
}
