import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Sample, SampleReader, SampleStore } from '@nephoscope/core/sample-store';
import sql from '@nephoscope/storage-sql';
import { FakeClock, RecordingLogger } from '@nephoscope/testing';

import { sampleOf } from '../../../tools/api-cases/case.js';
import type { Fixture } from '../../../tools/api-cases/case.js';

const never = new AbortController().signal;

export { sampleOf };
export type { Fixture };

/** Creates stores with given samples, each as a copy of an empty one that was created before. */
export class Stores {
  readonly folder = mkdtempSync(join(tmpdir(), 'nephoscope-api-'));
  readonly #empty = join(this.folder, 'empty.db');
  count = 0;

  async prepare(): Promise<void> {
    const store = sql.create(this.#settings(this.#empty));
    await store.start(never);
    await store.stop();
  }

  /** A reader, not started, of a store with these samples. */
  async reader(fixtures: readonly Fixture[]): Promise<SampleReader> {
    return await this.readerOf(fixtures.map(sampleOf));
  }

  /** The same of samples. */
  async readerOf(samples: readonly Sample[]): Promise<SampleReader> {
    const path = join(this.folder, `${++this.count}.db`);
    copyFileSync(this.#empty, path);
    const store = sql.create(this.#settings(path));
    await store.start(never);
    await store.record(samples);
    await store.stop();
    return this.readerAt(path);
  }

  /** Records into the latest store. */
  async writer(): Promise<SampleStore> {
    const store = sql.create(this.#settings(join(this.folder, `${this.count}.db`)));
    await store.start(never);
    return store;
  }

  readerAt(path: string): SampleReader {
    return sql.createReader(this.#settings(path));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  #settings(path: string) {
    const options = sql.options.parse({ url: `sqlite:${path}` });
    return { options, logger: new RecordingLogger(), clock: new FakeClock(), host: 'tests' };
  }
}
