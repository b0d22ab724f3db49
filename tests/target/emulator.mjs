// The npm package, from the build tree it was put into (CMakeLists.txt): the checkout holds none of it.
import { createRequire } from 'node:module';
import path from 'node:path';

const tree = process.env.TOCSIN_TARGET;
if (!tree) throw new Error('TOCSIN_TARGET names no folder: run this by ctest');
const require = createRequire(path.join(tree, 'package.json'));
export const { RP2040, BasePeripheral } = require('rp2040js');
