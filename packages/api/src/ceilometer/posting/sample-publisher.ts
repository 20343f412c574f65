import { deadline, orAborted } from '@nephoscope/async';
import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import type { Secret } from '@nephoscope/core/options';
import { MeteringBatch, createSigner, meteringTopology, nephoscopeWire } from '@nephoscope/message';
import type { Signer } from '@nephoscope/message';

/** ms in which the bus has to confirm what is posted. */
const confirmTime = 15_000;

/** Sends what clients post, the way that all samples go: signed, over the bus, to the collectors. */
export interface SamplePublisher {
  readonly clock: Clock;
  readonly signer: Signer;
  /** In the messages. */
  readonly publisherId: string;
  /** Of samples that name no other. */
  readonly source: string;
  /**
   * Resolves when the bus has stored these metering messages of one meter.
   *
   * @throws SAMPLES_UNSENT if it did not confirm all of them
   */
  publish(meter: string, messages: readonly string[], signal: AbortSignal): Promise<void>;
}

/** @throws SECRET_EMPTY without a secret to sign with */
export function createSamplePublisher(
  {
    secrets,
    source,
    host,
  }: { readonly secrets?: readonly Secret[] | undefined; readonly source: string; readonly host: string },
  bus: MessageBus,
  clock: Clock,
): SamplePublisher {
  const [secret] = secrets ?? [];
  if (secret === undefined)
    throw new NephoscopeError(
      'SECRET_EMPTY',
      "'api.posting' needs 'secrets', with which the collectors verify samples",
    );
  const signer = createSigner({ secret, form: 'canonical' });
  let declared: Promise<unknown> | undefined;
  return {
    clock,
    signer,
    source,
    publisherId: `api.${host}`,
    async publish(meter, messages, signal) {
      const batch = new MeteringBatch();
      for (const message of messages) batch.add(message);
      const late = new Error(`no answer within ${confirmTime / 1_000} s`);
      const { signal: until, end } = deadline(clock, confirmTime, late, signal);
      try {
        // Nothing is lost that is posted before the first collector starts. A user that may only publish is refused this; then a
        // collector has declared it, or publishing fails.
        declared ??= bus.declare(meteringTopology).catch(() => (declared = undefined));
        await orAborted(declared, until);
        for (const { bytes } of batch.bodies()) {
          const message = {
            exchange: meteringTopology.exchange,
            routingKey: nephoscopeWire.routingKey(meter),
            contentType: nephoscopeWire.contentType,
            body: bytes,
          };
          await orAborted(bus.publish(message), until);
        }
      } catch (error) {
        throw new NephoscopeError(
          'SAMPLES_UNSENT',
          `the bus did not confirm the samples: ${describeError(error)}`,
          {
            cause: error,
          },
        );
      } finally {
        end();
      }
    },
  };
}
