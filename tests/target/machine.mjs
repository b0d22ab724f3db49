// One board: rp2040js for the core, its clocks, pins and the like, models of our own where it is too kind or has none.
// Everything that silicon would not do, or do wrong without a word, is pushed to `violations`; a test ends with none.
//
// A reset is a new RP2040 that takes over time, flash, RAM and the watchdog's scratch registers. The boot ROM is played
// here: it looks for a sound boot2 in flash, 128 times, 4.3 ms each, and runs it (RP2040 datasheet, 2.8.1).
import fs from 'node:fs';
import { RP2040, BasePeripheral } from './emulator.mjs';
import { Chip, IoQspi, Ssi } from './flash.mjs';
import { Pl011 } from './pl011.mjs';
import { UsbController } from './usb.mjs';

const ROSC_HZ = 6.5e6;
const BOOT_TRIES = 128;
const BOOT_TRY_NS = 4.3e6;
const BOOT2_AT = 0x20041f00;
const RAM = 0x20000000;
const RAM_GRANTED = 64 * 1024;
const STACK_TOP = RAM + 2048;
const FLASH_LENGTH = 16 << 20;
const PIN = { button: 14, dtr: 6, vbus: 24, lamp: 25, lampFar: 16, relay: 15, serverTx: 4 };
const FUNCTION_NONE = 0x1f;
const WDSEL = 0x1fffc;
const HALT = 0x20041ffe; // where nothing of the image lies

// Block in the address map, by address >> 14 << 2, and its bit in RESETS.
const RESET_BITS = {
  0x40014: 5, 0x40018: 6, 0x4001c: 8, 0x40020: 9, 0x40028: 12, 0x4002c: 13, 0x40034: 22, 0x40038: 23, 0x4003c: 16,
  0x40040: 17, 0x40044: 3, 0x40048: 4, 0x4004c: 0, 0x40050: 14, 0x40054: 21, 0x4005c: 15, 0x50000: 2, 0x50110: 24,
  0x50200: 10, 0x50300: 11,
};
const OUT_OF_RESET_BY_ROM = (1 << 6) | (1 << 9);

export function random(seed) {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

function boot2Sound(block) {
  let sum = 0xffffffff;
  for (let i = 0; i < 252; i++) {
    sum ^= block[i] << 24;
    for (let bit = 0; bit < 8; bit++) sum = sum < 0 ? (sum << 1) ^ 0x04c11db7 : sum << 1;
  }
  return sum >>> 0 === Buffer.from(block).readUInt32LE(252);
}

// TIMER counts only once the watchdog's tick runs, and from 0.
class Timer extends BasePeripheral {
  constructor(rp, ticking) {
    super(rp, 'TIMER');
    Object.assign(this, { ticking, start: null, raw: 0, inte: 0 });
    this.alarm = rp.clock.createAlarm(() => { this.raw |= 1; this.update(); });
  }

  get us() {
    if (this.start === null) {
      if (!this.ticking()) return 0;
      this.start = this.rp2040.clock.nanos;
    }
    return Math.floor((this.rp2040.clock.nanos - this.start) / 1000);
  }

  update() { this.rp2040.setInterrupt(0, !!(this.raw & this.inte & 1)); }

  readUint32(offset) {
    switch (offset) {
      case 0x24: return Math.floor(this.us / 2 ** 32);
      case 0x28: return this.us >>> 0;
      case 0x34: return this.raw;
      case 0x38: return this.inte;
      default: throw new Error(`TIMER: read of ${offset.toString(16)}`);
    }
  }

  writeUint32(offset, value) {
    switch (offset) {
      case 0x10: {
        const us = (value - this.us) >>> 0;
        this.alarm.schedule((us || 2 ** 32) * 1000); // an alarm on this very microsecond has been missed
        break;
      }
      case 0x34: this.raw &= ~this.rawWriteValue; break;
      case 0x38: this.inte = value; break;
      default: throw new Error(`TIMER: write of ${offset.toString(16)}`);
    }
    this.update();
  }
}

class Constants extends BasePeripheral {
  constructor(rp, name, values) {
    super(rp, name);
    this.values = values;
  }

  readUint32(offset) {
    const value = this.values[offset];
    if (value === undefined) return super.readUint32(offset);
    return typeof value === 'function' ? value() : value;
  }
}

export class Machine {
  constructor(image, { seed = 1, flash = {}, button = false } = {}) {
    this.violations = [];
    this.random = random(seed);
    this.resets = 0; // by the watchdog
    this.faults = [];
    this.mayFault = false;
    this.instructions = 0;
    this.deepest = Infinity; // the stack pointer
    this.levels = { [PIN.button]: !button, [PIN.dtr]: true, [PIN.vbus]: false };
    this.uartOut = [[], []];
    this.onUart = [null, null];
    this.chip = new Chip(flash);
    this.chip.mem.set(typeof image === 'string' ? fs.readFileSync(image) : image, 0);
    this.powerOn();
  }

  get ms() { return this.clock.nanos / 1e6; }
  get cycles() { return this.cycleCount; }
  text(uart) { return Buffer.from(this.uartOut[uart]).toString('latin1'); }
  lamp() { return this.pinHigh(PIN.lamp); }
  relay() { return this.pinHigh(PIN.relay); }
  pinHigh(pin) { return this.rp.gpio[pin].outputEnable && this.rp.gpio[pin].outputValue; }
  button(pressed) { this.level(PIN.button, !pressed); }
  dtr(ready) { this.level(PIN.dtr, !ready); }
  vbus(on) { this.level(PIN.vbus, on); }

  level(pin, high) {
    this.levels[pin] = high;
    this.rp.gpio[pin].setInputValue(high);
  }

  powerOn() {
    const noise = new Uint8Array(264 * 1024);
    for (let i = 0; i < noise.length; i++) noise[i] = (i * 131 + 89) & 255;
    this.start({ sram: noise, scratch: new Uint32Array(8), reason: 0, hadRun: false });
  }

  powerCycle(offMs = 1) {
    const kind = this.chip.cut(this.random);
    this.offMs = offMs;
    this.powerOn();
    return kind;
  }

  pinReset() { this.start({ sram: this.rp.sram, scratch: new Uint32Array(8), reason: 0, hadRun: true }); }

  start(from) {
    const nanos = this.clock?.nanos ?? 0;
    const rp = new RP2040();
    this.rp = rp;
    this.clock = rp.clock;
    rp.clock.nanosCounter = nanos + (this.offMs ?? 0) * 1e6;
    this.offMs = 0;
    this.cycleCount = 0;
    rp.clkSys = rp.clkPeri = ROSC_HZ;
    rp.sram.set(from.sram);
    const complain = (name, message) => this.violations.push(`${name}: ${message}, pc ${rp.core.PC.toString(16)}`);
    rp.logger = { debug() {}, info() {}, warn: complain, error: complain };
    this.chip.attach(rp.clock, this.violations);
    this.placeBlocks(rp, from);
    this.refuseXip(rp);
    this.mendCore(rp);
    for (const [pin, high] of Object.entries(this.levels)) rp.gpio[pin].setInputValue(high);
    this.resetWanted = false;
    this.bootTries = 0;
    this.booted = false;
    this.nextTry = rp.clock.nanos + BOOT_TRY_NS;
    this.startedAt = rp.clock.nanos;
  }

  placeBlocks(rp, from) {
    const v = this.violations;
    const p = rp.peripherals;
    const watchdog = p[0x40058];
    watchdog.scratchData.set(from.scratch);
    watchdog.reason = from.reason;
    watchdog.tickEnable = false;
    watchdog.onWatchdogTrigger = () => {
      watchdog.alarm.enable = watchdog.timer.enable = false; // else the expired alarm comes again for ever
      if (p[0x40010].readUint32(8) !== WDSEL) v.push('watchdog: WDSEL leaves something that is not reset');
      this.resetWanted = true;
    };
    this.ssi = new Ssi(rp, this.chip, v);
    p[0x18000] = this.ssi;
    p[0x40018] = new IoQspi(rp, this.ssi);
    this.uart = [0, 1].map((i) => new Pl011(rp, `UART${i}`, 20 + i, v));
    this.uart.forEach((uart, i) => {
      uart.onByte = (byte) => {
        this.uartOut[i].push(byte);
        this.onUart[i]?.(byte);
      };
    });
    [p[0x40034], p[0x40038]] = this.uart;
    this.usb = new UsbController(rp, v);
    rp.usbCtrl = p[0x50110] = this.usb;
    p[0x40054] = new Timer(rp, () => watchdog.tickEnable);
    p[0x40060] = new Constants(rp, 'ROSC', { 0x1c: () => (this.random() < 0.5 ? 1 : 0) });
    p[0x40064] = new Constants(rp, 'VREG_AND_CHIP_RESET', { 0x08: from.hadRun ? 1 << 16 : 1 << 8 });
    this.gateResets(rp);
  }

  // rp2040js keeps what is in reset and lets it work all the same.
  gateResets(rp) {
    const v = this.violations;
    const resets = rp.peripherals[0x4000c];
    resets.reset = 0x1ffffff & ~OUT_OF_RESET_BY_ROM;
    Object.defineProperty(resets, 'reset_done', { get() { return ~this.reset & 0x1ffffff; } });
    for (const [base, bit] of Object.entries(RESET_BITS)) {
      const block = rp.peripherals[base];
      const held = (what) => {
        if (!((resets.reset >> bit) & 1)) return false;
        v.push(`${block.name}: ${what} while in reset, pc ${rp.core.PC.toString(16)}`);
        return true;
      };
      rp.peripherals[base] = {
        readUint32: (offset) => (held(`read of ${offset.toString(16)}`) ? 0 : block.readUint32(offset)),
        writeUint32Atomic: (offset, value, type) => {
          if (!held(`write of ${offset.toString(16)}`)) block.writeUint32Atomic(offset, value, type);
        },
      };
    }
  }

  // Nothing of ours reads, runs or writes through the XIP window.
  refuseXip(rp) {
    const refuse = (what) => {
      this.violations.push(`XIP: ${what}, pc ${rp.core.PC.toString(16)}`);
      return 0xdededede;
    };
    rp.flash = new Proxy({}, { get: (_, key) => (key === 'length' ? FLASH_LENGTH : refuse('byte read') & 255) });
    rp.flashView = {
      getUint32: () => refuse('word read'),
      getUint16: () => refuse('fetch or halfword read') & 0xffff,
      setUint32: () => refuse('store'),
    };
  }

  mendCore(rp) {
    const core = rp.core;
    const stock = core.checkForInterrupts.bind(core);
    core.checkForInterrupts = () => { // with PRIMASK set, WFI ends and no handler runs (ARMv6-M, B1.5.17)
      if (!core.waiting || !core.PM) return stock();
      if (core.pendingInterrupts & core.enabledInterrupts) core.waiting = false;
      return !core.waiting;
    };
    rp.onBreak = () => this.fault('undefined instruction');
  }

  fault(what) {
    const { core } = this.rp;
    this.faults.push({ what, pc: core.PC });
    if (!this.mayFault) this.violations.push(`fault: ${what}, pc ${core.PC.toString(16)}`);
    this.faultPending = true;
  }

  bootRom() {
    this.bootTries++;
    const boot2 = this.chip.mem.slice(0, 256);
    if (!this.chip.busy && boot2Sound(boot2)) {
      const { core } = this.rp;
      this.rp.sram.set(boot2, BOOT2_AT - RAM);
      core.PC = BOOT2_AT;
      core.SP = RAM + 0x42000;
      core.LR = 0;
      this.booted = true;
      return;
    }
    this.nextTry += BOOT_TRY_NS;
    if (this.bootTries === BOOT_TRIES) {
      this.violations.push('boot ROM: no sound boot2; waits for a drag and drop for ever');
      this.nextTry = Infinity;
    }
  }

  // One instruction, or the sleep to the next event, at most to `end`.
  step(end) {
    const { rp, clock } = this;
    const { core } = rp;
    if (!this.booted) {
      clock.tick(Math.max(0, Math.min(this.nextTry, end) - clock.nanos));
      if (clock.nanos >= this.nextTry) this.bootRom();
      return;
    }
    if (core.waiting) {
      const next = clock.nextAlarm ? Math.min(clock.nanosToNextAlarm, end - clock.nanos) : end - clock.nanos;
      clock.tick(Math.max(next, 0));
      if (core.checkForInterrupts()) core.waiting = false;
    } else {
      const cycles = core.executeInstruction();
      this.instructions++;
      this.cycleCount += cycles;
      clock.tick(cycles * (1e9 / rp.clkSys));
      const sp = core.registers[13];
      if (sp < this.deepest && sp < RAM + RAM_GRANTED) this.deepest = sp;
    }
    if (this.faultPending) {
      this.faultPending = false;
      core.exceptionEntry(3);
      core.PC &= ~1;
    }
    if (this.resetWanted) {
      const watchdog = rp.peripherals[0x40058];
      this.resets++;
      this.checkPins();
      this.start({ sram: rp.sram, scratch: watchdog.scratchData, reason: watchdog.reason, hadRun: false });
    }
  }

  // Run for ms of the board's time, or until `until` holds. True when it does.
  run(ms, until) {
    const end = this.clock.nanos + ms * 1e6;
    let look = 0;
    while (this.clock.nanos < end) {
      this.step(end);
      if (until && (this.rp.core.waiting || (++look & 31) === 0) && until()) return true;
    }
    return until ? until() : true;
  }

  // What a function of the image that only looks returns now. Nothing is changed by it but the time.
  call(address) {
    const { core } = this.rp;
    const before = { registers: core.registers.slice(), apsr: core.APSR, masked: core.PM, waiting: core.waiting };
    core.PM = true;
    core.waiting = false;
    core.PC = address & ~1;
    core.LR = HALT | 1;
    while ((core.PC & ~1) >>> 0 !== HALT) core.executeInstruction();
    const result = core.registers[0];
    core.registers.set(before.registers);
    core.APSR = before.apsr;
    core.PM = before.masked;
    core.waiting = before.waiting;
    core.interruptsUpdated = true;
    return result;
  }

  // The server's line goes one way: its pin belongs to nobody.
  checkPins() {
    const pin = this.rp.gpio[PIN.serverTx];
    if ((pin.ctrl & 31) !== FUNCTION_NONE || pin.outputEnable) this.violations.push('the server\'s TX pin is connected');
    if (this.uartOut[1].length) this.violations.push('bytes went to the server');
  }

  // Bytes of stack that were in use at most. The linker script puts it at the bottom of RAM.
  get stackUsed() { return STACK_TOP - this.deepest; }

  finish() {
    this.checkPins();
    if (this.deepest < RAM) this.violations.push(`stack: ${this.stackUsed} bytes, below RAM`);
    return this.violations;
  }
}
