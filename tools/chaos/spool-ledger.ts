import { AppendReader, readSegment } from '@nephoscope/agent-compute/testing';
import { readMeteringMessage, splitMeteringBatch } from '@nephoscope/message';

/** The samples that an agent accepted, according to the files of its spool. */
export interface SpoolTaken {
  readonly ids: readonly string[];
  /**
   * Why this ledger cannot be trusted: numbers that are missing or were used twice, damage, samples dropped on
   * purpose.
   */
  readonly problems: readonly string[];
}

/** A sample of a segment. Those that an agent makes in addition to its readings have no number. */
interface TakenSample {
  readonly id: string;
  readonly publisher: string | null;
  readonly number: bigint | null;
}

export interface SegmentContent {
  readonly samples: readonly TakenSample[];
  readonly problems: readonly string[];
}

/** @param bytes a segment from its beginning; an end that was cut off was not taken */
export function readSegmentContent(name: string, bytes: Uint8Array): SegmentContent {
  const { records, damaged } = readSegment(bytes);
  const samples: TakenSample[] = [];
  const problems = damaged > 0 ? [`${name}: ${damaged} damaged records`] : [];
  const appends = new AppendReader();
  for (const { record } of records.flatMap((read) => appends.take(read))) {
    if (record.kind !== 'message') continue;
    const { body, dropped } = record.message;
    if (dropped !== undefined) problems.push(`${name}: ${dropped.total} samples of ${dropped.meter} were dropped`);
    for (const line of splitMeteringBatch(body)) {
      if (typeof line !== 'string') {
        problems.push(`${name}: ${line.reason}`);
        continue;
      }
      const { messageId, publisherId, sequence } = readMeteringMessage(line).sample;
      samples.push({ id: messageId, publisher: publisherId, number: sequence });
    }
  }
  return { samples, problems };
}

/** All segments together, in any order; samples moved to another segment may be in both. */
export function takenIn(segments: Iterable<SegmentContent>): SpoolTaken {
  const ids = new Set<string>();
  const problems = new Set<string>();
  /** The message id for each number of each agent. */
  const numbered = new Map<string, Map<bigint, string>>();
  for (const segment of segments) {
    for (const problem of segment.problems) problems.add(problem);
    for (const { id, publisher, number } of segment.samples) {
      ids.add(id);
      if (publisher === null || number === null) continue;
      let ofPublisher = numbered.get(publisher);
      if (ofPublisher === undefined) numbered.set(publisher, (ofPublisher = new Map()));
      const before = ofPublisher.get(number) ?? id;
      if (before !== id) problems.add(`${publisher}: number ${number} was given to ${before} and ${id}`);
      ofPublisher.set(number, id);
    }
  }
  for (const [publisher, ofPublisher] of numbered) {
    let expected = 1n;
    for (const number of [...ofPublisher.keys()].sort((a, b) => (a < b ? -1 : 1))) {
      if (number !== expected) problems.add(`${publisher}: no numbers ${expected} to ${number - 1n}`);
      expected = number + 1n;
    }
  }
  return { ids: [...ids], problems: [...problems] };
}
