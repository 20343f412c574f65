import { NephoscopeError } from '@nephoscope/core';

import type { Connection } from '../src/open-connection.js';
import { QueueTypes } from '../src/queue-types.js';
import { declareTopology } from '../src/topology.js';
import { recordingLogger } from './support.js';
import type { LogEntry } from './support.js';

const topology = { exchange: 'e', queue: 'q', bindings: [], deadLetterQueue: 'q.dead', maxBytes: 1_000 };

type Arguments = Readonly<Record<string, unknown>>;

/** A broker without queues, which answers a declaration as `assertQueue` does. */
function brokerThat(assertQueue: (args: Arguments) => Promise<unknown>): Connection {
  const missing = () => Promise.reject(Object.assign(new Error('NOT_FOUND'), { code: 404 }));
  const channel = {
    checkQueue: missing,
    checkExchange: () => Promise.resolve(),
    assertQueue: (_: string, options: { readonly arguments: Arguments }) => assertQueue(options.arguments),
    close: () => Promise.resolve(),
  };
  return { openChannel: () => Promise.resolve(channel) } as unknown as Connection;
}

describe('declared queues', () => {
  let log: LogEntry[];
  let declared: Arguments[];
  const logger = () => recordingLogger(log);

  beforeEach(() => {
    log = [];
    declared = [];
  });

  it('are quorum queues without a limit of deliveries', async () => {
    const broker = brokerThat((args) => Promise.resolve(void declared.push(args)));
    await declareTopology(broker, topology, new QueueTypes(), logger());
    const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2_147_483_647 };
    expect(declared).toEqual([quorum, { ...quorum, 'x-max-length-bytes': 1_000 }]);
    expect(log).toEqual([]);
  });

  it('are classic queues if the broker refuses the type, which is logged', async () => {
    const broker = brokerThat((args) => {
      declared.push(args);
      const refused = Object.assign(new Error('unsupported queue type'), { code: 406 });
      return 'x-queue-type' in args ? Promise.reject(refused) : Promise.resolve();
    });
    await declareTopology(broker, topology, new QueueTypes(), logger());
    expect(declared.filter((args) => !('x-queue-type' in args))).toEqual([{}, { 'x-max-length-bytes': 1_000 }]);
    expect(log).toMatchObject([
      { level: 'warn', fields: { queue: 'q.dead' }, message: expect.stringContaining('classic') },
      { level: 'warn', fields: { queue: 'q' } },
    ]);
  });

  it('are classic queues on the next connection if the broker closed this one because of the type', async () => {
    const types = new QueueTypes();
    const broker = brokerThat((args) => {
      declared.push(args);
      if (!('x-queue-type' in args)) return Promise.resolve();
      const text = "INTERNAL_ERROR - Cannot declare a queue 'q': the corresponding feature flag is disabled";
      const cause = Object.assign(new Error(text), { code: 541 });
      return Promise.reject(new NephoscopeError('BUS_UNAVAILABLE', 'the connection was lost', { cause }));
    });
    await expect(declareTopology(broker, topology, types, logger())).rejects.toThrow('connection was lost');
    declared = [];
    await declareTopology(broker, topology, types, logger());
    expect(declared).toEqual([{}, { 'x-max-length-bytes': 1_000 }]);
  });

  it('are left to other programs if this user may not declare them, which is logged', async () => {
    const refused = Object.assign(new Error('ACCESS_REFUSED'), { code: 403 });
    const broker = brokerThat(() => Promise.reject(refused));
    await declareTopology(broker, topology, new QueueTypes(), logger());
    expect(log.map(({ message }) => message)).toEqual([
      expect.stringContaining("did not permit this user to declare queue 'q.dead'"),
      expect.stringContaining("did not permit this user to declare queue 'q'"),
    ]);
  });
});
