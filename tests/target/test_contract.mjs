// The contract of hal/include (tests/contract/hal/README.md) on the emulated board; this is the peer at the far end.
import { check, equal, finish, machine, test } from './check.mjs';

const SERVER = 1;
const CONSOLE = 0;

// What is asked, and done for it. Returns the answer, or null when none is wanted.
function serve(m, question) {
  const [what, where, value] = question.split(' ');
  switch (`${what} ${where}`) {
    case 'send s':
    case 'send c':
      m.uart[where === 's' ? SERVER : CONSOLE].feed(Buffer.from(value, 'hex'));
      return null;
    case 'flood s':
      m.uart[SERVER].feed(Uint8Array.from({ length: Number(value) }, (_, i) => i & 255));
      return 'ok';
    case 'see lamp': return m.lamp() ? '1' : '0';
    case 'see relay': return m.relay() ? '1' : '0';
    case 'set button': m.button(value === '1'); return 'ok';
    case 'set dtr': m.dtr(value === '1'); return 'ok';
    default: throw new Error(`what is "${question}"?`);
  }
}

test('the port keeps the contract of hal/include', () => {
  const m = machine('contract', { flash: { mayProgramOnes: true } });
  m.mayFault = true;
  const lines = [];
  let line = '';
  m.onUart[CONSOLE] = (byte) => {
    if (byte !== 10) {
      line += String.fromCharCode(byte);
      return;
    }
    lines.push(line);
    if (line.startsWith('> ')) {
      const answer = serve(m, line.slice(2));
      if (answer) m.uart[CONSOLE].feed(`${answer}\n`);
    }
    line = '';
  };
  check(m.run(60000, () => lines.includes('contract: end')), `an end, not ${JSON.stringify(lines.slice(-5))}`);
  const bad = lines.filter((l) => /^(FAIL|skip|line) /.test(l));
  check(bad.length === 0, `all is kept:\n${bad.join('\n')}`);
  equal(lines.filter((l) => l === 'contract: begin').length, 4, 'lives');
  equal(m.resets, 3, 'resets');
  equal(m.faults.length, 1, 'faults');
  return `${lines.filter((l) => l.startsWith('ok ')).length} kept`;
});

finish();
