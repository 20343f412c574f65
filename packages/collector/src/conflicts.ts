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
  /** The first signs. */
  readonly secrets: readonly Secret[];
  readonly metrics: CollectorMetrics;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What is billed of an event that is recorded with several figures: for operators, word for word in docs/security.md. */
export const conflictRule =
  'For each project the largest volume counts, until an operator has reviewed the conflict. If a central agent read the same ' +
  'meter of the resource within a day after the event, its reading counts instead: it is signed, and comes from the service itself.';

/** The message id of the sample that was recorded first, of one that is recorded beside it. */
export function conflictsWith({ text }: Sample): string | undefined {
  const message = parseJson(text);
  const first = isJsonObject(message) ? message.get('conflicts_with') : undefined;
  return typeof first === 'string' ? first : undefined;
}

/** What a sample is billed by. */
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
 * Samples that say otherwise than the one that was recorded under their message id. The first may not be the true one: what
 * services announce is not signed, and its id is made of what anybody knows.
 *
 * - Of what was announced both are recorded, the other one under an id of its own, with the first one's in `conflicts_with`.
 *   The same event comes in several forms and again, so only the figures count, and not time and metadata.
 * - What central agents read again in a cycle that another one began is the same sample, read a moment later.
 * - All else has an id of its own, and is for the dead letters when it comes with another one's.
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
   * @param first what is recorded under the id of the other
   * @returns why it is a dead letter; undefined where it is a repetition, or recorded
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

  /** The same sample under an id that is made of its figures, so that it comes out the same each time. */
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

/** Made by core's `derivedMessageId`: UUIDs of version 8. */
const derived = /^[0-9a-f]{8}-[0-9a-f]{4}-8/;
