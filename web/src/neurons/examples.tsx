import type { NeuronDetail, NeuronExample } from '../api/types.ts';
import { cettName } from './trace.tsx';

/** The questions of the run at which a neuron was most and least active. */
export function Examples({ examples }: { examples: NeuronDetail['examples'] }) {
  if (examples === null) {
    return (
      <p className="note">
        The questions that drive it are read from the run's folder. There is none beside this detector, or
        another version made it.
      </p>
    );
  }
  return (
    <div className="driven">
      <List title="Drive it most" examples={examples.most} />
      <List title="Drive it least" examples={examples.least} />
    </div>
  );
}

function List({ title, examples }: { title: string; examples: NeuronExample[] }) {
  return (
    <div>
      <h3>{title}</h3>
      <ol>
        {examples.map(({ question, answer, label, cett }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a place in an order that does not change.
          <li key={at}>
            <span className="asked">{question}</span> <span className="said">{answer.trim()}</span>{' '}
            <small className={label}>{label}</small> <small>CETT {cettName(cett)}</small>
          </li>
        ))}
      </ol>
    </div>
  );
}
