import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Clock, Health, Logger, SampleStore } from '@nephoscope/core';
import type { Component } from '@nephoscope/runtime';

const firstPause = 250;
const longestPause = 15_000;

/** The start and the health of a store that is waited for while it is unavailable, as the broker is. */
export function patientStore(
  store: SampleStore,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Component & { health(): Health } {
  let waitsFor: string | undefined;
  return {
    name: 'store',
    async start(signal) {
      for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
        try {
          await store.start(signal);
          if (waitsFor !== undefined) logger.info({}, 'the store is available now');
          waitsFor = undefined;
          return;
        } catch (error) {
          if (signal.aborted || !isNephoscopeError(error, 'STORE_UNAVAILABLE')) throw error;
          waitsFor = describeError(error);
          logger.error(
            { err: error },
            `the store is not available, it is waited for; the next try is in ${pause / 1_000} s: ${waitsFor}`,
          );
        }
        await clock.sleep(pause, signal);
      }
    },
    stop: () => store.stop(),
    health: () => (waitsFor === undefined ? store.health() : { ok: false, reason: waitsFor }),
  };
}
