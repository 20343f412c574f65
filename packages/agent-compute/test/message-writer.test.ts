import type { Counter, CounterType } from '@nephoscope/core';
import type { OutgoingMessage } from '@nephoscope/core/message-bus';
import { createVerifier, nephoscopeWire, readMeteringMessage } from '@nephoscope/message';
import { exampleInstance, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { Failures } from '../src/failures.js';
import { MessageWriter, pieces } from '../src/message-writer.js';
import { createAgentMetrics } from '../src/metrics.js';
import type { AgentState } from '../src/state-directory.js';
import { counted, lines, metric, secret, sequences, signer } from './support.js';

const newState: AgentState = { agentId: 'agent-1', sequence: 0n, dropped: {}, epochs: {} };

function counter(
  name: string,
  volume: number | bigint,
  type: CounterType = 'gauge',
  resourceId = 'vm-1',
): Counter {
  return {
    name,
    type,
    unit: 'x',
    volume,
    userId: 'u',
    projectId: 'p',
    resourceId,
    timestamp: 1_795_381_200_123_456_000n,
    resourceMetadata: { a: 1 },
  };
}

function writing(state = newState) {
  const registry = new Registry();
  const logger = new RecordingLogger();
  const failures = new Failures(createAgentMetrics(registry), logger);
  const writer = new MessageWriter(
    { source: 'openstack', publisher: 'compute.host-1', signer, wire: () => nephoscopeWire },
    state,
  );
  const write = (counters: readonly Counter[], instance = exampleInstance()) =>
    writer.write(writer.label([{ instance, pollster: 'test', counters }], 0), failures);
  return { writer, write, failures, registry };
}

/** The state with which the next process would begin. */
const restarted = ({ epochs, sequence }: MessageWriter): AgentState => ({
  ...newState,
  sequence,
  epochs: JSON.parse(JSON.stringify(epochs)) as AgentState['epochs'],
});

const texts = ({ body }: OutgoingMessage) => Buffer.from(body).toString('utf8').split('\n').filter(Boolean);

it('combines the samples of one meter in one message, under its routing key', () => {
  const messages = writing().write([counter('cpu', 1n), counter('vcpus', 2), counter('cpu', 3n, 'gauge', 'vm-2')]);
  expect(
    messages.map(({ exchange, routingKey, contentType, samples }) => ({
      exchange,
      routingKey,
      contentType,
      samples,
    })),
  ).toEqual([
    { exchange: 'ceilometer', routingKey: 'metering.cpu', contentType: 'application/x-ndjson', samples: 2 },
    { exchange: 'ceilometer', routingKey: 'metering.vcpus', contentType: 'application/x-ndjson', samples: 1 },
  ]);
});

it('signs what the collector can verify and read, to the last digit', () => {
  const [message] = writing().write([counter('cpu', 2n ** 64n - 1n, 'cumulative')]);
  const { message: read, sample } = readMeteringMessage(texts(message!)[0]!);
  expect(createVerifier({ secrets: [secret] }).verify(read)).toBe('verified');
  expect(sample).toMatchObject({
    meter: 'cpu',
    volume: '18446744073709551615',
    publisherId: 'compute.host-1/agent-1',
    sequence: 1n,
    epoch: 'boot-1/1',
    timestamp: 1_795_381_200_123_456_000n,
  });
});

it('numbers samples without a gap across meters, cycles and restarts', () => {
  const first = writing();
  const counters = [counter('cpu', 1n), counter('vcpus', 2), counter('cpu', 3n)];
  const messages = [...first.write(counters), ...first.write(counters)];
  const second = writing(restarted(first.writer));
  messages.push(...second.write(counters));
  expect(sequences(messages).sort((a, b) => a - b)).toEqual(counted(9));
  expect(new Set(lines(messages).map(({ publisher_id }) => publisher_id))).toEqual(
    new Set(['compute.host-1/agent-1']),
  );
  expect(new Set(lines(messages).map(({ message_id }) => message_id)).size).toBe(9);
});

it.each([
  ['NaN', counter('cpu', NaN)],
  ['Infinity', counter('cpu', Infinity, 'cumulative')],
  ['a text as its volume', counter('cpu', 'many' as unknown as number)],
  ['half a surrogate pair', counter('cpu', 1, 'gauge', '\ud800')],
  ['metadata that is not JSON', { ...counter('cpu', 1), resourceMetadata: { when: (() => 0) as never } }],
  ['no time', { ...counter('cpu', 1), timestamp: undefined as unknown as bigint }],
])('omits a counter with %s, without using a sequence number', async (_, garbage) => {
  const { write, failures, registry } = writing();
  const messages = write([counter('a', 1), garbage, counter('z', 1)]);
  expect(sequences(messages)).toEqual([1, 2]);
  expect(lines(messages).map(({ counter_name }) => counter_name)).toEqual(['a', 'z']);
  expect(failures.pollsters).toEqual(['test']);
  expect(await metric(registry, 'nephoscope_plugin_failures_total', { plugin: 'test' })).toBe(1);
});

it('keeps a long name, and uses its beginning in the routing key', () => {
  const name = `instance:${'é'.repeat(500)}`;
  const messages = writing().write([counter(name, 1)]);
  expect(lines(messages).map(({ counter_name }) => counter_name)).toEqual([name]);
  expect(messages.map(({ routingKey }) => routingKey)).toEqual([`metering.instance:${'é'.repeat(118)}`]);
});

it('states the highest number of each message, and reuses numbers that were not accepted', () => {
  const { write, writer } = writing();
  const first = write([counter('cpu', 1n), counter('vcpus', 2), counter('cpu', 3n)]);
  expect(first.map(({ last }) => last)).toEqual([3n, 2n]);
  const lost = write([counter('cpu', 4n)]);
  writer.continueFrom(3n);
  const again = write([counter('cpu', 5n)]);
  expect([...sequences(lost), ...sequences(again)]).toEqual([4, 4]);
  expect(writer.sequence).toBe(4n);
});

it('states the highest number of each body if a meter has several', () => {
  const counters = Array.from({ length: 1_000 }, (_, index) => counter('cpu', index));
  const messages = writing().write(counters);
  expect(messages.length).toBeGreaterThan(2);
  for (const message of messages) expect(Math.max(...sequences([message]))).toBe(Number(message.last));
});

it('reports dropped samples as a cumulative sample without a sequence number', () => {
  const { writer } = writing();
  const from = '2026-11-22T21:00:00.000000+00:00';
  const to = '2026-11-23T21:00:00.000000+00:00';
  const dropped = { meter: 'cpu', total: 2n ** 60n + 1n, from, to };
  const message = writer.report(dropped, 1_795_381_200_000_000_000n);
  expect(message).toMatchObject({
    routingKey: 'metering.nephoscope.samples.dropped',
    samples: 1,
    last: 0n,
    dropped,
  });
  const { message: read, sample } = readMeteringMessage(texts(message)[0]!);
  expect(createVerifier({ secrets: [secret] }).verify(read)).toBe('verified');
  expect(sample).toMatchObject({
    meter: 'nephoscope.samples.dropped',
    type: 'cumulative',
    unit: 'sample',
    volume: String(2n ** 60n + 1n),
    resourceId: 'compute.host-1/agent-1/cpu',
    epoch: 'agent-1',
  });
  expect(lines([message])[0]!['resource_metadata']).toEqual({ meter: 'cpu', from, to });
  expect(sample.sequence).toBeNull();
  expect(writer.sequence).toBe(0n);
});

describe('epochs', () => {
  const epochs = (messages: readonly OutgoingMessage[]) => lines(messages).map(({ epoch }) => epoch);

  it('are set for cumulative counters only', () => {
    const { write } = writing();
    expect(
      epochs(write([counter('cpu', 1n, 'cumulative'), counter('vcpus', 2), counter('new', 1, 'delta')])),
    ).toEqual(['boot-1/1', undefined, undefined]);
  });

  it('continue over a restart of the agent in the same run, and change with a run or a fall', () => {
    const first = writing();
    first.write([counter('cpu', 10n, 'cumulative')]);
    const second = writing(restarted(first.writer));
    expect(epochs(second.write([counter('cpu', 11n, 'cumulative')]))).toEqual(['boot-1/1']);
    expect(epochs(second.write([counter('cpu', 3n, 'cumulative')]))).toEqual(['boot-1/1+1']);
    const third = writing(restarted(second.writer));
    expect(epochs(third.write([counter('cpu', 4n, 'cumulative')]))).toEqual(['boot-1/1+1']);
    expect(epochs(third.write([counter('cpu', 5n, 'cumulative')], exampleInstance({ run: 'boot-1/9' })))).toEqual([
      'boot-1/9',
    ]);
  });

  it('of an instance that migrated to this host are those of its run here', () => {
    const here = writing();
    expect(
      epochs(here.write([counter('cpu', 900n, 'cumulative')], exampleInstance({ run: 'other-boot/3' }))),
    ).toEqual(['other-boot/3']);
  });
});

it('is split into pieces without loss, in the same order', () => {
  const labelled = [3, 0, 4, 1, 9, 2].map((length, index) => ({
    instance: exampleInstance(),
    pollster: String(index),
    counters: Array<Counter>(length),
    epochs: [],
  }));
  expect([...pieces(labelled, 5)].map((piece) => piece.map(({ pollster }) => pollster))).toEqual([
    ['0', '1', '2'],
    ['3', '4'],
    ['5'],
  ]);
  expect([...pieces([], 5)]).toEqual([]);
});
