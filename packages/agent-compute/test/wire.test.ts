import { join } from 'node:path';

import { createVerifier, meteringTexts, readMeteringMessage } from '@nephoscope/message';
import { FakeClock, FakeInspector, instanceReading } from '@nephoscope/testing';

import { createAgent, pollster, ScriptedBus, secret, temporaryFolder } from './support.js';

const root = temporaryFolder();
let runs = 0;

const two = pollster('two', ['one', 'two'], function* () {
  yield { meter: 'one', volume: 2n ** 64n - 1n };
  yield { meter: 'two', volume: 2 };
});

async function published(options: Record<string, unknown>) {
  const bus = new ScriptedBus();
  const inspector = new FakeInspector([instanceReading()]);
  const signal = AbortSignal.timeout(20_000);
  const clock = new FakeClock();
  const { agent } = createAgent({
    stateDirectory: join(root, String(++runs)),
    pollsters: [two],
    inspector,
    bus,
    clock,
    options,
  });
  await inspector.start(signal);
  await agent.start();
  await agent.once(signal);
  await agent.stop();
  return bus;
}

describe('samples', () => {
  it.each([
    [{}, 'canonical', ['metering.one', 'metering.two'], 'application/x-ndjson'],
    [{ wire: 'ceilometer' }, 'ceilometer', ['notifications.sample', 'notifications.sample'], 'application/json'],
  ] as const)(
    'with %j are sent and signed so that their receiver accepts them',
    async (options, form, keys, type) => {
      const { confirmed } = await published(options);
      expect(confirmed.map(({ exchange, routingKey }) => [exchange, routingKey])).toEqual(
        keys.map((key) => ['ceilometer', key]),
      );
      const verifier = createVerifier({ secrets: [secret], forms: [form] });
      const read = confirmed.flatMap(({ body, contentType }) => {
        expect(contentType).toBe(type);
        return [...meteringTexts(body, contentType)].map((text) => readMeteringMessage(text as string));
      });
      expect(read.map(({ message }) => verifier.verify(message))).toEqual(['verified', 'verified']);
      expect(read.map(({ sample }) => [sample.meter, sample.volume, sample.sequence])).toEqual([
        ['one', '18446744073709551615', 1n],
        ['two', '2', 2n],
      ]);
    },
  );

  it('for Ceilometer declare no queue, because it would have no consumer', async () => {
    expect((await published({})).declared.map(({ queue }) => queue)).toEqual(['metering']);
    expect((await published({ wire: 'ceilometer' })).declared).toEqual([]);
  });
});
