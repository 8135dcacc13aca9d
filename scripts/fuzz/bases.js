/** The undamaged files that are changed: of each kind some that differ in what their readers take different ways for. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const dist = (path) => import(new URL(`../../dist/${path}`, import.meta.url));

const { npyHeader } = await dist('src/formats/npy.js');
const { layOutSafetensors } = await dist('src/formats/safetensors.js');
const { parquet } = await dist('test/support/parquet.js');
const { CODEC, ENCODING, rawParquet } = await dist('test/support/raw-parquet.js');
const { detectorOf } = await dist('test/support/detector.js');
const { writeTinyModel } = await dist('test/support/tiny-models.js');
const { PICKLES } = await dist('test/exchange/pickles.js');

/** File name extension of each kind. */
export const EXTENSIONS = {
  parquet: 'parquet',
  npy: 'npy',
  safetensors: 'safetensors',
  pickle: 'pkl',
  csv: 'csv',
  json: 'json',
  jsonl: 'jsonl',
  judged: 'jsonl',
  detector: 'json',
  gguf: 'gguf',
  template: 'gguf',
};
export const KINDS = Object.keys(EXTENSIONS);

/** Rows and columns of the feature files, which go with 8 labels. */
const ROWS = 8;
const COLUMNS = 6;
const values = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => ((i * 7919) % 97) / 50);

const records = Array.from({ length: 12 }, (_, i) => ({
  id: `q${i}`,
  question: `What is the name of thing ${i}?`,
  aliases: [`thing ${i}`, 'Ding é'],
  relation: i % 2 ? 'name' : 'place',
}));
const jsonl = (list) => Buffer.from(list.map((one) => `${JSON.stringify(one)}\n`).join(''));
const csv = (list) =>
  Buffer.from(
    `${Object.keys(list[0]).join(',')}\n${list
      .map((one) =>
        Object.values(one)
          .map((cell) => `"${(Array.isArray(cell) ? cell.join('|') : String(cell)).replaceAll('"', '""')}"`)
          .join(','),
      )
      .join('\n')}\n`,
  );

function parquetBases() {
  const shapes = {
    id: 'text',
    question: 'text',
    aliases: 'texts',
    relation: 'text',
    n: 'int',
    answer: { aliases: 'texts' },
  };
  const rows = records.map((one, i) => ({ ...one, n: i, answer: i % 3 ? { aliases: ['x'] } : null }));
  const body = Uint8Array.of(1, 0, 0, 0, 97);
  const raw = (page) => rawParquet({ version: 2, size: 2 + body.length, ...page });
  return [
    Buffer.from(parquet(shapes, rows)),
    Buffer.from(parquet(shapes, rows, 5)),
    Buffer.from(parquet({ question: 'text', aliases: 'texts' }, rows)),
    raw({ body }),
    raw({ codec: CODEC.gzip, body: gzipSync(body) }),
    raw({ codec: CODEC.brotli, body: brotliCompressSync(body) }),
    raw({ codec: CODEC.snappy, body: [5, 16, ...body] }),
    raw({ codec: CODEC.lz4Raw, body: [0x50, ...body] }),
    raw({ codec: CODEC.zstd, body: [0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x29, 0, 0, ...body] }),
    rawParquet({
      values: 9,
      encoding: ENCODING.plain,
      body: Array.from({ length: 9 }, () => [...body]).flat(),
    }),
    rawParquet({ encoding: ENCODING.deltaLength, body: [128, 1, 4, 1, 2, 97] }),
    rawParquet({ encoding: ENCODING.deltaBytes, body: [128, 1, 4, 1, 0, 128, 1, 4, 1, 2, 97] }),
  ].map((bytes) => Buffer.from(bytes));
}

function npyBases() {
  const of = (type, array) => Buffer.concat([npyHeader(type, [ROWS, COLUMNS]), Buffer.from(array.buffer)]);
  const byColumns = of('f4', values);
  byColumns.write(
    byColumns.toString('latin1', 0, 64).replace("'fortran_order': False", "'fortran_order': True "),
    'latin1',
  );
  return [
    of('f4', values),
    of('f8', Float64Array.from(values)),
    of(
      'i8',
      BigInt64Array.from(values, (value) => BigInt(Math.round(100 * value))),
    ),
    of(
      'f2',
      Uint16Array.from(values, (_, i) => 0x3c00 + i),
    ),
    byColumns,
  ];
}

function safetensorsBases() {
  const of = (shapes, data) =>
    Buffer.concat([
      layOutSafetensors(shapes, { key: 'k' }).header,
      ...data.map((one) => Buffer.from(one.buffer)),
    ]);
  const halves = Uint16Array.from(values, (_, i) => 0x3c00 + i);
  const shape = [ROWS, COLUMNS];
  return [
    of({ t: { shape } }, [values]),
    of({ t: { shape, dtype: 'F16' } }, [halves]),
    of({ other: { shape: [0, 4] }, t: { shape }, last: { shape: [2, 3] } }, [values, values.slice(0, 6)]),
  ];
}

async function modelBases(kind) {
  const folder = mkdtempSync(join(tmpdir(), 'hneurons-fuzz-'));
  const path = join(folder, 'model.gguf');
  const models = [];
  const small = { layers: 2, hidden: 32, ffn: 32, contextLength: 256 };
  const variants =
    kind === 'template'
      ? // The spaces behind the template are tokens of the prompt.
        [{ architecture: 'llama', contextLength: 4096 }]
      : [
          { architecture: 'llama' },
          { architecture: 'gemma3' },
          { architecture: 'qwen2' },
          { architecture: 'phi2' },
          { architecture: 'gpt2' },
          { architecture: 'llama', weightType: 'q8_0' },
        ];
  for (const variant of variants) {
    await writeTinyModel(path, { ...small, chatTemplate: TEMPLATE, ...variant });
    models.push(readFileSync(path));
  }
  rmSync(folder, { recursive: true });
  return models;
}

/** Longer than any that a change makes of it, so that a changed one fits into its place in the file. */
export const TEMPLATE_ROOM = 1500;
export const TEMPLATE_TEXT =
  "{{ bos_token }}{% set system = 'Be short.' %}{% for message in messages %}{% if message['role'] == 'user' %}{{ '<start>' + message['role'] + '\\n' }}{{ message['content'] | trim }}{% elif message.role == 'assistant' %}{{ message.content }}{% else %}{{ raise_exception('unknown role') }}{% endif %}{{ '<end>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start>assistant\\n' }}{% endif %}";
const TEMPLATE = TEMPLATE_TEXT.padEnd(TEMPLATE_ROOM, ' ');

const MAKERS = {
  parquet: parquetBases,
  npy: npyBases,
  safetensors: safetensorsBases,
  pickle: () => Object.values(PICKLES).map((text) => Buffer.from(text, 'base64')),
  csv: () => [csv(records)],
  json: () =>
    [records, { questions: records }, { data: records.slice(0, 3) }].map((one) =>
      Buffer.from(JSON.stringify(one)),
    ),
  jsonl: () => [jsonl(records)],
  judged: () => [
    jsonl(records.map((one, i) => ({ ...one, response: `It is thing ${i}.`, label: i % 2 ? 'true' : 0 }))),
  ],
  detector: () => {
    const model = { architecture: 'llama', layers: 2, ffn: 4 };
    return [
      Buffer.from(
        JSON.stringify(
          detectorOf(
            model,
            [
              [0, 1],
              [1, 3],
            ],
            [[1, 0]],
          ),
          null,
          2,
        ),
      ),
    ];
  },
  gguf: () => modelBases('gguf'),
  template: () => modelBases('template'),
};

/** The undamaged files of a kind, and those of a folder with its extension. */
export async function basesOf(kind, folder) {
  const bases = await MAKERS[kind]();
  if (folder === undefined) return bases;
  const names = readdirSync(folder).filter((name) => name.endsWith(`.${EXTENSIONS[kind]}`));
  return [...bases, ...names.sort().map((name) => readFileSync(join(folder, name)))];
}

/** What else the readers need: labels for the features, cases and a detector for the models. */
export function writeCompanions(folder) {
  const labels = Uint8Array.from({ length: ROWS }, (_, i) => i % 2);
  writeFileSync(join(folder, 'labels.npy'), Buffer.concat([npyHeader('u1', [ROWS]), labels]));
  const cases = [
    { token_ids: [5, 6, 7, 8, 9, 10], answer_start: 3, answer_end: 5 },
    { token_ids: [5, 6, 7, 20, 21], answer_start: 3, answer_end: 4 },
  ];
  writeFileSync(join(folder, 'cases.jsonl'), jsonl(cases));
  const detector = detectorOf({ architecture: 'llama', layers: 2, ffn: 32 }, [
    [0, 1],
    [1, 3],
  ]);
  writeFileSync(join(folder, 'detector.json'), JSON.stringify({ ...detector, promptStyle: 'chat' }));
}
