import type { FileMetaData, RowGroup, SchemaElement } from 'hyparquet';
import { parquetMetadata } from 'hyparquet';
import type { ChunkShape } from './pages.js';
import { readThrift } from './thrift.js';

const MAX_DEPTH = 64;
/** Maximum number of columns that hold values, of all columns that are asked for. */
const MAX_LEAVES = 4096;

/** A column that holds values. */
export interface Leaf {
  /** As `answer.aliases.list.element`. */
  path: string;
  /** From the root of the schema to the column itself. */
  elements: SchemaElement[];
}

/**
 * Reads the metadata at the end of a Parquet file.
 * @param footer the metadata, its length and the magic number: the last bytes of the file
 * @throws any error when it is damaged
 */
export function readMetadata(footer: Uint8Array<ArrayBuffer>): FileMetaData {
  // The library allocates what a list claims to hold.
  readThrift(footer, 0);
  const metadata = parquetMetadata(footer.buffer);
  let rows = 0;
  for (const group of metadata.row_groups) {
    const count = Number(group.num_rows);
    if (!(count >= 0)) throw new RangeError('a row group has a negative number of rows');
    rows += count;
  }
  if (rows !== Number(metadata.num_rows)) {
    throw new RangeError(`its row groups have ${rows} rows, not ${metadata.num_rows}`);
  }
  return metadata;
}

/** The columns that hold values, in order; those of a struct follow one another. */
export function leavesOf(metadata: FileMetaData): Leaf[] {
  const leaves: Leaf[] = [];
  let at = 0;
  const walk = (elements: SchemaElement[]): void => {
    const element = metadata.schema[at++];
    const isRoot = elements.length === 0;
    if (element === undefined || elements.length > MAX_DEPTH || (isRoot && !element.num_children)) {
      throw new RangeError('its schema is damaged');
    }
    const path = [...elements, element];
    if (element.num_children === undefined) {
      leaves.push({
        path: path
          .slice(1)
          .map(({ name }) => name)
          .join('.'),
        elements: path,
      });
    }
    for (let i = 0; i < (element.num_children ?? 0); i++) walk(path);
  };
  walk([]);
  return leaves;
}

/**
 * The leaves of the wanted columns or fields.
 * @throws RangeError when there are too many or two of one name
 */
export function chooseLeaves(leaves: Leaf[], wanted: readonly string[]): Leaf[] {
  const chosen = leaves.filter(({ path }) =>
    wanted.some((column) => path === column || path.startsWith(`${column}.`)),
  );
  if (chosen.length > MAX_LEAVES) throw new RangeError(`${chosen.length} columns are too many`);
  const paths = new Set<string>();
  for (const { path } of chosen) {
    if (paths.has(path)) throw new RangeError(`it has the column "${path}" twice`);
    paths.add(path);
  }
  return chosen;
}

/** The metadata of the file if it had this one column, with the structs around it, and this one row group. */
export function onlyLeaf(metadata: FileMetaData, group: RowGroup, leaf: Leaf): FileMetaData {
  const columns = columnsOf(group, leaf);
  const last = leaf.elements.length - 1;
  const schema = leaf.elements.map((element, i) => (i < last ? { ...element, num_children: 1 } : element));
  return { ...metadata, num_rows: group.num_rows, schema, row_groups: [{ ...group, columns }] };
}

function columnsOf(group: RowGroup, { path }: Leaf) {
  const columns = group.columns.filter(({ meta_data }) => meta_data?.path_in_schema.join('.') === path);
  if (columns.length !== 1) throw new RangeError(`a row group has ${columns.length} columns "${path}"`);
  return columns;
}

/** Where a column lies in the file and how it is read. */
export function chunkOf(group: RowGroup, leaf: Leaf): { start: number; end: number; shape: ChunkShape } {
  const [{ meta_data, file_path }] = columnsOf(group, leaf);
  if (meta_data === undefined || file_path)
    throw new RangeError(`the column "${leaf.path}" lies in another file`);
  // The same choice as that of the library.
  const start = Number(meta_data.dictionary_page_offset || meta_data.data_page_offset);
  const below = leaf.elements.slice(1);
  const element = below[below.length - 1];
  const shape: ChunkShape = {
    type: element.type,
    typeLength: element.type_length ?? 0,
    codec: meta_data.codec,
    maxDefinition: below.filter(({ repetition_type }) => repetition_type !== 'REQUIRED').length,
    maxRepetition: leaf.elements.filter(({ repetition_type }) => repetition_type === 'REPEATED').length,
    isFlat: below.length === 1 && element.repetition_type !== 'REPEATED',
    rows: Number(group.num_rows),
  };
  return { start, end: start + Number(meta_data.total_compressed_size), shape };
}
