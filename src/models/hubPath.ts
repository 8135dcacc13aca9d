/** Names from a hub become paths in the cache: a hostile repository must not get out of it, on any platform. */

/** Names of devices on Windows, whatever the ending. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
/** Control characters, and those that reverse the order of what a terminal shows. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
/** Longest file name of the common file systems, in bytes. */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 1024;

/** True if a path in a repository, with forward slashes, stays below the folder that it is joined to. */
export function isSafePath(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_PATH_BYTES && path.split('/').every(isSafeName);
}

/** True if a text is the name of a file or folder on every platform, and not of its parent. */
export function isSafeName(name: string): boolean {
  // Windows drops dots and spaces at the end, so that ".. " would be the parent.
  return (
    name !== '' &&
    !/[\\/:]|[. ]$/.test(name) &&
    !UNPRINTABLE.test(name) &&
    !DEVICE.test(name) &&
    Buffer.byteLength(name) <= MAX_NAME_BYTES
  );
}
