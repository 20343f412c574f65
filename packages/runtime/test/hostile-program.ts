/**
 * A program with third-party plugins from files: `hostile-program.ts <folder> <name>…`. It prints `running` when they are
 * created, and runs until it is stopped. A name after `import:` is imported as programs import plugins; with `own:error`
 * the program itself has an error.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { definePollster } from '@nephoscope/core/pollster';
import type { ComputePollster } from '@nephoscope/core/pollster';
import { Registry } from 'prom-client';

import {
  createLogger,
  createSelected,
  endProcess,
  runToExit,
  selectPlugins,
  systemClock,
  untilAborted,
} from '../src/index.js';
import { collectProcessMetrics } from '../src/process-metrics.js';

const [folder = '', ...names] = process.argv.slice(2);
const logger = createLogger({ name: 'test', level: 'info' });
const say = (text: string) => process.stdout.write(`${text}\n`);

const code = await runToExit(
  async (stopped) => {
    const registry = new Registry();
    collectProcessMetrics(registry);
    const note = join(folder, 'blocking.json');
    const declaredAs = (name: string) => ({
      ...{ namespace: 'poll.compute' as const, name, packageDirectory: join(folder, name) },
      ...{ packageName: `@example/${name}`, packageVersion: '1.0.0', export: '.' },
    });
    const imports = names.filter((name) => name.startsWith('import:')).map((name) => name.slice('import:'.length));
    const { inactive } = await selectPlugins(
      imports.map(declaredAs),
      'poll.compute',
      { disabled: [], options: {} },
      { enabled: [], disabled: [], options: [] },
      note,
    );
    const active = await Promise.all(
      names
        .filter((name) => !name.includes(':'))
        .map(async (name) => {
          const { create } = (await import(pathToFileURL(join(folder, name, 'index.mjs')).href)) as {
            create: () => ComputePollster<never>;
          };
          return {
            declared: declaredAs(name),
            plugin: definePollster({
              meters: [{ name, type: 'gauge', unit: 'x', description: 'of the tests' }],
              reads: [],
              create,
            }) as never,
            options: {},
          };
        }),
    );
    const around = { logger, clock: systemClock, host: 'test', note };
    const { made } = createSelected('pollster', { active, inactive }, around, (_, { declared }) => declared.name);
    const open = setInterval(() => undefined, 1_000);
    if (names.includes('own:error')) setTimeout(() => void Promise.reject(new Error('of the program')));
    say('running');
    // The answer contains everything that was counted until now.
    process.stdin.on('data', () => void registry.metrics().then(say));
    await untilAborted(stopped);
    clearInterval(open);
    say(`made ${made.join(' ')}`);
  },
  () => logger,
);
endProcess(code);
