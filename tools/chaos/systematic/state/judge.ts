import { bandOf, readingsOf } from './workload.js';
import type { Ledger, Sent } from './workload.js';

/** The problems of an agent's samples over all its starts. */
export function judge({ sent, taken }: Ledger): readonly string[] {
  // Unconfirmed samples are sent again with the same id.
  const samples = [...new Map(sent.map((one) => [one.id, one])).values()];
  return [...wrongNumbers(samples), ...lost(samples, taken), ...wrongEpochs(samples)];
}

function wrongNumbers(samples: readonly Sent[]): readonly string[] {
  const wrong: string[] = [];
  const numbers = new Map<number, string>();
  for (const { id, sequence = 0 } of samples) {
    if (numbers.has(sequence)) wrong.push(`number ${sequence} was given twice`);
    numbers.set(sequence, id);
  }
  for (let number = 1; number <= samples.length; number++)
    if (!numbers.has(number)) wrong.push(`there is no number ${number}`);
  return wrong;
}

function lost(samples: readonly Sent[], taken: ReadonlySet<number>): readonly string[] {
  return [...taken].flatMap((cycle) => {
    const expected = readingsOf(cycle).length * 3;
    const found = samples.filter((one) => one.cycle === cycle).length;
    return found === expected
      ? []
      : [`of cycle ${cycle}, which was taken, there are ${found} of ${expected} samples`];
  });
}

/** Each band has one epoch, and no volume falls within it. */
function wrongEpochs(samples: readonly Sent[]): readonly string[] {
  const wrong: string[] = [];
  const bands = new Map<string, number>();
  const epochs = new Map<string, string>();
  const volumes = new Map<string, number>();
  const inOrder = [...samples].sort((one, other) => (one.sequence ?? 0) - (other.sequence ?? 0));
  for (const sample of inOrder) {
    const { meter, resource, epoch, volume, cycle } = sample;
    if (epoch === undefined) continue;
    const band = bandOf(sample);
    const what = `${meter} of ${resource} in cycle ${cycle}`;
    const key = `${meter} ${resource} ${epoch}`;
    if ((bands.get(key) ?? band) !== band) wrong.push(`${what} is in the epoch ${epoch} of another band`);
    bands.set(key, band as number);
    const ofBand = `${meter} ${resource} ${band}`;
    if ((epochs.get(ofBand) ?? epoch) !== epoch)
      wrong.push(`${what} is in ${epoch} and was in ${epochs.get(ofBand)}`);
    epochs.set(ofBand, epoch);
    if (volume < (volumes.get(key) ?? 0)) wrong.push(`${what} falls within the epoch ${epoch}`);
    volumes.set(key, volume);
  }
  return wrong;
}
