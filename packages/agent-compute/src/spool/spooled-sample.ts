import { meteringTexts } from '@nephoscope/message';

import type { SpoolMessage } from './record.js';

/** The properties of a sample that thinning needs. */
export interface SpooledSample {
  /** The metering message as in its body. */
  readonly text: string;
  readonly meter: string;
  readonly type: string;
  /** Identifies comparable readings: those of one meter, resource and epoch. */
  readonly series: string;
  readonly timestamp: string;
  /** 0 if it has none. */
  readonly sequence: bigint;
}

/** Undefined if it cannot be parsed completely: such a message is kept unchanged. */
export function samplesOf({ body, contentType }: SpoolMessage): readonly SpooledSample[] | undefined {
  const samples: SpooledSample[] = [];
  for (const text of meteringTexts(body, contentType)) {
    const sample = typeof text === 'string' ? sampleOf(text) : undefined;
    if (sample === undefined) return undefined;
    samples.push(sample);
  }
  return samples;
}

/** The time of a message's first sample. */
export function timeOf({ body, contentType }: SpoolMessage): string | undefined {
  const first = meteringTexts(body, contentType).next();
  return first.done === true || typeof first.value !== 'string' ? undefined : sampleOf(first.value)?.timestamp;
}

function sampleOf(text: string): SpooledSample | undefined {
  const fields = JSON.parse(text) as Record<string, unknown>;
  const { counter_name: meter, counter_type: type, resource_id: resource, epoch, sequence, timestamp } = fields;
  if (typeof meter !== 'string' || typeof type !== 'string' || typeof resource !== 'string') return undefined;
  if (typeof timestamp !== 'string') return undefined;
  return {
    text,
    meter,
    type,
    series: JSON.stringify([meter, resource, epoch]),
    timestamp,
    sequence: typeof sequence === 'number' ? BigInt(sequence) : 0n,
  };
}
