import type { Duplex } from 'node:stream';
import { jest } from '@jest/globals';
import { AbortError, ArgumentError, ConnectionClosedError, LibvirtError, TimeoutError } from '../src/errors.js';
import { connectGetHostname, connectGetUri } from '../src/procedures/host.js';
import { domainLookupByName } from '../src/procedures/domain.js';
import { connectClose } from '../src/procedures/session.js';
import { RpcClient } from '../src/rpc/client.js';
import {
  KEEPALIVE_PROGRAM,
  type MessageHeader,
  REMOTE_PROGRAM,
  writeFrame,
  writeKeepalive,
} from '../src/rpc/message.js';
import { FakeLibvirtd } from '../src/testing/fake-libvirtd.js';
import { Fault } from '../src/testing/fault.js';
import { socketPair } from '../src/testing/socket-pair.js';
import { XdrWriter } from '../src/xdr/writer.js';
import { until } from './until.js';

interface Peers {
  rpc: RpcClient;
  daemon: FakeLibvirtd;
  /** The client's end of the transport. */
  ours: Duplex;
  send: (bytes: Buffer) => void;
}

function peers(callTimeout = 60_000): Peers {
  const [ours, theirs] = socketPair();
  const daemon = new FakeLibvirtd();
  const client = daemon.serve(theirs);
  return { rpc: new RpcClient(ours, 'a fake', callTimeout), daemon, ours, send: (bytes) => client.sendRaw(bytes) };
}

function reply(header: Partial<MessageHeader>, body?: (writer: XdrWriter) => void): Buffer {
  const writer = new XdrWriter();
  writeFrame(
    writer,
    {
      program: REMOTE_PROGRAM,
      version: 1,
      procedure: connectGetHostname.number,
      type: 1,
      serial: 1,
      status: 0,
      ...header,
    },
    body,
  );
  return writer.take();
}

const hostname = reply({}, (writer) => writer.string('host'));
const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Error) => error,
  );
const never = (): Promise<never> => new Promise(() => {});
const received = (daemon: FakeLibvirtd, count: number): Promise<void> =>
  until(`${count} calls are received`, () => daemon.calls.length >= count);

describe('calls', () => {
  it('are answered in any order', async () => {
    const { rpc, daemon } = peers();
    const waiting: (() => void)[] = [];
    daemon.handle(
      'domainLookupByName',
      (name) =>
        new Promise((resolve) => {
          waiting.push(() => resolve({ name, uuid: '00000000-0000-4000-8000-000000000001', id: 1 }));
        }),
    );
    const names = ['a', 'b', 'c', 'd', 'e'];
    const answers = names.map((name) => rpc.call(domainLookupByName, name));
    await received(daemon, names.length);
    for (const index of [3, 0, 4, 2, 1]) waiting[index]!();
    expect((await Promise.all(answers)).map(({ name }) => name)).toEqual(names);
    await rpc.close();
  });

  it('made in the same tick are sent in one write', async () => {
    const { rpc, ours } = peers();
    const write = jest.spyOn(ours, 'write');
    await Promise.all(Array.from({ length: 300 }, () => rpc.call(connectGetHostname, undefined)));
    expect(write).toHaveBeenCalledTimes(1);
    await rpc.close();
  });

  it("that fail return libvirt's error", async () => {
    const { rpc, daemon } = peers();
    daemon.handle('connectGetHostname', () => {
      throw new Fault(38, 'Cannot get host name', 12);
    });
    const error = await failure(rpc.call(connectGetHostname, undefined));
    expect(error).toBeInstanceOf(LibvirtError);
    expect(error).toMatchObject({
      code: 'LIBVIRT_REMOTE',
      name: 'LibvirtError',
      message: 'Cannot get host name',
      libvirtCode: 38,
      libvirtDomain: 12,
      level: 2,
      procedure: 'connect_get_hostname',
    });
    await rpc.close();
  });

  it('with arguments that cannot be sent send nothing, and do not affect others', async () => {
    const { rpc, daemon } = peers();
    const good = rpc.call(connectGetHostname, undefined);
    const bad = failure(rpc.call(domainLookupByName, 'x'.repeat(4_194_305)));
    const next = rpc.call(connectGetUri, undefined);
    expect(await bad).toBeInstanceOf(ArgumentError);
    expect(await failure(rpc.call(connectGetUri, undefined, { timeout: 0 }))).toBeInstanceOf(ArgumentError);
    expect(await Promise.all([good, next])).toEqual(['fake-host', 'test:///default']);
    expect(daemon.calls.map(({ name }) => name)).toEqual(['connectGetHostname', 'connectGetUri']);
    await rpc.close();
  });
});

describe('a deadline', () => {
  it('rejects only its call, and reports when the answer arrived after all', async () => {
    const { rpc, daemon } = peers();
    let answer!: (name: string) => void;
    daemon.handle('connectGetHostname', () => new Promise((resolve) => (answer = resolve)));
    const error = (await failure(rpc.call(connectGetHostname, undefined, { timeout: 5 }))) as TimeoutError;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'LIBVIRT_TIMEOUT', procedure: 'connect_get_hostname' });
    expect(error.message).toBe('libvirt did not answer connect_get_hostname within 5 ms');
    expect(rpc.abandonedCalls).toBe(1);

    let late = false;
    void error.late.then(() => (late = true));
    expect(await rpc.call(connectGetUri, undefined)).toBe('test:///default');
    expect(late).toBe(false);
    answer('late');
    await error.late;
    expect(rpc.abandonedCalls).toBe(0);
    expect(await rpc.call(connectGetUri, undefined)).toBe('test:///default');
    await rpc.close();
  });

  it('defaults to the one of the connection', async () => {
    const { rpc, daemon } = peers(5);
    daemon.handle('connectGetHostname', never);
    expect(await failure(rpc.call(connectGetHostname, undefined))).toBeInstanceOf(TimeoutError);
    await rpc.close();
  });

  it('is separate for each call, whichever ends first', async () => {
    const { rpc, daemon } = peers();
    daemon.handle('connectGetHostname', never);
    const pending: number[] = [];
    const call = async (timeout: number): Promise<void> => {
      pending.push(timeout);
      expect(await failure(rpc.call(connectGetHostname, undefined, { timeout }))).toBeInstanceOf(Error);
      pending.splice(pending.indexOf(timeout), 1);
    };
    const calls = [60_000, 30, 90_000, 10].map(call);
    await Promise.all([calls[1], calls[3]]);
    expect(pending).toEqual([60_000, 90_000]);
    await rpc.close();
    await Promise.all(calls);
  });

  it('may be infinite', async () => {
    const { rpc } = peers();
    expect(await rpc.call(connectGetHostname, undefined, { timeout: Infinity })).toBe('fake-host');
    await rpc.close();
  });

  it('resolves `late` also if the connection ends', async () => {
    const { rpc, daemon } = peers();
    daemon.handle('connectGetHostname', never);
    const error = (await failure(rpc.call(connectGetHostname, undefined, { timeout: 1 }))) as TimeoutError;
    daemon.dropConnections();
    await error.late;
    expect(rpc.abandonedCalls).toBe(0);
  });
});

describe('an abort', () => {
  it('rejects the calls of its signal with its reason, and no others', async () => {
    const { rpc, daemon } = peers();
    const before = daemon.handle('connectGetHostname', never);
    const abort = new AbortController();
    const calls = Array.from({ length: 20 }, () =>
      failure(rpc.call(connectGetHostname, undefined, { signal: abort.signal })),
    );
    await received(daemon, 20);
    daemon.handle('connectGetHostname', before);
    abort.abort(new Error('enough'));
    for (const error of await Promise.all(calls)) {
      expect(error).toBeInstanceOf(AbortError);
      expect(error).toMatchObject({ code: 'LIBVIRT_ABORTED', cause: new Error('enough') });
    }
    expect(rpc.abandonedCalls).toBe(20);
    expect(await rpc.call(connectGetHostname, undefined)).toBe('fake-host');
    await rpc.close();
  });

  it('before the call sends nothing', async () => {
    const { rpc, daemon } = peers();
    const error = (await failure(
      rpc.call(connectGetHostname, undefined, { signal: AbortSignal.abort() }),
    )) as AbortError;
    expect(error).toBeInstanceOf(AbortError);
    await error.late;
    await rpc.call(connectGetUri, undefined);
    expect(daemon.calls.map(({ name }) => name)).toEqual(['connectGetUri']);
    await rpc.close();
  });

  it('leaves no listener on the signal behind', async () => {
    const { rpc } = peers();
    const { signal } = new AbortController();
    const added = jest.spyOn(signal, 'addEventListener');
    const removed = jest.spyOn(signal, 'removeEventListener');
    await Promise.all(Array.from({ length: 50 }, () => rpc.call(connectGetHostname, undefined, { signal })));
    await rpc.call(connectGetHostname, undefined, { signal });
    expect(added).toHaveBeenCalledTimes(2);
    expect(removed).toHaveBeenCalledTimes(2);
    await rpc.close();
  });
});

describe('a violation of the protocol', () => {
  const event = (procedure: number) => reply({ procedure, type: 2, serial: 0 });
  const length = (bytes: number) => {
    const word = Buffer.alloc(4);
    word.writeUInt32BE(bytes);
    return word;
  };

  it.each<[string, Buffer, string]>([
    ['a frame longer than the protocol allows', length(33_554_437), 'a frame of 33554437 bytes'],
    ['a frame too short for its header', length(27), 'a frame of 27 bytes'],
    ['a length of zero', length(0), 'a frame of 0 bytes'],
    ['another program', reply({ program: 0x2000_8087 }), 'unknown program 0x20008087'],
    ['another version', reply({ version: 2 }), 'version 2'],
    ['an answer without a call', reply({ serial: 99 }, (writer) => writer.string('x')), 'never sent'],
    ['an answer of another procedure', reply({ procedure: 110 }, (writer) => writer.string('x')), 'procedure 110'],
    ['an answer with an unknown status', reply({ status: 2 }, (writer) => writer.string('x')), 'status is 2'],
    ['a truncated body', reply({}, (writer) => writer.uint32(50)), 'connect_get_hostname'],
    ['an empty body', reply({}), 'connect_get_hostname'],
    ['a body that is too long', reply({}, (writer) => [writer.string('x'), writer.int32(0)]), '4 bytes too many'],
    ['a string longer than libvirt permits', reply({}, (writer) => writer.uint32(4_194_305)), 'exceeds the limit'],
    ['a truncated error', reply({ status: 1 }, (writer) => writer.int32(1)), 'connect_get_hostname'],
    ['a call, which only clients make', reply({ type: 0 }), 'type 0'],
    ['a stream that was not opened', reply({ type: 3 }), 'type 3'],
    ['an event that was not requested', event(318), 'event 318'],
    [
      'a keepalive answer to a call',
      reply({ program: KEEPALIVE_PROGRAM, procedure: 1 }),
      'keepalive message of type 1',
    ],
  ])('%s closes the connection and rejects every call', async (_, bytes, problem) => {
    const { rpc, daemon, ours, send } = peers();
    daemon.handle('connectGetHostname', never);
    daemon.handle('connectGetUri', never);
    const calls = [rpc.call(connectGetHostname, undefined), rpc.call(connectGetUri, undefined)].map(failure);
    await received(daemon, 2);
    send(bytes);
    for (const error of await Promise.all(calls)) {
      expect(error).toBeInstanceOf(ConnectionClosedError);
      expect(error).toMatchObject({ code: 'LIBVIRT_CONNECTION_CLOSED', cause: { code: 'LIBVIRT_FRAMING' } });
      expect((error.cause as Error).message).toContain(problem);
    }
    expect(await rpc.closed).toMatchObject({ code: 'LIBVIRT_FRAMING' });
    expect(ours.destroyed).toBe(true);
    expect(await failure(rpc.call(connectGetUri, undefined))).toMatchObject({
      cause: { code: 'LIBVIRT_FRAMING' },
    });
  });

  it('does not affect an answer that arrived before it', async () => {
    const { rpc, daemon, send } = peers();
    daemon.handle('connectGetHostname', never);
    const call = rpc.call(connectGetHostname, undefined);
    await received(daemon, 1);
    send(Buffer.concat([hostname, hostname]));
    expect(await call).toBe('host');
    expect(await rpc.closed).toMatchObject({ code: 'LIBVIRT_FRAMING' });
  });
});

describe('keepalive', () => {
  it("answers the daemon's requests", async () => {
    const { rpc, daemon } = peers();
    const [client] = daemon.clients;
    client!.ping();
    client!.ping();
    await rpc.call(connectGetHostname, undefined);
    expect(client!.pongs).toBe(2);
    await rpc.close();
  });

  describe('requests to the daemon', () => {
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'performance'] });
    });
    afterEach(() => {
      jest.useRealTimers();
    });
    const settle = () => new Promise((resolve) => setImmediate(resolve));

    it('detect a dead peer after the configured number without an answer', async () => {
      const { rpc, daemon } = peers();
      rpc.startKeepalive({ interval: 1_000, count: 2 });
      daemon.clients[0]!.pause();
      const call = failure(rpc.call(connectGetHostname, undefined));
      for (let second = 0; second < 2; second += 1) {
        jest.advanceTimersByTime(1_000);
        await settle();
      }
      expect(daemon.clients).toHaveLength(1);
      jest.advanceTimersByTime(1_000);
      expect(await call).toMatchObject({
        code: 'LIBVIRT_CONNECTION_CLOSED',
        cause: { code: 'LIBVIRT_KEEPALIVE' },
      });
      expect(await rpc.closed).toMatchObject({ code: 'LIBVIRT_KEEPALIVE' });
    });

    it('keep the connection to a peer that answers them', async () => {
      const { rpc } = peers();
      rpc.startKeepalive({ interval: 1_000, count: 1 });
      for (let second = 0; second < 20; second += 1) {
        jest.advanceTimersByTime(1_000);
        await settle();
      }
      expect(await rpc.call(connectGetHostname, undefined)).toBe('fake-host');
      await rpc.close();
    });

    it('are not sent while frames arrive more often', async () => {
      const { rpc, daemon, ours } = peers();
      rpc.startKeepalive({ interval: 1_000, count: 1 });
      const write = jest.spyOn(ours, 'write');
      for (let second = 0; second < 5; second += 1) {
        daemon.clients[0]!.sendRaw(keepaliveAnswer());
        await settle();
        jest.advanceTimersByTime(999);
        await settle();
      }
      expect(write).not.toHaveBeenCalled();
      await rpc.close();
    });
  });
});

function keepaliveAnswer(): Buffer {
  const writer = new XdrWriter();
  writeKeepalive(writer, 2);
  return writer.take();
}

describe('the end of a connection', () => {
  it('by close() rejects pending calls, tells the daemon, and leaves no handle', async () => {
    const { rpc, daemon, ours } = peers();
    daemon.handle('connectGetHostname', never);
    const call = failure(rpc.call(connectGetHostname, undefined));
    await received(daemon, 1);
    await rpc.close(connectClose);
    expect(await call).toMatchObject({ code: 'LIBVIRT_CONNECTION_CLOSED' });
    expect((await call).message).toContain('closed by this client');
    expect(daemon.calls.at(-1)!.name).toBe('connectClose');
    expect(await rpc.closed).toBeUndefined();
    expect(ours.destroyed).toBe(true);
    expect(await failure(rpc.call(connectGetHostname, undefined))).toBeInstanceOf(ConnectionClosedError);
  });

  it('by close() may be requested again and at the same time', async () => {
    const { rpc, daemon } = peers();
    await Promise.all([rpc.close(connectClose), rpc.close(connectClose)]);
    await rpc.close(connectClose);
    expect(daemon.calls.map(({ name }) => name)).toEqual(['connectClose']);
  });

  it('by close() does not wait long for a daemon that does not answer', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    try {
      const { rpc, daemon } = peers();
      daemon.handle('connectClose', never);
      const closed = rpc.close(connectClose);
      await received(daemon, 1);
      jest.advanceTimersByTime(2_000);
      await closed;
      expect(await rpc.closed).toBeUndefined();
    } finally {
      jest.useRealTimers();
    }
  });

  it('by the daemon rejects pending calls and reports it', async () => {
    const { rpc, daemon } = peers();
    daemon.handle('connectGetHostname', never);
    const call = failure(rpc.call(connectGetHostname, undefined));
    await received(daemon, 1);
    daemon.dropConnections();
    expect(await call).toMatchObject({ code: 'LIBVIRT_CONNECTION_CLOSED' });
    expect((await rpc.closed)!.message).toBe('libvirtd at a fake closed the connection');
    await rpc.close(connectClose);
  });

  it('by the daemon within a message is reported as such', async () => {
    const { rpc, daemon, send } = peers();
    send(hostname.subarray(0, 20));
    daemon.dropConnections();
    expect((await rpc.closed)!.message).toBe('libvirtd at a fake closed the connection in the midst of a message');
  });

  it('by an error of the transport has that error as its cause', async () => {
    const { rpc, ours } = peers();
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    ours.destroy(reset);
    expect(await rpc.closed).toMatchObject({ code: 'LIBVIRT_CONNECTION_CLOSED', cause: reset });
  });
});
