import { fileURLToPath } from 'node:url';

import { progress } from '../testbed/progress.js';
import { profileOf } from './benchmark.js';
import type { Benchmark } from './benchmark.js';
import { writeCollectorConfiguration } from './collector.js';
import { withDirectory } from './hosts.js';
import { outputOf, startProgram, within } from './measured-process.js';
import { withStore } from './stores.js';
import { below } from './target.js';

/** What measured-resources.mjs prints. */
interface Held {
  readonly peakMiB: number;
  readonly cycles: readonly object[];
}

const meters = 2;
const cycles = 3;
const limitMiB = 300;
const script = fileURLToPath(new URL('measured-resources.mjs', import.meta.url));

/**
 * Memory of a collector with many resources: messages are read and recorded in a separate process, without a broker.
 */
export const resources: Benchmark = {
  name: 'resources',
  description: `memory of reading and recording ${meters} meters of 100,000 resources (--resources)`,
  onlyNamed: true,
  run: (context) =>
    withDirectory(async (directory) => {
      const results: Record<string, object> = {};
      for (const name of context.stores) {
        results[name] = await withStore(name, async (store) => {
          // The broker is not used.
          const configuration = await writeCollectorConfiguration(directory, 'amqp://127.0.0.1', store.url);
          const job = { configuration, resources: context.resources, meters, cycles };
          const args = ['--expose-gc', script, JSON.stringify(job)];
          const child = startProgram('collector', args, profileOf(context, `${name}-resources`));
          const what = `Recording ${cycles} cycles of ${context.resources} resources in ${name}`;
          const held = JSON.parse(await progress(what, outputOf(child, within(context.signal)))) as Held;
          return { ...held, targets: [below('peak resident memory (VmHWM), MiB', limitMiB, held.peakMiB)] };
        });
      }
      return { resources: context.resources, meters, ...results };
    }),
};
