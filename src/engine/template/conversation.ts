import { parseResponse } from '../text/thought.js';
import { renderTemplate } from './render.js';

/** A turn of a conversation, as chat templates get it. */
export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** A conversation to be rendered. */
export interface RenderRequest {
  template: string;
  messages: readonly ChatMessage[];
  /** Special tokens and switches. */
  variables: Record<string, unknown>;
  /** Date that the template is told, milliseconds since 1970. */
  now: number;
}

/** Room for what a template adds to the messages, in characters. */
const MAX_ADDED = 1 << 20;
/** Longest template, in characters: those in use have up to forty thousand. */
const MAX_TEMPLATE = 1 << 20;
/** How often a template may repeat what it was given. */
const MAX_REPEATED = 4;

/** Orders of roles that were checked, and how many are kept. */
const probed = new Set<string>();
const MAX_PROBED = 64;

/** A part as a template prints it that takes a list for a text. */
const PART = /["']type["']:\s*["']text["']/;

type Content = string | { type: 'text'; text: string }[];

/**
 * Renders a conversation up to where the next answer begins, and checks that what was said is in it. Templates that want each content
 * as a list of parts get that. One that refuses or drops a system message gets its text in front of the first message of the user.
 *
 * @throws Error that says why no form of the conversation can be rendered, or what the template leaves out
 */
export function renderConversation({ template, messages, variables, now }: RenderRequest): string {
  if (template.length > MAX_TEMPLATE) throw new Error(`it has ${template.length} characters`);
  const render = (turns: readonly ChatMessage[], parts: boolean): string => {
    const given = turns.map(({ role, content }) => ({ role, content: parts ? asParts(content) : content }));
    const all = { ...variables, messages: given, add_generation_prompt: true };
    return renderTemplate(template, all, new Date(now));
  };
  const attempt = (turns: readonly ChatMessage[], parts: boolean): string => {
    const text = render(turns, parts);
    const length = turns.reduce((sum, { content }) => sum + content.length, 0);
    if (text.length > MAX_ADDED + MAX_REPEATED * length) {
      throw new Error(`it makes a prompt of ${text.length} characters out of ${length}`);
    }
    if (parts && PART.test(text)) throw new Error('it writes out a list of parts');
    const missing = findMissing(text, turns);
    if (missing) throw new Error(`it leaves out the ${missing.role} message ${quote(missing.content)}`);
    probe(turns, parts);
    return text;
  };
  /** A short message may stand in a prompt by chance: once for each order of roles, words take its place that cannot. */
  const probe = (turns: readonly ChatMessage[], parts: boolean): void => {
    const key = JSON.stringify([template, parts, turns.map(({ role }) => role)]);
    if (probed.has(key)) return;
    const marked = turns.map(({ role }, i) => ({ role, content: `quokka${i}${role}zyx` }));
    let text: string;
    try {
      text = render(marked, parts);
    } catch {
      // What was said itself could be rendered.
      return;
    }
    const missing = findMissing(text, marked);
    if (missing) throw new Error(`it leaves out what the ${missing.role} says`);
    if (probed.size >= MAX_PROBED) probed.clear();
    probed.add(key);
  };
  const forms = messages.some(({ role }) => role === 'system')
    ? [messages, foldSystem(messages)]
    : [messages];
  let failure: unknown;
  for (const turns of forms) {
    for (const parts of [false, true]) {
      try {
        return attempt(turns, parts);
      } catch (error) {
        failure ??= error;
      }
    }
  }
  throw failure;
}

function asParts(content: string): Content {
  return [{ type: 'text', text: content }];
}

/** Puts system messages in front of the first message of the user, as templates without a system role do. */
function foldSystem(messages: readonly ChatMessage[]): ChatMessage[] {
  const system = messages.flatMap(({ role, content }) => (role === 'system' ? [content] : [])).join('\n\n');
  const turns = messages.filter(({ role }) => role !== 'system');
  const first = turns[0];
  if (first?.role !== 'user') return [{ role: 'user', content: system }, ...turns];
  return [{ role: 'user', content: `${system}\n\n${first.content}` }, ...turns.slice(1)];
}

/**
 * The first message whose text does not appear in a prompt. White space and case do not count, and neither do the thoughts of earlier
 * answers, which templates drop. Turns must appear in their order; a system message may stand anywhere.
 */
export function findMissing(prompt: string, messages: readonly ChatMessage[]): ChatMessage | undefined {
  const text = squeeze(prompt);
  let from = 0;
  return messages.find(({ role, content }) => {
    const said = role === 'assistant' ? parseResponse(content).answer : content;
    const place = placeOf(text, said, role === 'system' ? 0 : from);
    if (place === undefined) return true;
    if (role !== 'system') from = place;
    return false;
  });
}

/** Where a text ends in a prompt, as it is or escaped; undefined if it is not there. */
function placeOf(prompt: string, said: string, from: number): number | undefined {
  const forms = [said, JSON.stringify(said).slice(1, -1), escapeHtml(said)];
  for (const form of forms) {
    const wanted = squeeze(form);
    const at = prompt.indexOf(wanted, from);
    if (at >= 0) return at + wanted.length;
  }
  return undefined;
}

const squeeze = (text: string) => text.replace(/\s+/g, '').toLowerCase();

function escapeHtml(text: string): string {
  const codes: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&#34;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => codes[character]);
}

function quote(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return JSON.stringify(line.length > 40 ? `${line.slice(0, 40)}…` : line);
}
