import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { addMethods, METHOD_GLOBALS } from './methods.js';
import { strftime } from './strftime.js';

/** Longest list that `range` makes. */
const MAX_RANGE = 100_000;
/** Templates whose parsed form is kept. */
const MAX_KEPT = 8;

type Program = ReturnType<typeof parse>;
const kept = new Map<string, Program>();

/**
 * Renders a chat template with the globals that transformers gives it. It can loop for ever, or take all memory: only for a process
 * that can be ended (see `pool.ts`).
 *
 * @param variables what else the template sees
 * @param now what `strftime_now` formats
 * @throws Error in the words of the template, or of the interpreter
 */
export function renderTemplate(source: string, variables: Record<string, unknown>, now: Date): string {
  let program = kept.get(source);
  if (!program) {
    // Jinja ends every line of a template with \n, however the file was saved.
    const lines = source.replace(/\r\n?/g, '\n');
    program = addMethods(parse(tokenize(lines, { lstrip_blocks: true, trim_blocks: true })));
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(source, program);
  }
  const environment = new Environment();
  const globals = { ...globalsAt(now), ...METHOD_GLOBALS, ...variables };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
  return String(new Interpreter(environment).run(program).value);
}

function globalsAt(now: Date): Record<string, unknown> {
  return {
    ...{ true: true, false: false, none: null, True: true, False: false, None: null },
    // transformers passes None: templates ask whether they are none, and undefined is not.
    ...{ tools: null, documents: null },
    raise_exception(message: unknown) {
      throw new Error(String(message));
    },
    range,
    strftime_now: (format: unknown) => strftime(now, String(format)),
  };
}

function range(first: number, end?: number, step = 1): number[] {
  const [from, to] = end === undefined ? [0, first] : [first, end];
  if (step === 0) throw new Error('range() step must not be zero');
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= MAX_RANGE)) throw new Error(`range() of ${length} numbers, more than ${MAX_RANGE}`);
  return Array.from({ length }, (_, i) => from + i * step);
}
