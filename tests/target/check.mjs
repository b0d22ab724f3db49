// The least that a test on the emulated board needs: tests are sentences, each with machines of its own, and no machine
// may end with a violation.
import path from 'node:path';
import { Machine } from './machine.mjs';

export const image = (name) => path.join(process.env.TOCSIN_BIN, `${name}.bin`);
export const number = (variable, otherwise) => Number(process.env[variable] ?? otherwise);

let machines = [];

export function machine(name, options) {
  const made = new Machine(image(name), options);
  made.name = name;
  machines.push(made);
  return made;
}

// The machines so far shall have violations.
export function forget() { machines = []; }

export function check(condition, what) {
  if (!condition) throw new Error(`not true: ${what}`);
}

export function equal(got, want, what) {
  if (got !== want) throw new Error(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
}

const tests = [];
export function test(sentence, body) { tests.push([sentence, body]); }

function runOne(sentence, body) {
  const began = process.cpuUsage();
  machines = [];
  try {
    const said = body();
    for (const m of machines) {
      const violations = m.finish();
      if (violations.length) throw new Error(`${violations.length} violations:\n  ${violations.slice(0, 10).join('\n  ')}`);
    }
    const ms = machines.reduce((sum, m) => sum + m.ms, 0);
    const cpu = process.cpuUsage(began).user / 1e6;
    console.log(`ok   ${sentence}${said ? `: ${said}` : ''} (${(ms / 1000).toFixed(1)} s of the board, ${cpu.toFixed(1)} s of ours)`);
    return true;
  } catch (e) {
    console.log(`FAIL ${sentence}: ${e.stack}`);
    for (const m of machines) {
      if (m.violations.length) console.log(`  violations:\n  ${m.violations.slice(0, 10).join('\n  ')}`);
    }
    return false;
  }
}

export function finish() {
  const passed = tests.filter(([sentence, body]) => runOne(sentence, body)).length;
  console.log(`${passed} passed, ${tests.length - passed} failed`);
  process.exit(passed === tests.length && passed > 0 ? 0 : 1);
}
