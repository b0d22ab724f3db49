// hal/rp2040 itself, by the image `probe` (probe.c): start, lines, flash, pins, faults, resets.
import { check, equal, finish, machine, test } from './check.mjs';
import { BAD_STOP, LINE_BREAK } from './pl011.mjs';
import { Host, Stall } from './usb.mjs';

const SERVER = 1;
const CONSOLE = 0;
const HELLO = 'hello\ncause 00000000\nserial D66412349BCDEF01\nclock ok\nflash 001f0000\npower 00000000\n';

function started(options) {
  const m = machine('probe', options);
  check(m.run(100, () => m.text(CONSOLE) === HELLO), `hello within 100 ms, not ${JSON.stringify(m.text(CONSOLE))}`);
  return m;
}

function ask(m, letter, ms = 300) {
  m.uartOut[CONSOLE] = [];
  m.uart[CONSOLE].feed(letter);
  m.run(ms);
  return m.text(CONSOLE);
}

const value = (text, name) => parseInt(text.match(new RegExp(`${name} ([0-9a-f]{8})`))?.[1], 16);

test('it starts at 48 MHz and says hello', () => {
  const m = started();
  equal(m.rp.clkSys, 48e6, 'processor clock');
});

test('flash is erased, programmed and read back', () => equal(ask(started(), 'f'), 'flash ok\n', 'answer'));

test('an erase that takes its longest is waited for', () => {
  equal(ask(started({ flash: { erase: 400e6, program: 3e6 } }), 'f', 800), 'flash ok\n', 'answer');
});

test('an erase that an earlier life left behind is waited for', () => {
  const m = started({ flash: { erase: 400e6 } });
  m.uart[CONSOLE].feed('f');
  check(m.run(50, () => m.chip.busy), 'the erase begins');
  m.pinReset();
  m.uartOut[CONSOLE] = [];
  m.run(600);
  check(m.text(CONSOLE).startsWith('hello\ncause 00000001\n'), 'it starts all the same, and knows the pin');
});

test('two starts draw different numbers', () => {
  const draw = (seed) => value(ask(started({ seed }), 'r'), 'random');
  check(draw(1) !== draw(2), 'the numbers differ');
});

test('lamp and relay are off until they are set, and the button is read', () => {
  const m = started();
  check(!m.lamp() && !m.relay(), 'both off');
  equal(ask(m, 'l'), 'on\n', 'answer');
  check(m.lamp() && m.relay(), 'both on');
  equal(ask(m, 'b'), 'button off\n', 'released');
  m.button(true);
  equal(ask(m, 'b'), 'button on\n', 'pressed');
});

test('what the server sends comes out of the console, to the byte', () => {
  const m = started();
  m.uartOut[CONSOLE] = [];
  const sent = Array.from({ length: 20000 }, () => Math.floor(m.random() * 256));
  m.uart[SERVER].feed(sent);
  m.run(2000);
  check(Buffer.from(sent).equals(Buffer.from(m.uartOut[CONSOLE])), 'the bytes are the same');
  equal(m.uart[SERVER].overruns, 0, 'overruns');
});

test('breaks and bytes without a stop bit are not passed on', () => {
  const m = started();
  m.uartOut[CONSOLE] = [];
  m.uart[SERVER].feed([0x41, LINE_BREAK, 0x42, 0x43 | BAD_STOP, 0x44]);
  m.run(50);
  equal(m.text(CONSOLE), 'ABD', 'passed on');
});

test('at 3 Mbaud what is lost is counted', () => {
  const m = started();
  m.uart[SERVER].lineBaud = 3e6;
  m.uart[CONSOLE].feed('u');
  check(m.run(100, () => m.text(CONSOLE).endsWith('now\n')), 'it listens');
  const sent = 60000; // 200 ms
  m.uart[SERVER].feed(new Uint8Array(sent).fill(0x55));
  m.run(1200);
  const taken = value(m.text(CONSOLE), 'taken');
  equal(taken + m.uart[SERVER].overruns, sent, 'taken and lost');
  check(m.uart[SERVER].overruns === 0 || value(m.text(CONSOLE), 'overruns') > 0, 'losses are told');
  return `${taken} of ${sent} bytes taken, ${m.uart[SERVER].overruns} lost`;
});

test('a loop that hangs is reset, and the cause is told', () => {
  const m = started();
  const said = ask(m, 'h', 700);
  equal(m.resets, 1, 'resets');
  check(said.startsWith('hello\ncause 00000002\n'), 'cause is the watchdog');
});

test('a fault leaves where it was, and starts again', () => {
  const m = started();
  m.mayFault = true;
  const said = ask(m, 'x');
  equal(m.faults.length, 1, 'faults');
  check(said.startsWith('hello\ncause 00000003\nwhat 00000001\n'), 'cause is a fault');
  equal(value(said, 'where') & ~3, m.faults[0].pc & ~3, 'where');
  check(!ask(m, 'h', 700).includes('what'), 'the note is told once');
});

test('a note of the caller\'s comes through a reset', () => {
  const said = ask(started(), 'n');
  check(said.includes('what 00000007\nwhere 00001234\nfrom 00005678\n'), 'the note');
});

test('without VBUS there is no pull-up, and what it does not know is stalled', () => {
  const m = started();
  m.run(20);
  check(!m.usb.connected, 'no pull-up yet');
  const host = new Host(m);
  host.attach();
  for (let i = 0; i < 3; i++) {
    try {
      host.descriptor(1, 0, 18);
      check(false, 'no answer');
    } catch (e) {
      check(e instanceof Stall, 'a stall');
    }
  }
  host.detach();
  m.run(50);
  check(!m.usb.connected, 'pull-up gone');
  check(m.text(CONSOLE).endsWith('power 00000001\nbus reset\npower 00000000\n'), 'both were told');
});

finish();
