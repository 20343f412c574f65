import { retry } from '@nephoscope/async';
import { describeError, isPermanentError } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import type { SampleStore } from '@nephoscope/core/sample-store';
import type { Component } from '@nephoscope/runtime';

const pauses = { first: 250, longest: 15_000 };

/** Start and health of a store, waiting while it is unavailable, as for the broker. */
export function retryingStore(
  store: SampleStore,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Component & { health(): Health } {
  let waitsFor: string | undefined;
  return {
    name: 'store',
    async start(signal) {
      const onFailure = (error: unknown, pause: number): void => {
        waitsFor = describeError(error);
        logger.error(
          { err: error },
          `the store is not available; next attempt in ${pause / 1_000} s: ${waitsFor}`,
        );
      };
      await retry(() => store.start(signal), { ...pauses, clock, signal, onFailure, isFinal: isPermanentError });
      if (waitsFor !== undefined) logger.info({}, 'the store is available now');
      waitsFor = undefined;
    },
    stop: () => store.stop(),
    health: () => (waitsFor === undefined ? store.health() : { ok: false, reason: waitsFor }),
  };
}
