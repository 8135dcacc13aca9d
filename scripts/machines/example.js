/** The example of docs/library.md without a detector: `example.js MODEL` */
import { Model } from '../../dist/src/index.js';

const model = await Model.open(process.argv[2], { threads: 1 });
const stream = await model.stream('What is the capital of Peru?', { maxTokens: 16 });
let text = '';
for await (const token of stream) text += token.text;
console.log(`${model.info.name}: ${JSON.stringify(text)}`);
await model.close();
