import { visibleText } from '../../report/format.js';

/**
 * The bytes of a token as text that can be read: spaces as `␣`, line breaks as `↵`, control characters by their code,
 * and bytes that are no whole character as `<0xE2>`.
 */
export function readableToken(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`).join('');
  }
  return text === '' ? '<empty>' : visibleText(text.replaceAll(' ', '␣'));
}
