import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';

/** What a column holds: texts, 64-bit integers, floats, dates, decimals with two digits behind the point, lists of texts, or structs of such. */
export type Shape = 'text' | 'int' | 'float' | 'date' | 'decimal' | 'texts' | { [field: string]: Shape };

/** Real Parquet bytes (Snappy, dictionary and statistics as writers do by default) of rows with the columns of `shapes`. */
export function parquet(
  shapes: Record<string, Shape>,
  rows: Record<string, unknown>[],
  rowGroupSize = 1000,
): Uint8Array {
  const names = Object.keys(shapes);
  const schema: SchemaElement[] = [
    { name: 'schema', num_children: names.length },
    ...names.flatMap((name) => elements(name, shapes[name])),
  ];
  const columnData = names.map((name) => ({ name, data: rows.map((row) => cell(row[name], shapes[name])) }));
  return new Uint8Array(parquetWriteBuffer({ schema, columnData, rowGroupSize }));
}

function elements(name: string, shape: Shape): SchemaElement[] {
  const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' } as const;
  if (shape === 'text') return [{ name, ...text }];
  if (shape === 'int') return [{ name, type: 'INT64', repetition_type: 'OPTIONAL' }];
  if (shape === 'float') return [{ name, type: 'DOUBLE', repetition_type: 'OPTIONAL' }];
  if (shape === 'date') return [{ name, type: 'INT32', converted_type: 'DATE', repetition_type: 'OPTIONAL' }];
  if (shape === 'decimal') {
    const size = { precision: 10, scale: 2 };
    return [{ name, type: 'INT64', converted_type: 'DECIMAL', ...size, repetition_type: 'OPTIONAL' }];
  }
  if (shape === 'texts') {
    return [
      { name, converted_type: 'LIST', repetition_type: 'OPTIONAL', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', ...text },
    ];
  }
  const fields = Object.entries(shape);
  return [
    { name, repetition_type: 'OPTIONAL', num_children: fields.length },
    ...fields.flatMap(([field, inner]) => elements(field, inner)),
  ];
}

function cell(value: unknown, shape: Shape): unknown {
  if (value === undefined || value === null) return null;
  if (shape === 'int') return BigInt(value as number | string);
  if (typeof shape === 'string') return value;
  const fields = Object.entries(shape);
  return Object.fromEntries(
    fields.map(([name, inner]) => [name, cell((value as Record<string, unknown>)[name], inner)]),
  );
}
