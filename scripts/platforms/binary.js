/**
 * Reads what a loader reads of a shared library: machine, exported symbols, needed libraries, search paths and the
 * oldest system that it runs on. ELF (Linux), Mach-O (macOS) and PE (Windows), 64-bit and little-endian.
 *
 * @typedef {object} Binary
 * @property {'elf' | 'mach-o' | 'pe'} format
 * @property {string} machine
 * @property {Set<string>} exports C names, without the underscore that Mach-O puts before them
 * @property {string[]} needs names of needed libraries as the file spells them, Windows' delayed ones included
 * @property {string} [name] SONAME or install name
 * @property {string[]} searchPaths RUNPATH or LC_RPATH
 * @property {Record<string, string>} minimum newest version needed of GLIBC, GLIBCXX, macOS
 */

/** @param {Buffer} file @returns {Binary} */
export function readBinary(file) {
  const magic = file.readUInt32BE(0);
  if (magic === 0x7f454c46) return readElf(file);
  if (magic === 0xcffaedfe) return readMachO(file);
  if (magic >>> 16 === 0x4d5a) return readPe(file);
  throw new Error(`not a 64-bit library: begins with ${magic.toString(16)}`);
}

/** Zero-terminated text. */
function text(file, at) {
  return file.toString('latin1', at, file.indexOf(0, at));
}

const number64 = (file, at) => Number(file.readBigUInt64LE(at));

/** The newer of two dotted versions; either may be undefined. */
export function newer(a, b) {
  if (a === undefined || b === undefined) return a ?? b;
  return a.localeCompare(b, 'en', { numeric: true }) >= 0 ? a : b;
}

const ELF_MACHINES = { 62: 'x64', 183: 'arm64', 243: 'riscv64', 40: 'arm', 3: 'ia32' };
/** Symbol bindings that other libraries can link to: global, weak, GNU unique. */
const LINKABLE = [1, 2, 10];
const SECTION = { dynamic: 6, dynamicSymbols: 11, neededVersions: 0x6ffffffe };

function readElf(file) {
  if (file[4] !== 2 || file[5] !== 1) throw new Error('not a 64-bit little-endian ELF file');
  const [offset, size, count] = [number64(file, 0x28), file.readUInt16LE(0x3a), file.readUInt16LE(0x3c)];
  const sections = Array.from({ length: count }, (_, i) => {
    const at = offset + i * size;
    return {
      type: file.readUInt32LE(at + 4),
      start: number64(file, at + 24),
      bytes: number64(file, at + 32),
      link: file.readUInt32LE(at + 40),
      entries: file.readUInt32LE(at + 44),
    };
  });
  const section = (type) => sections.find((one) => one.type === type);
  const strings = (from) => (at) => text(file, sections[from.link].start + at);
  const binary = {
    format: 'elf',
    machine: ELF_MACHINES[file.readUInt16LE(18)] ?? `machine ${file.readUInt16LE(18)}`,
    exports: new Set(),
    needs: [],
    searchPaths: [],
    minimum: elfVersions(file, section(SECTION.neededVersions), strings),
  };
  const symbols = section(SECTION.dynamicSymbols);
  for (let at = symbols.start; at < symbols.start + symbols.bytes; at += 24) {
    const bind = file[at + 4] >> 4;
    const visibility = file[at + 5] & 3;
    const isDefined = file.readUInt16LE(at + 6) !== 0;
    if (isDefined && LINKABLE.includes(bind) && (visibility === 0 || visibility === 3))
      binary.exports.add(strings(symbols)(file.readUInt32LE(at)));
  }
  const dynamic = section(SECTION.dynamic);
  for (let at = dynamic.start; at < dynamic.start + dynamic.bytes; at += 16) {
    const [tag, value] = [number64(file, at), number64(file, at + 8)];
    if (tag === 1) binary.needs.push(strings(dynamic)(value));
    if (tag === 14) binary.name = strings(dynamic)(value);
    if (tag === 15 || tag === 29)
      binary.searchPaths.push(...strings(dynamic)(value).split(':').filter(Boolean));
  }
  return binary;
}

function elfVersions(file, section, strings) {
  const minimum = {};
  for (let i = 0, at = section?.start; i < (section?.entries ?? 0); i++) {
    let entry = at + file.readUInt32LE(at + 8);
    for (let j = 0; j < file.readUInt16LE(at + 2); j++) {
      const [, kind, version] =
        /^(GLIBC|GLIBCXX)_([\d.]+)$/.exec(strings(section)(file.readUInt32LE(entry + 8))) ?? [];
      if (kind) minimum[kind] = newer(minimum[kind], version);
      entry += file.readUInt32LE(entry + 12);
    }
    at += file.readUInt32LE(at + 12);
  }
  return minimum;
}

const MACH_MACHINES = { 16777223: 'x64', 16777228: 'arm64' };
const LOAD = { dylib: 0xc, weak: 0x80000018, reexport: 0x8000001f, id: 0xd, rpath: 0x8000001c };
const EXPORTS = { info: 0x22, infoOnly: 0x80000022, trie: 0x80000033 };
const BUILD_VERSION = 0x32;

function readMachO(file) {
  const cpu = file.readUInt32LE(4);
  const binary = {
    format: 'mach-o',
    machine: MACH_MACHINES[cpu] ?? `machine ${cpu}`,
    exports: new Set(),
    needs: [],
    searchPaths: [],
    minimum: {},
  };
  const commands = file.readUInt32LE(16);
  for (let i = 0, at = 32; i < commands; i++) {
    const command = file.readUInt32LE(at);
    const path = () => text(file, at + file.readUInt32LE(at + 8));
    if (command === LOAD.dylib || command === LOAD.weak || command === LOAD.reexport)
      binary.needs.push(path());
    if (command === LOAD.id) binary.name = path();
    if (command === LOAD.rpath) binary.searchPaths.push(path());
    if (command === BUILD_VERSION) {
      const version = file.readUInt32LE(at + 12);
      binary.minimum.macOS = `${version >>> 16}.${(version >> 8) & 0xff}`;
    }
    if (command === EXPORTS.trie) readTrie(file, file.readUInt32LE(at + 8), binary.exports);
    if (command === EXPORTS.info || command === EXPORTS.infoOnly) {
      if (file.readUInt32LE(at + 44) > 0) readTrie(file, file.readUInt32LE(at + 40), binary.exports);
    }
    at += file.readUInt32LE(at + 4);
  }
  return binary;
}

/** The trie in which dlsym looks names up: at each node an export or none, then edges with a piece of the name each. */
function readTrie(file, start, names) {
  const visit = (node, prefix) => {
    let at = start + node;
    const leb = () => {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = file[at++];
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) return value;
      }
    };
    const bytes = leb();
    if (bytes > 0) names.add(prefix.replace(/^_/, ''));
    at += bytes;
    const edges = file[at++];
    for (let i = 0; i < edges; i++) {
      const piece = text(file, at);
      at += piece.length + 1;
      visit(leb(), prefix + piece);
    }
  };
  visit(0, '');
}

const PE_MACHINES = { 34404: 'x64', 43620: 'arm64', 332: 'ia32' };

function readPe(file) {
  const header = file.readUInt32LE(0x3c);
  const optional = header + 24;
  if (file.readUInt16LE(optional) !== 0x20b) throw new Error('not a 64-bit PE file');
  const sections = Array.from({ length: file.readUInt16LE(header + 6) }, (_, i) => {
    const at = optional + file.readUInt16LE(header + 20) + i * 40;
    return {
      address: file.readUInt32LE(at + 12),
      bytes: file.readUInt32LE(at + 16),
      start: file.readUInt32LE(at + 20),
    };
  });
  const offset = (address) => {
    const section = sections.find((one) => address >= one.address && address < one.address + one.bytes);
    return section && section.start + address - section.address;
  };
  const directory = (i) => offset(file.readUInt32LE(optional + 112 + i * 8));
  const nameAt = (at) => text(file, offset(file.readUInt32LE(at)));
  const binary = {
    format: 'pe',
    machine: PE_MACHINES[file.readUInt16LE(header + 4)] ?? `machine ${file.readUInt16LE(header + 4)}`,
    exports: new Set(),
    needs: [],
    searchPaths: [],
    minimum: {},
  };
  const exported = directory(0);
  if (exported !== undefined) {
    binary.name = nameAt(exported + 12);
    const names = offset(file.readUInt32LE(exported + 32));
    const count = file.readUInt32LE(exported + 24);
    for (let i = 0; i < count; i++) binary.exports.add(nameAt(names + i * 4));
  }
  for (let at = directory(1); at !== undefined && file.readUInt32LE(at + 12) !== 0; at += 20)
    binary.needs.push(nameAt(at + 12));
  for (let at = directory(13); at !== undefined && file.readUInt32LE(at + 4) !== 0; at += 32)
    binary.needs.push(nameAt(at + 4));
  return binary;
}
