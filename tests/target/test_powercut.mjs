// The power goes at random moments of the release image, most of them in the middle of a flash operation. What was
// committed is there afterwards, nothing else is, and the log takes more. TOCSIN_TARGET_CUTS (20) says how often,
// TOCSIN_TARGET_SEED (1) which.
import { equal, finish, number, test } from './check.mjs';
import { Round } from './powercut.mjs';

const CUTS = number('TOCSIN_TARGET_CUTS', 20);
const SEED = number('TOCSIN_TARGET_SEED', 1);
const CUTS_A_FLASH = 40; // then a new one: reading a long log out costs time

test(`${CUTS} losses of power lose nothing committed and invent nothing`, () => {
  const kinds = { erase: 0, program: 0, null: 0 };
  let round;
  for (let i = 0; i < CUTS; i++) {
    if (i % CUTS_A_FLASH === 0) {
      if (round) equal(round.m.finish().length, 0, `violations (${round.m.violations[0]})`);
      round = new Round(SEED + i);
    }
    kinds[round.cut()]++;
    if (i % 50 === 49) console.log(`     ${i + 1} cuts`);
  }
  return `${kinds.erase} in an erase, ${kinds.program} in a program, seed ${SEED}`;
});

finish();
