/** Assembles src/learn/simd/kernels.wat into module.ts: `npm run simd`, after a change to the text. */
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const folder = new URL('../src/learn/simd/', import.meta.url);
const { parseWat } = await wabt();
const parsed = parseWat('kernels.wat', readFileSync(new URL('kernels.wat', folder), 'utf8'), { simd: true });
const code = Buffer.from(parsed.toBinary({}).buffer).toString('base64');
const lines = code.match(/.{1,96}/g) ?? [];
writeFileSync(
  new URL('module.ts', folder),
  `/** kernels.wat as WebAssembly, base64; made by scripts/build-simd.js. */
export const MODULE = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`,
);
