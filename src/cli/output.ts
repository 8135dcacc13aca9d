/** Where a command prints. `paint` is for text with colours of ours, whose foreign parts went through `visibleText`. */
export interface Output {
  isTTY?: boolean;
  write(text: string): unknown;
  paint(text: string): unknown;
}

export interface OutputStream {
  isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * Characters that a terminal obeys or that reorder text: control characters other than tab and line feed, line and paragraph
 * separators, marks of the writing direction.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
/** Colours and styles, as picocolors writes them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one.
const STYLE = /(\u001b\[\d{1,3}m)/;

/**
 * Writes characters that could steer a terminal as `\u001b`. JSON stays what it is: there they stand in strings alone, where
 * this is the same character.
 */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The stream behind a guard: nothing that comes from a file, a model or a server reaches the terminal as a command to it. */
export function guardOutput(stream: OutputStream): Output {
  return {
    get isTTY() {
      return stream.isTTY;
    },
    write: (text) => stream.write(escapeControls(text)),
    paint: (text) =>
      stream.write(
        text
          .split(STYLE)
          .map((part, i) => (i % 2 === 1 ? part : escapeControls(part)))
          .join(''),
      ),
  };
}
