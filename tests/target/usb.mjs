// The USB controller as a device, as strict as silicon: it hands nothing over that was not armed, checks the toggles,
// and never lets a stall pass unseen. And a host that speaks to it.
import { BasePeripheral } from './emulator.mjs';

const FULL = 1 << 15;
const DATA1 = 1 << 13;
const STALL = 1 << 11;
const AVAILABLE = 1 << 10;
const LENGTH = 0x3ff;
const STATUS_RESET = 1 << 19;
const STATUS_SETUP = 1 << 17;
const STATUS_RESUME = 1 << 11;
const STATUS_SUSPENDED = 1 << 4;
const ARM_CYCLES = 12;

export class UsbController extends BasePeripheral {
  constructor(rp, violations) {
    super(rp, 'USB');
    Object.assign(this, { violations, address: 0, main: 0, sie: 0, status: 0, done: 0, stallArm: 0, inte: 0, muxing: 0, pwr: 0 });
    this.control = new Uint32Array(32); // buffer controls, as last written
    this.written = new Float64Array(32);
    this.last = new Array(32).fill(null); // the toggle last handed over
  }

  get view() { return this.rp2040.usbDPRAMView; }
  get ints() {
    const s = this.status;
    return ((this.done ? 1 << 4 : 0) | (s & STATUS_RESET ? 1 << 12 : 0) | (s & STATUS_SETUP ? 1 << 16 : 0) |
      (s & STATUS_SUSPENDED ? 1 << 14 : 0) | (s & STATUS_RESUME ? 1 << 15 : 0)) & this.inte;
  }

  update() { this.rp2040.setInterrupt(5, !!this.ints); }
  endpointControl(index) { return this.view.getUint32(0x08 + 4 * (index - 2), true); }
  open(index) { return index < 2 || !!(this.endpointControl(index) & (1 << 31)); }
  buffer(index) { return index < 2 ? 0x100 : this.endpointControl(index) & 0xffc0; }

  // rp2040js calls this behind every write to the DPRAM.
  DPRAMUpdated(offset, value) {
    if (offset >= 0x100) this.dataWritten(offset);
    if (offset < 0x80 || offset >= 0x100) return;
    const index = (offset - 0x80) >> 2;
    const was = this.control[index];
    const name = `USB endpoint ${index >> 1} ${index & 1 ? 'OUT' : 'IN'}`;
    if (value & AVAILABLE) {
      const waited = (this.rp2040.clock.nanos - this.written[index]) * this.rp2040.clkSys / 1e9;
      if (was & AVAILABLE) this.violations.push(`${name}: armed twice`);
      else if ((was | AVAILABLE) >>> 0 !== value >>> 0) this.violations.push(`${name}: AVAILABLE comes with the rest`);
      else if (waited < ARM_CYCLES - 0.5) this.violations.push(`${name}: AVAILABLE after ${waited.toFixed(1)} cycles`);
      if (!this.open(index)) this.violations.push(`${name}: armed and not open`);
      if (!(index & 1) !== !!(value & FULL)) this.violations.push(`${name}: FULL is wrong`);
      if ((value & LENGTH) > 64) this.violations.push(`${name}: ${value & LENGTH} bytes`);
    }
    this.control[index] = value;
    this.written[index] = this.rp2040.clock.nanos;
  }

  // Endpoint 0 has one buffer for both ways, and an empty packet of the status stage harms nobody: 1 is left out.
  dataWritten(offset) {
    for (let index = 0; index < 32; index++) {
      if (index === 1) continue;
      const at = this.control[index] & AVAILABLE ? this.buffer(index) : -1;
      if (at >= 0 && offset >= at && offset < at + 64) this.violations.push(`USB: buffer ${index} written while armed`);
    }
  }

  readUint32(offset) {
    switch (offset) {
      case 0x00: return this.address;
      case 0x40: return this.main;
      case 0x4c: return this.sie;
      case 0x50: return this.status;
      case 0x58: return this.done;
      case 0x68: return this.stallArm;
      case 0x74: return this.muxing;
      case 0x78: return this.pwr;
      case 0x90: return this.inte;
      case 0x98: return this.ints;
      default:
        this.violations.push(`USB: read of ${offset.toString(16)}`);
        return 0;
    }
  }

  writeUint32(offset, value) {
    switch (offset) {
      case 0x00: this.address = value & 0x7f; break;
      case 0x40: this.main = value; break;
      case 0x4c: this.sie = value; break;
      case 0x50: this.status &= ~this.rawWriteValue; break;
      case 0x58: this.done &= ~this.rawWriteValue; break;
      case 0x68: this.stallArm = value & 3; break;
      case 0x74: this.muxing = value; break;
      case 0x78: this.pwr = value; break;
      case 0x90: this.inte = value; break;
      default: this.violations.push(`USB: write of ${offset.toString(16)}`);
    }
    this.update();
  }

  // What the host does on the wire. All return 'ack', 'nak', 'stall' or 'none', and IN its bytes.
  get connected() { return !!(this.main & 1) && !!(this.sie & (1 << 16)) && this.muxing === 9 && (this.pwr & 0xc) === 0xc; }

  busReset() {
    this.status |= STATUS_RESET;
    this.last.fill(null);
    this.update();
  }

  suspend(on) {
    this.status |= on ? STATUS_SUSPENDED : STATUS_RESUME;
    this.update();
  }

  setup(address, bytes) {
    if (address !== this.address) return 'none';
    this.rp2040.usbDPRAM.set(bytes, 0);
    this.stallArm = 0;
    this.status |= STATUS_SETUP;
    this.last[0] = this.last[1] = 0; // the first behind a SETUP is DATA1
    this.update();
    return 'ack';
  }

  answers(address, index) {
    if (address !== this.address || !this.open(index)) return 'none';
    const control = this.control[index];
    if (control & STALL && (index > 1 || this.stallArm & (1 << index))) return 'stall';
    if (index < 2 && this.status & STATUS_SETUP) return 'nak';
    return control & AVAILABLE ? 'ack' : 'nak';
  }

  checkToggle(index) {
    const is = this.control[index] & DATA1 ? 1 : 0;
    const want = this.last[index] === null ? 0 : this.last[index] ^ 1;
    if (is !== want) this.violations.push(`USB buffer ${index}: DATA${is} where DATA${want} is due`);
    this.last[index] = is;
  }

  complete(index, control) {
    this.control[index] = control;
    this.view.setUint32(0x80 + 4 * index, control, true);
    this.done = (this.done | (1 << index)) >>> 0;
    this.update();
  }

  in(address, endpoint) {
    const index = 2 * endpoint;
    const answer = this.answers(address, index);
    if (answer !== 'ack') return { answer };
    const at = this.buffer(index);
    const data = Buffer.from(this.rp2040.usbDPRAM.slice(at, at + (this.control[index] & LENGTH)));
    this.checkToggle(index);
    this.complete(index, this.control[index] & ~(AVAILABLE | FULL));
    return { answer, data };
  }

  out(address, endpoint, data) {
    const index = 2 * endpoint + 1;
    const answer = this.answers(address, index);
    if (answer !== 'ack') return answer;
    this.checkToggle(index);
    this.rp2040.usbDPRAM.set(data, this.buffer(index));
    this.complete(index, (this.control[index] & ~(AVAILABLE | LENGTH)) | FULL | data.length);
    return answer;
  }
}

export class Stall extends Error {}
export class Timeout extends Error {}

const PACKET_MS = 0.05; // 64 bytes and their handshake at 12 Mbit/s
const RETRY_MS = 0.02;

export class Host {
  constructor(machine) {
    this.machine = machine;
    this.address = 0;
  }

  get wire() { return this.machine.usb; }

  // Plug in: VBUS comes, and the pull-up must follow.
  attach(ms = 500) {
    this.machine.vbus(true);
    if (!this.machine.run(ms, () => this.wire.connected)) throw new Timeout('no pull-up');
    this.reset();
  }

  detach() {
    this.machine.vbus(false);
    this.address = 0;
  }

  reset() {
    this.machine.run(2.5);
    this.wire.busReset();
    this.address = 0;
    this.machine.run(10);
  }

  // Ask until it is no longer NAK.
  insist(ms, once) {
    const end = this.machine.ms + ms;
    for (;;) {
      const got = once();
      const answer = got.answer ?? got;
      if (answer === 'ack') {
        this.machine.run(PACKET_MS);
        return got;
      }
      if (answer === 'stall') throw new Stall('STALL');
      if (answer === 'none') throw new Timeout('no answer');
      if (this.machine.ms >= end) throw new Timeout('NAK');
      this.machine.run(RETRY_MS);
    }
  }

  in(endpoint, ms = 500) { return this.insist(ms, () => this.wire.in(this.address, endpoint)).data; }
  out(endpoint, data, ms = 500) { this.insist(ms, () => this.wire.out(this.address, endpoint, data)); }

  control(setup, data = Buffer.alloc(0), ms = 500) {
    const len = setup[6] | (setup[7] << 8);
    if (this.wire.setup(this.address, setup) !== 'ack') throw new Timeout('no answer to SETUP');
    this.machine.run(0.01);
    if (setup[0] & 0x80 && len) {
      let got = Buffer.alloc(0);
      for (;;) {
        const packet = this.in(0, ms);
        got = Buffer.concat([got, packet]);
        if (got.length > len) throw new Error(`device sends ${got.length} of ${len} bytes`);
        if (packet.length < 64 || got.length === len) break;
      }
      this.out(0, Buffer.alloc(0), ms);
      return got;
    }
    for (let at = 0; at < len; at += 64) this.out(0, data.subarray(at, at + 64), ms);
    const packet = this.in(0, ms);
    if (packet.length) throw new Error('status stage with data');
    return packet;
  }

  descriptor(type, index, len, language = 0) {
    return this.control([0x80, 6, index, type, language & 255, language >> 8, len & 255, len >> 8]);
  }

  string(index) {
    return this.descriptor(3, index, 255, 0x409).subarray(2).toString('utf16le');
  }

  // As Linux does it. Leaves the device configured.
  enumerate(address = 5) {
    this.descriptor(1, 0, 8);
    this.reset();
    this.control([0, 5, address, 0, 0, 0, 0, 0]);
    this.machine.run(10);
    this.address = address;
    const device = this.descriptor(1, 0, 18);
    const head = this.descriptor(2, 0, 9);
    const config = this.descriptor(2, 0, head.readUInt16LE(2));
    const strings = [device[14], device[15], device[16]].filter(Boolean).map((i) => this.string(i));
    this.control([0, 9, config[5], 0, 0, 0, 0, 0]);
    this.wire.last.fill(null, 2);
    return { device, config, strings };
  }

  // Returns how many bytes were taken until it said NAK for ms.
  write(endpoint, data, ms = 1000) {
    let at = 0;
    try {
      do {
        this.out(endpoint, data.subarray(at, at + 64), ms);
        at = Math.min(at + 64, data.length);
      } while (at < data.length);
    } catch (e) {
      if (!(e instanceof Timeout)) throw e;
    }
    return at;
  }
}
