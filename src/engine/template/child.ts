/** The process that renders chat templates: a template is a program that comes with a model, and may loop or take all memory. */
import { Script } from 'node:vm';
import { type RenderRequest, renderConversation } from './conversation.js';
import type { RenderReply, RenderTask } from './protocol.js';

let task: RenderRequest | undefined;
let text = '';
/** Only code that a script runs can be stopped after a time. */
const script = new Script('globalThis.renderTask()');
Object.assign(globalThis, {
  renderTask() {
    if (task) text = renderConversation(task);
  },
});

function answer({ request, limitMs }: RenderTask): RenderReply {
  task = request;
  try {
    script.runInThisContext({ timeout: limitMs });
    return { text };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return { error: `it takes longer than ${limitMs / 1000} s` };
    return { error: error instanceof RangeError ? 'it is nested too deeply or too large' : String(message) };
  } finally {
    task = undefined;
    text = '';
  }
}

process.on('message', (message: RenderTask) => process.send?.(answer(message)));
// Ctrl-C reaches the whole process group; the parent decides what becomes of this process.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
