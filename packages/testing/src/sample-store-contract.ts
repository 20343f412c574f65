import { randomUUID } from 'node:crypto';

import { readingTests } from './sample-store/reading.js';
import { lifecycleTests } from './sample-store/lifecycle.js';
import { metadataTests } from './sample-store/metadata.js';
import { pageTests } from './sample-store/pages.js';
import { recordTests } from './sample-store/record.js';
import { removalTests } from './sample-store/removal.js';
import { roundTripTests } from './sample-store/round-trip.js';
import { sampleQueryTests } from './sample-store/samples.js';
import { summaryTests } from './sample-store/summaries.js';
import { never } from './sample-store/support.js';
import type { SampleStoreContract, StoreTests } from './sample-store/support.js';
import { testFramework } from './test-framework.js';

export { exampleSample } from './sample-store/support.js';
export type { SampleStoreContract } from './sample-store/support.js';

/**
 * The requirements on every sample store and its reader, as tests in the framework whose `describe` and `it` are
 * global.
 */
export function sampleStoreContract(name: string, contract: SampleStoreContract): void {
  const framework = testFramework();
  const withStore: StoreTests['withStore'] = (body) => async () => {
    const place = `contract-${randomUUID()}`;
    const again = async () => await contract.create(place);
    const store = await again();
    const reader = await contract.createReader(place);
    await store.start(never);
    try {
      await reader.start(never);
      await body(store, reader, again, place);
    } finally {
      await reader.stop();
      await store.stop();
    }
  };

  framework.describe(`${name}: sample store contract`, () => {
    for (const tests of [
      lifecycleTests,
      recordTests,
      removalTests,
      roundTripTests,
      sampleQueryTests,
      metadataTests,
      pageTests,
      summaryTests,
      readingTests,
    ])
      tests({ ...framework, contract, withStore });
  });
}
