/** The process that lock.test.ts kills in the middle of a download. */
import { resolveModel } from '../../src/models/resolve.js';
import { tinyAlias } from './setup.js';

await resolveModel('tiny', { aliases: [tinyAlias()] });
