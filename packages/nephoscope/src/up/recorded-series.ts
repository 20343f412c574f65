import type { Sample } from '@nephoscope/core/sample-store';
import { isJsonObject, readMeteringMessage } from '@nephoscope/message';

/** The instance of a counter, from its metadata. */
export interface Owner {
  readonly instanceId: string;
  readonly instanceName: string;
  /** The disk or network card; empty for a counter of the instance itself. */
  readonly device: string;
}

/** One meter of one resource: its latest two samples. */
export interface Series {
  readonly owner: Owner;
  readonly latest: Sample;
  readonly previous: Sample | undefined;
}

// Samples are recorded roughly in the order of their readings. Later ones are shown with the next reading.
const disorder = 10_000_000_000n;

/** What a store has recorded since a moment: the latest two samples of each meter and resource. */
export class RecordedSeries {
  readonly #since: bigint;
  readonly #series = new Map<string, Series>();
  readonly #owners = new Map<string, Owner>();
  #newest: bigint;

  /** @param since ns since 1970 UTC */
  constructor(since: bigint) {
    this.#since = since;
    this.#newest = since;
  }

  /** The time from which to read new samples from the store. */
  get readFrom(): bigint {
    const start = this.#newest - disorder;
    return start < this.#since ? this.#since : start;
  }

  /** The time of the newest reading, ns. */
  get newest(): bigint {
    return this.#newest;
  }

  get all(): readonly Series[] {
    return [...this.#series.values()];
  }

  /** Adds a sample; returns its series if the sample is new. */
  add(sample: Sample): Series | undefined {
    const key = JSON.stringify([sample.source, sample.resourceId, sample.meter]);
    const known = this.#series.get(key);
    if (known !== undefined && known.latest.timestamp >= sample.timestamp) return undefined;
    if (sample.timestamp > this.#newest) this.#newest = sample.timestamp;
    const series = { owner: this.#ownerOf(sample), latest: sample, previous: known?.latest };
    this.#series.set(key, series);
    return series;
  }

  /** Removes instances without readings for this long, ns. */
  forgetOlderThan(age: bigint): void {
    const lastRead = new Map<string, bigint>();
    for (const { owner, latest } of this.#series.values()) {
      if (latest.timestamp > (lastRead.get(owner.instanceId) ?? 0n))
        lastRead.set(owner.instanceId, latest.timestamp);
    }
    for (const [key, { owner, latest }] of this.#series) {
      if ((lastRead.get(owner.instanceId) ?? 0n) >= this.#newest - age) continue;
      this.#series.delete(key);
      this.#owners.delete(latest.resourceId);
    }
  }

  #ownerOf(sample: Sample): Owner {
    let owner = this.#owners.get(sample.resourceId);
    if (owner === undefined) this.#owners.set(sample.resourceId, (owner = readOwner(sample)));
    return owner;
  }
}

function readOwner({ resourceId, text }: Sample): Owner {
  const metadata = readMeteringMessage(text).message.get('resource_metadata');
  const field = (...keys: string[]): string | undefined => {
    if (!isJsonObject(metadata)) return undefined;
    return keys.map((key) => metadata.get(key)).find((value) => typeof value === 'string' && value !== '') as
      string | undefined;
  };
  const instanceId = field('instance_id') ?? resourceId;
  return {
    instanceId,
    instanceName: field('display_name', 'name') ?? instanceId,
    device: field('disk_name', 'vnic_name') ?? '',
  };
}
