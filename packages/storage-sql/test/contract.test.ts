import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { sampleStoreContract } from '@nephoscope/testing';

import { readerAt, storeAt } from './store-at.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pathOf = (place: string) => join(folder, `${place}.db`);

sampleStoreContract('SQLite', {
  create: (place) => storeAt(pathOf(place)),
  createReader: (place) => readerAt(pathOf(place)),
  takeAway: (place) => {
    const path = pathOf(place);
    renameSync(path, `${path}.away`);
    return Promise.resolve(() => Promise.resolve(renameSync(`${path}.away`, path)));
  },
});
