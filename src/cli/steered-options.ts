import { type Command, Option } from 'commander';
import { addEngine, addJudgeAccess, addModel, addOutput, integer } from './options.js';

/** What every command that steers a model takes besides its own options. */
export function addSteered(command: Command): Command {
  command
    .option('--template <file>', 'for jailbreak: a text that holds {question}')
    .addOption(
      new Option('--prompt-style <style>', 'how to ask (default: as the detector was trained)').choices([
        'chat',
        'few-shot',
        'plain',
      ]),
    )
    .option('--out <folder>', "where results go (default: intervention in the detector's folder)")
    .option('--seed <n>', "seed of what is drawn (default: the run's)", integer(0, 2 ** 31 - 1))
    .option('--force', 'also with another file of the same shape than the detector was trained on');
  addEngine(addModel(command, "the model (default: that of the detector's run)"));
  command.option('--judge <judge>', 'for falseqa and jailbreak: endpoint:MODEL or local:MODEL');
  return addOutput(addJudgeAccess(command));
}
