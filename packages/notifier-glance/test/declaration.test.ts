import { readFileSync } from 'node:fs';

import { handlerOf, plugins } from './count.js';

interface Manifest {
  readonly nephoscope: { readonly collector: Readonly<Record<string, string>> };
  readonly exports: Readonly<Record<string, { readonly default: string }>>;
}

const defaults = ['glance'];

const { nephoscope, exports } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as Manifest;

it('declares its plugins where they are', async () => {
  const declared = await Promise.all(
    Object.values(nephoscope.collector).map(async (path) => {
      const source = exports[path]!.default.replace('./dist/', '../src/');
      return ((await import(source)) as { default: unknown }).default;
    }),
  );
  expect(new Set(declared)).toEqual(new Set(Object.values(plugins)));
});

it('listens to the exchanges that the operator set, by default to those of the service', () => {
  for (const plugin of Object.values(plugins)) {
    const topics = { notificationTopics: ['notifications', 'metering'] };
    expect(handlerOf(plugin).exchangeTopics(topics)).toEqual(
      defaults.map((exchange) => ({ exchange, topics: ['notifications.info', 'metering.info'] })),
    );
    expect(handlerOf(plugin, { exchanges: ['mine'] }).exchangeTopics(topics)).toEqual([
      { exchange: 'mine', topics: ['notifications.info', 'metering.info'] },
    ]);
    expect(plugin.options.safeParse({ exchanges: [] }).success).toBe(false);
  }
});
