/** The process that reads changed files, one at a time, and says what came of each. */
import { READERS } from './readers.js';

process.on('unhandledRejection', (error) => reply('inner', `unhandled: ${error?.stack ?? error}`));

const reply = (outcome, message = '') => process.send({ outcome, message: message.slice(0, 600) });

process.on('message', async ({ kind, path }) => {
  try {
    const numbers = await READERS[kind](path);
    const wrong = numbers.findIndex((value) => !Number.isFinite(value));
    if (wrong < 0) reply('fine');
    else reply('NaN', `number ${wrong} is ${numbers[wrong]}`);
  } catch (error) {
    if (error?.name !== 'UserError') reply('inner', String(error?.stack ?? error));
    else if (/[\n\r]/.test(error.message)) reply('inner', `more than a line: ${error.message}`);
    else reply('refused', error.message);
  }
});
process.on('disconnect', () => process.exit());
process.send({ outcome: 'ready' });
