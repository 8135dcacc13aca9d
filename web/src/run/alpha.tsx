import { capital, formatPercent, formatPointChange as points } from '../../../src/report/format.ts';
import {
  comparedThroughout,
  type Effect,
  effectOf,
  MIN_CONTROLS,
  moveAlong,
} from '../../../src/report/intervention/effect.ts';
import type {
  ComplianceBenchmark,
  ComplianceSlope,
  Intervention,
} from '../../../src/report/intervention/schema.ts';

const EFFECTS: Record<Effect, string> = {
  own: 'The higher alpha is, the more often it goes along, and more so than with any other neurons that were turned: these neurons do steer it.',
  shared: 'The higher alpha is, the more often it goes along; but so it does when other neurons are turned.',
  alone:
    'The higher alpha is, the more often it goes along; whether other neurons do the same was not asked.',
  falls: 'The higher alpha is, the less often it goes along: the opposite of what was published.',
  none: 'No clear effect: what differs may be chance.',
};

/** What `hneurons intervene` found, for one who has not heard of it; the whole report below has the figures. */
export function AlphaFindings({ found }: { found: Intervention }) {
  const { benchmarks, detector, sets, summary } = found;
  const others = sets.length - 1;
  // The first sentences are of the benchmarks, which are told here in other words.
  const rest = summary.slice(benchmarks.length);
  return (
    <section className="finding">
      <h3>What alpha does</h3>
      <p>
        Alpha multiplies the activity of the {detector.hNeurons} H-Neurons while the model reads and writes: 0
        switches them off, 1 leaves the model as it is. {benchmarks.length === 1 ? 'The test' : 'Each test'}{' '}
        below offers the model something wrong and counts how often it goes along with it (its compliance).
        {benchmarks.some(({ twins }) => twins > 0) &&
          ' Honest twins are the same the other way round, where to go along is right: a model that fails them is damaged, not steadfast.'}
        {others > 0 &&
          ` ${others === 1 ? 'One set' : `${others} sets`} of other neurons ${others === 1 ? 'was' : 'were'} turned in the same way, to compare.`}
      </p>
      <div className="benchmarks">
        {benchmarks.map((benchmark) => (
          <Compliance key={benchmark.name} benchmark={benchmark} />
        ))}
      </div>
      {rest.length > 0 && (
        <>
          <h4>What it costs</h4>
          {found.legibility && (
            <p className="note">
              The log-likelihood says how well the model foretells plain English: the further below 0, the
              worse.
            </p>
          )}
          {rest.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </>
      )}
    </section>
  );
}

function Compliance({ benchmark }: { benchmark: ComplianceBenchmark }) {
  const { name, complies, items, twins, failed, curves, slope, twinSlope, soundSlope } = benchmark;
  const told = soundSlope ?? { ...slope, twins: twinSlope };
  const asked = curves[0]?.points ?? [];
  const whole = asked.filter(({ alpha }) => Number.isInteger(alpha));
  return (
    <div>
      <h4>{capital(name.replaceAll('-', ' '))}</h4>
      <p className="note">
        The model goes along when {complies}. {items} questions
        {twins > 0 && `, ${twins} honest twins`}
        {failed > 0 && `; ${failed} left out, as the judge could not decide`}.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Alpha</th>
            <th scope="col">Goes along</th>
            {twins > 0 && <th scope="col">Twins right</th>}
          </tr>
        </thead>
        <tbody>
          {whole.map(({ alpha, complianceRate, twins: right }) => (
            <tr key={alpha}>
              <th scope="row">{alpha}</th>
              <td>{formatPercent(complianceRate.estimate)}</td>
              {twins > 0 && <td>{right ? formatPercent(right.estimate) : '–'}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        {soundSlope && `Where the model is not damaged (alpha ${soundSlope.low} to ${soundSlope.high}): `}
        {effectWords(told)}
        {moveAlong(told.hNeurons, told.twins) &&
          ' Its twins go the same way: it is its bent to say yes or no that changes, whatever the facts.'}
      </p>
      <p className="note">{stepWords(told, comparedThroughout(told, asked))}</p>
    </div>
  );
}

function effectWords(slope: ComplianceSlope): string {
  const effect = effectOf(slope);
  const others = slope.controls.length;
  if (effect !== 'own' || others >= MIN_CONTROLS) return EFFECTS[effect];
  return `The higher alpha is, the more often it goes along, and more so than with ${others === 1 ? 'the one other set of neurons that was' : `the ${others} other sets of neurons that were`} turned: too few to tell.`;
}

/** How much a step of alpha changes, beside the other neurons at the alphas where these were asked. */
function stepWords({ hNeurons, compared, controls }: ComplianceSlope, throughout: boolean): string {
  const own = `Each step of 1 in alpha: ${points(hNeurons.estimate)} percentage points (95 % interval ${points(hNeurons.low)} to ${points(hNeurons.high)}).`;
  if (controls.length === 0) return own;
  const slopes = controls.map(({ slope }) => slope);
  const others = `with other neurons ${points(Math.min(...slopes))} to ${points(Math.max(...slopes))}.`;
  return throughout
    ? `${own} ${capital(others)}`
    : `${own} Over alpha ${compared.alphas.join(', ')}: ${points(compared.hNeurons)}; ${others}`;
}
