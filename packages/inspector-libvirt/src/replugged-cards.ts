import { isMissing } from '@nephoscope/core';
import type { Missing } from '@nephoscope/core';
import type { Vnic, VnicReading, VnicTraffic } from '@nephoscope/core/instance';

const unsure: Missing = {
  missing: 'busy',
  detail:
    'the card was replaced, and the figures may still be those of the previous card; the next reading is unambiguous',
};

/**
 * Prevents the counts of one card from being attributed to the next card of that name: figures arrive before the
 * description and do not identify the card. Smaller counts belong to the new card; others are omitted once.
 */
export class RepluggedCards {
  readonly #last = new WeakMap<Vnic, VnicTraffic>();

  /** @param before the cards as they were described at the last reading */
  check(before: readonly Vnic[], readings: readonly VnicReading[]): readonly VnicReading[] {
    return readings.map((reading) => {
      const { vnic, traffic } = reading;
      if (isMissing(traffic)) return reading;
      const old = before.find(({ name }) => name === vnic.name);
      const last = old && this.#last.get(old);
      this.#last.set(vnic, traffic);
      const begun = old?.plugging?.some((mark) => vnic.plugging?.includes(mark) === true) === false;
      if (!begun || vnic.plugging === undefined || last === undefined || fell(last, traffic)) return reading;
      return { vnic, traffic: unsure };
    });
  }
}

function fell(last: VnicTraffic, traffic: VnicTraffic): boolean {
  return traffic.rxBytes < last.rxBytes || traffic.txBytes < last.txBytes;
}
