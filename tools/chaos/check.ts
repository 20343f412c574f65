import { Secret } from '@nephoscope/core/options';
import { createVerifier, readMeteringMessage } from '@nephoscope/message';

/** One row of the store. */
export interface StoredRow {
  readonly messageId: string;
  /** The message as it was received. */
  readonly text: string;
}

export interface Expectation {
  /** Ids that must be recorded, each once. */
  readonly taken: ReadonlySet<string>;
  /** Ids of samples that must be dead letters and nowhere else. */
  readonly refused: ReadonlySet<string>;
}

export interface Findings {
  readonly taken: number;
  readonly recorded: number;
  /** Ids that were taken and are not in the store. */
  readonly lost: readonly string[];
  /** Ids of which there is more than one row. */
  readonly twice: readonly string[];
  /** Ids in the store that no agent accepted. */
  readonly strange: readonly string[];
  /** Ids of rows whose text differs from what was signed, with the difference. */
  readonly unverified: readonly string[];
  /** Ids that must be dead letters and are not. */
  readonly refusedMissing: readonly string[];
  /** The texts of foreign dead letters, shortened. */
  readonly strangeDeadLetters: readonly string[];
}

/** Whether a row's text is as it was signed, and under its own id: `verified`, or what is wrong. */
export type RowVerdict = (row: StoredRow) => string;

/** Verifies each row once: when the check is tested with the data of a run, the same rows are checked again. */
export function rowVerifier(secret: string): RowVerdict {
  const verifier = createVerifier({ secrets: [new Secret(secret)] });
  const known = new WeakMap<StoredRow, string>();
  return (row) => {
    const before = known.get(row);
    if (before !== undefined) return before;
    const { message, sample } = readMeteringMessage(row.text);
    const verdict = sample.messageId === row.messageId ? verifier.verify(message) : `of ${sample.messageId}`;
    known.set(row, verdict);
    return verdict;
  };
}

/**
 * Compares accepted with recorded samples, by message id.
 *
 * @param deadLetters their texts, one line each; a repetition is allowed, because only a store detects repetitions
 */
export async function check(
  { taken, refused }: Expectation,
  rows: AsyncIterable<StoredRow> | Iterable<StoredRow>,
  deadLetters: Iterable<string>,
  verdictOf: RowVerdict,
): Promise<Findings> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  const strange = new Set<string>();
  const unverified: string[] = [];
  let recorded = 0;
  for await (const row of rows) {
    const { messageId } = row;
    recorded += 1;
    if (seen.has(messageId)) twice.add(messageId);
    seen.add(messageId);
    if (!taken.has(messageId)) strange.add(messageId);
    const verdict = verdictOf(row);
    if (verdict !== 'verified') unverified.push(`${messageId}: ${verdict}`);
  }
  const dead = new Set<string>();
  const strangeDeadLetters: string[] = [];
  for (const deadLetter of deadLetters) {
    const id = idOf(deadLetter);
    if (id !== undefined && refused.has(id)) dead.add(id);
    else strangeDeadLetters.push(deadLetter.slice(0, 300));
  }
  return {
    taken: taken.size,
    recorded,
    lost: [...taken].filter((id) => !seen.has(id)),
    twice: [...twice],
    strange: [...strange],
    unverified,
    refusedMissing: [...refused].filter((id) => !dead.has(id)),
    strangeDeadLetters,
  };
}

/** The problems found, a sentence each; empty if there are none. */
export function problemsOf(findings: Findings): readonly string[] {
  const few = (items: readonly string[]) => items.slice(0, 5).join(', ') + (items.length > 5 ? ', …' : '');
  const problem = (items: readonly string[], what: string) =>
    items.length === 0 ? [] : [`${items.length} ${what}: ${few(items)}`];
  return [
    ...problem(findings.lost, 'samples are lost'),
    ...problem(findings.twice, 'samples are recorded twice'),
    ...problem(findings.strange, 'samples are in the store that nobody took'),
    ...problem(findings.unverified, 'stored messages do not verify'),
    ...problem(findings.refusedMissing, 'samples with a wrong signature are not among the dead letters'),
    ...problem(findings.strangeDeadLetters, 'dead letters should not be there'),
  ];
}

function idOf(deadLetter: string): string | undefined {
  try {
    return readMeteringMessage(deadLetter).sample.messageId;
  } catch {
    return undefined; // No message at all: a dead letter that is not ours.
  }
}
