/** An integer of 16 digits or more: it may be beyond 2^53, where a number no longer holds it exactly. */
const LONG_INTEGER = /(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/;
/** A string (kept whole), or a long integer outside of strings. */
const STRING_OR_LONG_INTEGER = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/gs;
/** A string, or a value that Python writes and JSON does not have. */
const STRING_OR_PYTHON_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b/gs;

/**
 * `JSON.parse` without silent rounding: an integer that a number cannot hold becomes a string of its digits, so that two ids stay
 * two. A reader that wants a number refuses it as text.
 * @throws SyntaxError; it names `NaN` and `Infinity`, which Python writes, as such
 */
export function parseJson(text: string): unknown {
  const exact = LONG_INTEGER.test(text) ? text.replace(STRING_OR_LONG_INTEGER, quoteUnsafe) : text;
  try {
    return JSON.parse(exact);
  } catch (error) {
    const name = pythonNumber(text);
    if (name === undefined) throw error;
    throw new SyntaxError(`${name} is not JSON: write null for a missing value`, { cause: error });
  }
}

function quoteUnsafe(part: string): string {
  return part.startsWith('"') || Number.isSafeInteger(Number(part)) ? part : `"${part}"`;
}

function pythonNumber(text: string): string | undefined {
  for (const [part] of text.matchAll(STRING_OR_PYTHON_NUMBER)) if (!part.startsWith('"')) return part;
  return undefined;
}

/** A number as it is written for people: without an exponent. */
export function numberText(value: number): string {
  const short = String(value);
  if (!short.includes('e')) return short;
  return Number.isInteger(value) ? String(BigInt(value)) : value.toFixed(20).replace(/0+$/, '');
}
