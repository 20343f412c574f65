import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { collectorProgram } from '@nephoscope/collector';
import { NephoscopeError } from '@nephoscope/core';
import { configure, readConfig } from '@nephoscope/runtime';
import fc from 'fast-check';

import { mutated } from './target.js';
import type { Target } from './target.js';

const secret = 'topsecret-of-4e5a-and-93af';
const texts = [
  `secrets: ${secret}\nbus: { url: 'amqp://user:${secret}@127.0.0.1/' }\nstorage: { url: sqlite:/nowhere/samples.db }\n`,
  `secrets:\n  - ${secret}\n  - "${secret}x"\nbus:\n  url: amqp://a/\ncollector:\n  retention: 90d\nlog: { level: info }\n`,
  `secrets: &s ${secret}\nstorage: { url: 'postgresql://u:${secret}@h/db' }\nnotifications: { queue: { maxBytes: 1GiB } }\nstatus: { port: 0 }\n`,
];

/** Configurations: each is read or refused by a code, and no error quotes a secret. */
export const configuration: Target = {
  name: 'configuration',
  runs: 20,
  inputs: mutated(fc.constantFrom(...texts)),
  async check(input) {
    const folder = mkdtempSync(join(tmpdir(), 'nephoscope-fuzz-'));
    const path = join(folder, 'nephoscope.yaml');
    try {
      writeFileSync(path, input);
      await configure(collectorProgram, await readConfig(path, {}), []);
    } catch (error) {
      if (!(error instanceof NephoscopeError)) throw error;
      if (error.message.includes(secret))
        throw new Error(`an error quotes a secret: ${error.message}`, { cause: error });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
