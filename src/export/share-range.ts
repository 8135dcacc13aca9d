import koffi from 'koffi';

/** What file systems share between files in. */
export const SHARED_BLOCK = 4096;

type CopyFileRange = (
  from: number,
  fromOffset: bigint[],
  to: number,
  toOffset: bigint[],
  bytes: number,
  flags: number,
) => number;

let copyFileRange: CopyFileRange | null | undefined;

function bind(): CopyFileRange | null {
  if (process.platform !== 'linux') return null;
  const library = openLibc();
  return (
    library &&
    (library.func(
      'int64_t copy_file_range(int from, _Inout_ int64_t *fromOffset, int to, _Inout_ int64_t *toOffset, size_t bytes, uint flags)',
    ) as unknown as CopyFileRange)
  );
}

/** The C library, which has another name with musl (Alpine). */
function openLibc() {
  const musl = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string];
  for (const name of ['libc.so.6', `libc.musl-${musl}.so.1`]) {
    try {
      return koffi.load(name);
    } catch {
      // Another name, or none: then the files are read and written.
    }
  }
  return null;
}

/**
 * Copies a range between files within the kernel (Linux, copy_file_range). On btrfs, XFS and the like the copy shares its blocks with
 * the source, and takes neither time nor room, when both offsets are multiples of {@link SHARED_BLOCK}.
 * @returns bytes copied; 0 where the system or the file system cannot, and the caller has to read and write
 */
export function shareRange(
  from: { descriptor: number; offset: number },
  to: { descriptor: number; offset: number },
  bytes: number,
): number {
  copyFileRange ??= bind();
  if (!copyFileRange) return 0;
  const done = copyFileRange(
    from.descriptor,
    [BigInt(from.offset)],
    to.descriptor,
    [BigInt(to.offset)],
    bytes,
    0,
  );
  return Math.max(0, Number(done));
}
