// A PL011 that takes its time: queues of 32, shift registers, overruns, break, receive timeout, and a transmit
// interrupt that comes when the queue falls through its level and at no other time.
import { BasePeripheral } from './emulator.mjs';

const RX = 1 << 4;
const TX = 1 << 5;
const TIMEOUT = 1 << 6;
const DEPTH = 32;
const LEVELS = [4, 8, 16, 24, 28];
const FRAMING = 0x100;
const BREAK = 0x400;
const OVERRUN = 0x800;
export const LINE_BREAK = 0x10000; // for feed(): not a byte, a break
export const BAD_STOP = 0x20000; // for feed(), added to a byte: without its stop bit

export class Pl011 extends BasePeripheral {
  constructor(rp, name, irq, violations) {
    super(rp, name);
    Object.assign(this, { irq, violations, ibrd: 0, fbrd: 0, divisor: 0, lcr: 0, cr: 0x300, ifls: 0x12, imsc: 0, ris: 0 });
    this.sending = [];
    this.shifting = false;
    this.queue = [];
    this.overran = false;
    this.wire = [];
    this.wireAt = 0;
    this.wireBusy = false;
    this.lineBaud = 115200;
    this.overruns = 0;
    this.onByte = null;
    this.txAlarm = rp.clock.createAlarm(() => this.sent());
    this.rxAlarm = rp.clock.createAlarm(() => this.arrived());
    this.timeout = rp.clock.createAlarm(() => this.raise(this.queue.length ? TIMEOUT : 0));
  }

  get baud() { return this.divisor ? (this.rp2040.clkPeri * 4) / this.divisor : 0; }
  level(shift) { return LEVELS[Math.min((this.ifls >> shift) & 7, 4)]; }
  raise(bits) {
    this.ris |= bits;
    this.rp2040.setInterrupt(this.irq, !!(this.ris & this.imsc));
  }

  lower(bits) {
    this.ris &= ~bits;
    this.raise(0);
  }

  rightBaud() { return Math.abs(this.baud / this.lineBaud - 1) < 0.03; }

  startSending() {
    if (this.shifting || !this.sending.length || (this.cr & 0x101) !== 0x101) return;
    this.shifting = true;
    this.byte = this.sending.shift();
    if (this.sending.length === this.level(0)) this.raise(TX);
    this.txAlarm.schedule(10e9 / this.baud);
  }

  sent() {
    this.shifting = false;
    if (!this.rightBaud()) this.violations.push(`${this.name}: sends at ${Math.round(this.baud)} baud`);
    this.onByte?.(this.byte);
    this.startSending();
  }

  // Put bytes on the wire, one behind the other at lineBaud.
  feed(data) {
    const add = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    for (const byte of add) this.wire.push(byte);
    if (!this.wireBusy && this.wire.length > this.wireAt) this.nextOnWire();
  }

  get idle() { return !this.wireBusy; }

  nextOnWire() {
    this.wireBusy = true;
    this.rxAlarm.schedule(10e9 / this.lineBaud);
  }

  arrived() {
    const symbol = this.wire[this.wireAt++];
    this.wireBusy = false;
    if (this.wireAt < this.wire.length) this.nextOnWire();
    else {
      this.wire = [];
      this.wireAt = 0;
    }
    if ((this.cr & 0x201) !== 0x201) return;
    let entry = symbol & 255;
    if (symbol & LINE_BREAK) entry = FRAMING | BREAK;
    else if (symbol & BAD_STOP || !this.rightBaud()) entry |= FRAMING;
    this.queueUp(entry);
  }

  queueUp(entry) {
    if (this.queue.length >= DEPTH) {
      this.overran = true;
      this.overruns++;
      return;
    }
    this.queue.push(entry | (this.overran ? OVERRUN : 0));
    this.overran = false;
    if (this.queue.length >= this.level(3)) this.raise(RX);
    this.timeout.schedule(32e9 / this.lineBaud);
  }

  take() {
    if (!this.queue.length) {
      this.violations.push(`${this.name}: read of an empty queue`);
      return 0;
    }
    const entry = this.queue.shift();
    if (this.queue.length < this.level(3)) this.lower(RX);
    if (!this.queue.length) {
      this.timeout.cancel();
      this.lower(TIMEOUT);
    }
    return entry;
  }

  readUint32(offset) {
    switch (offset) {
      case 0x00: return this.take();
      case 0x18:
        return (this.sending.length ? 0 : 0x80) | (this.queue.length >= DEPTH ? 0x40 : 0) |
          (this.sending.length >= DEPTH ? 0x20 : 0) | (this.queue.length ? 0 : 0x10) |
          (this.shifting || this.sending.length ? 8 : 0);
      case 0x24: return this.ibrd;
      case 0x28: return this.fbrd;
      case 0x2c: return this.lcr;
      case 0x30: return this.cr;
      case 0x34: return this.ifls;
      case 0x38: return this.imsc;
      case 0x3c: return this.ris;
      case 0x40: return this.ris & this.imsc;
      default:
        this.violations.push(`${this.name}: read of ${offset.toString(16)}`);
        return 0;
    }
  }

  writeUint32(offset, value) {
    switch (offset) {
      case 0x00: this.send(value & 255); break;
      case 0x24: this.ibrd = value & 0xffff; break;
      case 0x28: this.fbrd = value & 63; break;
      case 0x2c: // the divisor is taken over with this one (4.2.7.1)
        this.lcr = value & 255;
        this.divisor = this.ibrd * 64 + this.fbrd;
        if (this.lcr !== 0x70) this.violations.push(`${this.name}: frames are not 8n1 with queues`);
        break;
      case 0x30: this.cr = value; this.startSending(); break;
      case 0x34: this.ifls = value; break;
      case 0x38: this.imsc = value & 0x7ff; this.raise(0); break;
      case 0x44: this.lower(this.rawWriteValue); break;
      default: this.violations.push(`${this.name}: write of ${offset.toString(16)}`);
    }
  }

  send(byte) {
    if (this.sending.length >= DEPTH) this.violations.push(`${this.name}: byte written to a full queue`);
    if (!(this.cr & 0x100)) this.violations.push(`${this.name}: byte written, and the transmitter is off`);
    this.sending.push(byte);
    if (this.sending.length > this.level(0)) this.lower(TX);
    this.startSending();
  }
}
