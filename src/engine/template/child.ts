/** The process that renders chat templates: a template is a program that comes with a model, and may loop or take all memory. */
import { Script } from 'node:vm';
import { type RenderRequest, renderConversation } from './conversation.js';
import type { RenderReply, RenderResult, RenderTask } from './protocol.js';

let requests: RenderRequest[] = [];
let results: RenderResult[] = [];

/** Only code that a script runs can be stopped after a time. */
const script = new Script('globalThis.renderRest()');
Object.assign(globalThis, {
  renderRest() {
    while (results.length < requests.length) results.push(render(requests[results.length]));
  },
});

function render(request: RenderRequest): RenderResult {
  try {
    return { text: renderConversation(request) };
  } catch (error) {
    if (error instanceof RangeError) return { error: 'it is nested too deeply or too large' };
    return { error: String((error as Error).message) };
  }
}

/** Renders as many as the time for one allows. */
function renderSome(limitMs: number): RenderReply {
  results = [];
  try {
    script.runInThisContext({ timeout: limitMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    // One that began late has not had its time.
    if (results.length === 0) results.push({ error: `it takes longer than ${limitMs / 1000} s` });
  }
  requests = requests.slice(results.length);
  return { results };
}

process.on('message', (task: RenderTask) => {
  requests = task.requests;
  while (requests.length > 0) process.send?.(renderSome(task.limitMs));
});
// It has started.
process.send?.({ results: [] });
// Ctrl-C reaches the whole process group; the parent decides what becomes of this process.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
