import { LogLimit } from '@nephoscope/async';
import type { Clock, Logger } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';
import type { Sample, SampleStore } from '@nephoscope/core/sample-store';
import {
  contentDifference,
  createSigner,
  derivedMessageId,
  isJsonObject,
  parseJson,
  readMeteringMessage,
  signJsonMessage,
} from '@nephoscope/message';

import type { CollectorMetrics } from './metrics.js';
import { collectorPrefix } from './publisher-id.js';

export interface ConflictsParts {
  readonly store: SampleStore;
  /** The first one signs. */
  readonly secrets: readonly Secret[];
  readonly metrics: CollectorMetrics;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Which samples of an event with different figures count for billing: for operators, identical to the text in
 * docs/security.md.
 */
export const conflictRule =
  'For each project the largest volume counts, until an operator has reviewed the conflict. If a central agent read the same ' +
  'meter of the resource within a day after the event, its reading counts instead: it is signed, and comes from the service itself.';

/** For a sample recorded beside another one, the message id of the one recorded first. */
export function conflictsWith({ text }: Sample): string | undefined {
  const message = parseJson(text);
  const first = isJsonObject(message) ? message.get('conflicts_with') : undefined;
  return typeof first === 'string' ? first : undefined;
}

/** The members that affect billing. */
const figures = [
  'source',
  'counter_name',
  'counter_type',
  'counter_unit',
  'counter_volume',
  'user_id',
  'project_id',
  'resource_id',
];

/**
 * Samples that differ from the one recorded under their message id. The first one may be forged: notifications are
 * not signed, and their ids are derived from public values.
 *
 * - Of notifications both samples are recorded, the second one under its own id, with the first one's in
 *   `conflicts_with`. An event may be sent in several forms and repeatedly, so only the figures are compared, not
 *   time and metadata.
 * - A repetition by a central agent, of a cycle that another one began, is the same sample, read slightly later.
 * - All other samples have ids of their own, and become dead letters if another sample has the same id.
 */
export class Conflicts {
  readonly #parts: ConflictsParts;
  readonly #signer;
  readonly #logLimit: LogLimit;

  constructor(parts: ConflictsParts) {
    this.#parts = parts;
    this.#signer = createSigner({ secret: parts.secrets[0] as Secret, form: 'canonical' });
    this.#logLimit = new LogLimit(parts.clock, parts.signal);
  }

  /**
   * @param first the sample recorded under the id of the other
   * @returns the reason for a dead letter; undefined if it is a repetition or was recorded
   * @throws what the store throws
   */
  async keep(sample: Sample, first: Sample): Promise<string | undefined> {
    const isDerived = derived.test(sample.messageId);
    if (!isDerived) {
      const difference = contentDifference(first.text, sample.text);
      if (difference === undefined) return undefined;
      return `a different one is recorded under the message id ${sample.messageId}: ${difference}`;
    }
    if (sample.publisherId?.startsWith(collectorPrefix) !== true) return undefined;
    const difference = contentDifference(first.text, sample.text, figures);
    if (difference !== undefined) await this.#keepBeside(sample, difference);
    return undefined;
  }

  async #keepBeside(sample: Sample, difference: string): Promise<void> {
    const { logger, metrics, store } = this.#parts;
    const beside = this.#beside(sample);
    const { recorded } = await store.record([beside]);
    if (recorded === 0) return;
    metrics.recorded.inc();
    metrics.conflicts.inc();
    const { meter, resourceId, messageId } = sample;
    this.#logLimit.log((count) => {
      const what = count === 1 ? 'an event arrived' : `${count} events arrived`;
      logger.warn(
        { meter, resourceId, messageId, beside: beside.messageId, count },
        `${what} again with different figures${count === 1 ? '' : ', among them'}: ${meter} of ${resourceId}; in the first, ${difference}. Both are recorded, and one of them may be forged: see 'nephoscope conflicts'`,
      );
    });
  }

  /** The same sample under an id derived from its figures, so that it is always the same. */
  #beside({ text }: Sample): Sample {
    const message = parseJson(text);
    if (!isJsonObject(message)) throw new Error('a sample is not a JSON object');
    const first = message.get('message_id') as string;
    const said = figures.map((key) => JSON.stringify(message.get(key) ?? null));
    const changed = new Map(message)
      .set('message_id', derivedMessageId('conflict', first, ...said))
      .set('conflicts_with', first);
    return readMeteringMessage(signJsonMessage(changed, this.#signer)).sample;
  }
}

/** Ids made by `derivedMessageId`: UUIDs of version 8. */
const derived = /^[0-9a-f]{8}-[0-9a-f]{4}-8/;
