/** Names of devices, which Windows does not accept for files, with any extension and in any case. */
const DEVICES = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)/i;

/** A text as a part of a file name, on every system. */
export function fileName(text: string): string {
  const name = text.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '') || 'unnamed';
  return name.replace(DEVICES, '$1_');
}
