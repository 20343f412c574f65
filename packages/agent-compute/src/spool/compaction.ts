import { dirname, join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';

import { MeteringBatch } from '@nephoscope/message';
import type { MeteringWire } from '@nephoscope/message';

import { replaceFile } from '../disk/replace-file.js';
import { DroppedSamples } from './dropped.js';
import type { Dropped } from './dropped.js';
import { encodeRecords } from './record.js';
import type { DroppedTotal, SpoolMessage } from './record.js';
import { readParts } from './segment-reader.js';
import { segmentName } from './segment.js';
import { samplesOf } from './spooled-sample.js';
import type { StoredSegment } from './stored-segment.js';
import { Thinning } from './thinning.js';
import type { ThinningGoal } from './thinning.js';

export interface CompactionParts {
  readonly dropped: Dropped;
  /** The message that reports what was dropped. */
  readonly report: (total: DroppedTotal) => SpoolMessage;
  /** The wire form of bodies with this content type; undefined if unknown. */
  readonly wireOf: (contentType: string) => MeteringWire | undefined;
  /** Size of a segment in bytes. */
  readonly segmentBytes: number;
}

/** A segment that replaces others. Their files are no longer needed once the directory is synced. */
export interface Replacement {
  readonly replaced: readonly StoredSegment[];
  readonly by: StoredSegment;
  readonly dropped: DroppedSamples;
}

/**
 * Thins adjacent segments. It reads them twice: to count, and to write what is kept. Memory holds the state of each
 * series and one segment. Each replacement is complete by itself and reports what it dropped: if `signal` is aborted,
 * or the process killed, the other segments are unchanged.
 *
 * @throws what the file system throws
 */
export async function* compact(
  segments: readonly StoredSegment[],
  goal: ThinningGoal,
  parts: CompactionParts,
  signal: AbortSignal,
): AsyncGenerator<Replacement, void, undefined> {
  const thinning = new Thinning(goal);
  for (const segment of segments) {
    for await (const message of messagesOf(segment)) {
      if (signal.aborted) return;
      const samples = parts.wireOf(message.contentType) && message.dropped === undefined && samplesOf(message);
      if (!samples) continue;
      for (const sample of samples) thinning.count(sample, message.body.length / samples.length);
    }
  }
  if (!thinning.settle()) return;

  let output = new Output(parts);
  for (const [index, segment] of segments.entries()) {
    output.inputs.push(segment);
    for await (const message of messagesOf(segment)) {
      if (signal.aborted) return;
      output.add(message, thinning);
    }
    if (output.bytes < parts.segmentBytes && index < segments.length - 1) continue;
    // An unchanged segment need not be written again.
    if (output.inputs.length > 1 || output.dropped.byMeter.size > 0) yield await output.replace();
    output = new Output(parts);
  }
}

async function* messagesOf(segment: StoredSegment): AsyncGenerator<SpoolMessage, void, undefined> {
  for await (const { records } of readParts(segment.path, segment.start, segment.size)) {
    for (const { record } of records) {
      if (record.kind !== 'message') continue;
      yield record.message;
      // Readings continue meanwhile.
      await tick();
    }
  }
}

/** Kept samples with one routing key, in their order. */
interface Gathered {
  readonly address: Pick<SpoolMessage, 'exchange' | 'routingKey' | 'contentType'>;
  readonly batch: MeteringBatch;
  readonly sequences: bigint[];
}

/** A segment being written. */
class Output {
  readonly inputs: StoredSegment[] = [];
  readonly dropped = new DroppedSamples();
  bytes = 0;
  readonly #parts: CompactionParts;
  readonly #gathered = new Map<string, Gathered>();
  readonly #asTheyWere: SpoolMessage[] = [];
  #oldest: string | undefined;

  constructor(parts: CompactionParts) {
    this.#parts = parts;
  }

  add(message: SpoolMessage, thinning: Thinning): void {
    const { contentType, exchange, routingKey } = message;
    const wire = this.#parts.wireOf(contentType);
    const samples = wire === undefined || message.dropped !== undefined ? undefined : samplesOf(message);
    if (wire === undefined || samples === undefined) {
      this.#asTheyWere.push({ ...message, body: Buffer.from(message.body) });
      this.bytes += message.body.length;
      return;
    }
    const key = JSON.stringify([exchange, routingKey, contentType]);
    for (const sample of samples) {
      if (!thinning.keeps(sample)) {
        this.dropped.add(sample.meter, sample.timestamp);
        continue;
      }
      let gathered = this.#gathered.get(key);
      if (gathered === undefined)
        this.#gathered.set(
          key,
          (gathered = {
            address: { exchange, routingKey, contentType },
            batch: new MeteringBatch(wire),
            sequences: [],
          }),
        );
      gathered.batch.add(sample.text);
      gathered.sequences.push(sample.sequence);
      this.bytes += message.body.length / samples.length;
      if (this.#oldest === undefined || sample.timestamp < this.#oldest) this.#oldest = sample.timestamp;
    }
  }

  /** Replaces the inputs by the segment, all at once, together with the reports of what was dropped. */
  async replace(): Promise<Replacement> {
    const first = this.inputs[0] as StoredSegment;
    const last = this.inputs.at(-1) as StoredSegment;
    const range = { first: first.first, last: last.last };
    const path = join(dirname(first.path), segmentName(range));
    const totals = this.#parts.dropped.with(this.dropped);
    const messages = this.#messages(totals);
    const records = messages.map((message) => ({ kind: 'message', message }) as const);
    const header = encodeRecords([{ kind: 'segment', sequence: first.sequence, before: first.before }]);
    const samples = messages.reduce((sum, message) => sum + message.samples, 0);
    const bytes = Buffer.concat([header, encodeRecords(records)]);
    await replaceFile(path, [bytes]);
    for (const total of totals) this.#parts.dropped.learn(total);
    return {
      replaced: this.inputs,
      dropped: this.dropped,
      by: {
        ...range,
        path,
        sequence: first.sequence,
        before: first.before,
        appends: 0,
        hasRemains: false,
        start: header.length,
        size: bytes.length,
        unconfirmed: messages.length,
        unread: messages.length,
        samples,
        unreadSamples: samples,
        oldest: this.#oldest,
        hasReports: messages.some(({ dropped }) => dropped !== undefined),
      },
    };
  }

  #messages(totals: readonly DroppedTotal[]): readonly SpoolMessage[] {
    const reported = new Set(totals.map(({ meter }) => meter));
    const { dropped, report } = this.#parts;
    const kept = this.#asTheyWere.filter(
      ({ dropped: total }) => total === undefined || !(reported.has(total.meter) || dropped.isSuperseded(total)),
    );
    return [...[...this.#gathered.values()].flatMap(bodiesOf), ...kept, ...totals.map(report)];
  }
}

function bodiesOf({ address, batch, sequences }: Gathered): readonly SpoolMessage[] {
  let done = 0;
  return batch.bodies().map(({ bytes, lines }) => {
    const last = sequences
      .slice(done, (done += lines))
      .reduce((highest, sequence) => (sequence > highest ? sequence : highest), 0n);
    return { ...address, body: bytes, samples: lines, last };
  });
}
