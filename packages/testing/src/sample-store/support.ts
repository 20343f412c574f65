import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import type {
  ResourceQuery,
  ResourceSummary,
  Sample,
  SampleQuery,
  SampleReader,
  SampleStore,
} from '@nephoscope/core/sample-store';

import type { TestFramework } from '../test-framework.js';

export interface SampleStoreContract {
  /**
   * Returns a new store, not started. The same `place` means the same storage; the storage of a place that was not named
   * before is empty.
   */
  create(place: string): SampleStore | Promise<SampleStore>;
  /** A reader, not started, of the storage of this place. */
  createReader(place: string): SampleReader | Promise<SampleReader>;
  /**
   * Makes the storage unavailable to those that have it open, as when its server is stopped. Omit it for a storage that is always
   * available.
   *
   * @returns makes it available again
   */
  takeAway?(place: string): Promise<() => Promise<void>>;
}

/** The parameters of the contract's parts. */
export interface StoreTests extends TestFramework {
  readonly contract: SampleStoreContract;
  /** Runs the body with an empty store, a reader of it, and a function that opens the same storage again. */
  withStore(
    body: (
      store: SampleStore,
      reader: SampleReader,
      again: () => Promise<SampleStore>,
      place: string,
    ) => Promise<void>,
  ): () => Promise<void>;
}

export const second = 1_000_000_000n;
export const noon = 1_795_348_800n * second;
export const never: AbortSignal = new AbortController().signal;

/** A sample that is consistent in itself; `fields` replaces some of its values, in the text as well. */
export function exampleSample(
  fields: Partial<Omit<Sample, 'text'>> & { readonly metadata?: string } = {},
): Sample {
  const { metadata = '{"host": "compute-1"}', ...given } = fields;
  const sample = {
    messageId: randomUUID(),
    source: 'openstack',
    meter: 'cpu',
    type: 'cumulative',
    unit: 'ns',
    volume: '1',
    userId: 'user-1',
    projectId: 'project-1',
    resourceId: 'resource-1',
    timestamp: noon,
    publisherId: 'compute.host-1',
    sequence: 1n,
    epoch: 'run-1',
    ...given,
  };
  const text =
    `{"message_id": ${JSON.stringify(sample.messageId)}, "counter_name": ${JSON.stringify(sample.meter)}, ` +
    `"counter_volume": ${sample.volume}, "resource_id": ${JSON.stringify(sample.resourceId)}, ` +
    `"resource_metadata": ${metadata}, "message_signature": "${'5f'.repeat(32)}"}`;
  return { ...sample, text };
}

export function examples(count: number): Sample[] {
  return Array.from({ length: count }, (_, at) =>
    exampleSample({ sequence: BigInt(at), timestamp: noon + BigInt(at) * second, resourceId: `r${at % 7}` }),
  );
}

export function roundTrip(sample: Sample): (store: SampleStore, reader: SampleReader) => Promise<void> {
  return async (store, reader) => {
    await store.record([sample]);
    assert.deepEqual(await all(reader), [sample]);
    assert.deepEqual(await all(reader, { meters: [sample.meter], resources: [sample.resourceId] }), [sample]);
  };
}

export async function all(
  reader: SampleReader,
  query: Partial<SampleQuery> = {},
  signal: AbortSignal = never,
): Promise<Sample[]> {
  const found: Sample[] = [];
  for await (const sample of reader.samples({ scope: 'all', ...query }, signal)) found.push(sample);
  return found;
}

export async function resourcesOf(
  reader: SampleReader,
  query: Partial<ResourceQuery> = {},
  signal: AbortSignal = never,
): Promise<ResourceSummary[]> {
  const found: ResourceSummary[] = [];
  for await (const resource of reader.resources({ scope: 'all', ...query }, signal)) found.push(resource);
  return found;
}

export async function rejectsUnavailable(action: () => Promise<unknown>): Promise<void> {
  await assert.rejects(action, { code: 'STORE_UNAVAILABLE' });
}

export const ascending = (one: bigint, other: bigint): number => (one < other ? -1 : one > other ? 1 : 0);
export const descending = (one: bigint, other: bigint): number => ascending(other, one);
