import { check } from './check.js';
import type { Expectation, RowVerdict, StoredRow } from './check.js';
import { recordsAlone } from './judge.js';
import type { Judged } from './judge.js';
import type { Supervised } from './supervisor.js';

const plantedId = 'a sample that nobody took';

/**
 * Whether the check sees a lost and a doubled sample in this very data: once with an id more in the ledger, once with a
 * row twice.
 *
 * @returns what it did not see; empty when it works
 */
export async function selfTest(
  expectation: Expectation,
  rows: readonly StoredRow[],
  deadLetters: readonly string[],
  verdictOf: RowVerdict,
): Promise<readonly string[]> {
  const [row] = rows;
  if (row === undefined) return ['the check cannot be tested: there are no rows'];
  const more = { ...expectation, taken: new Set([...expectation.taken, plantedId]) };
  const withMore = await check(more, rows, deadLetters, verdictOf);
  const withTwice = await check(expectation, [...rows, row], deadLetters, verdictOf);
  return [
    ...(withMore.lost.includes(plantedId) ? [] : ['the check does not see a lost sample']),
    ...(withTwice.twice.includes(row.messageId) ? [] : ['the check does not see a sample that is recorded twice']),
  ];
}

/** Long enough that one that works records something, ms. */
const stalled = 12_000;

/**
 * Whether the judge sees a collector that has silently stopped consuming: the last one that runs is frozen, so that it
 * lives and is connected, and does nothing.
 *
 * @param others that are ended meanwhile
 * @returns what it did not see; empty when it works
 */
export async function selfTestOfJudge(
  collector: Supervised,
  others: readonly Supervised[],
  judged: Pick<Judged, 'recorded'>,
): Promise<readonly string[]> {
  for (const other of others) await other.end('SIGTERM');
  collector.signal('SIGSTOP');
  try {
    const problem = await recordsAlone(collector, judged, stalled);
    return problem === undefined ? ['the judge does not see a collector that has stopped consuming'] : [];
  } finally {
    collector.signal('SIGCONT');
    for (const other of others) other.start();
  }
}
