/**
 * A program with plugins of somebody else, as files: `hostile-program.ts <folder> <name>…`. Says `running` when they are
 * made, and works on until it is stopped, or for a second with `briefly` among the names.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { definePollster } from '@nephoscope/core';
import type { ComputePollster } from '@nephoscope/core';
import { Registry } from 'prom-client';

import {
  collectProcessMetrics,
  createLogger,
  createSelected,
  endProcess,
  runToExit,
  systemClock,
  untilAborted,
} from '../src/index.js';

const [folder = '', ...names] = process.argv.slice(2);
const logger = createLogger({ name: 'test', level: 'info' });
const say = (text: string) => process.stdout.write(`${text}\n`);

const code = await runToExit(
  async (stopped) => {
    const registry = new Registry();
    collectProcessMetrics(registry);
    const active = await Promise.all(
      names.map(async (name) => {
        const packageDirectory = join(folder, name);
        const { create } = (await import(pathToFileURL(join(packageDirectory, 'index.mjs')).href)) as {
          create: () => ComputePollster<never>;
        };
        return {
          declared: {
            namespace: 'poll.compute' as const,
            ...{ name, packageDirectory, packageName: `@example/${name}`, packageVersion: '1.0.0', export: '.' },
          },
          plugin: definePollster({
            meters: [{ name, type: 'gauge', unit: 'x', description: 'of the tests' }],
            reads: [],
            create,
          }) as never,
          options: {},
        };
      }),
    );
    const around = { logger, clock: systemClock, host: 'test', note: join(folder, 'blocking.json') };
    const { made } = createSelected(
      'pollster',
      { active, inactive: [] },
      around,
      (_, { declared }) => declared.name,
    );
    const open = setInterval(() => undefined, 1_000);
    say('running');
    // Whoever asks hears what was counted until now.
    process.stdin.on('data', () => void registry.metrics().then(say));
    await untilAborted(stopped);
    clearInterval(open);
    say(`made ${made.join(' ')}`);
  },
  () => logger,
);
endProcess(code);
