import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { sampleStoreContract } from '@nephoscope/testing';

import { storeAt } from './store-at.js';

const folder = mkdtempSync(join(tmpdir(), 'nephoscope-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

sampleStoreContract('SQLite', { create: (place) => storeAt(join(folder, `${place}.db`)) });
