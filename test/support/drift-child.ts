import { readFileSync } from 'node:fs';
import { describeDrift } from '../../src/drift/describe.js';
import { measureDrift } from '../../src/drift/measure.js';
import { openWeights } from '../../src/weights/open.js';

/**
 * A program of its own that compares the two GGUF files it is given: says how often that went well, and whether (Linux) the library of
 * the block formats was still in memory when the first workers had ended.
 */
const [base, moved] = await Promise.all(process.argv.slice(2).map(openWeights));
await measureDrift(base, moved, { threads: 2 });
const held = process.platform === 'linux' && /ggml-base/.test(readFileSync('/proc/self/maps', 'utf8'));
let compared = 0;
for (; compared < 3; compared++) await describeDrift(base, moved, [3, 50, 100], { seed: 1, threads: 2 });
process.stdout.write(JSON.stringify({ compared, held }));
