import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AbortError,
  ConnectError,
  connect,
  type DeviceEvent,
  isAbandonedCall,
  isConnectionClosed,
  isLibvirtError,
  isNoDomain,
  isOperationInvalid,
  isUnsupported,
  type LifecycleEvent,
  UnsupportedAuthError,
  UnsupportedTransportError,
} from '../src/index.js';
import { lifecycleEvent } from '../src/procedures/events.js';
import { writeDomain } from '../src/procedures/domain-ref.js';
import { MessageType, REMOTE_PROGRAM, writeFrame } from '../src/rpc/message.js';
import { FakeLibvirtd, Fault } from '../src/testing/index.js';
import { XdrWriter } from '../src/xdr/writer.js';
import { until } from './until.js';

const domain = { name: 'a', uuid: '0d6b7e1c-3f5a-4c1e-9a77-2b5f0c7d9e11', id: 3 };
const off = { name: 'b', uuid: '0d6b7e1c-3f5a-4c1e-9a77-2b5f0c7d9e12', id: -1 };

let daemon: FakeLibvirtd;
beforeEach(async () => {
  daemon = await FakeLibvirtd.listen([{ ...domain, stats: { 'state.state': 1, 'cpu.time': 2n ** 63n } }, off]);
});
afterEach(() => daemon.close());

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Error) => error,
  );

describe('connect', () => {
  it('opens the hypervisor of the URI, read-only, without the parameters of the transport', async () => {
    const connection = await connect(daemon.uri);
    // It does not ask whether the daemon supports keepalive, because a local daemon's requests would only wake the process.
    expect(daemon.calls).toEqual([
      { name: 'authList', args: undefined },
      { name: 'connectOpen', args: { name: 'test:///default', readOnly: true } },
    ]);
    await connection.close();
    expect(await connection.closed).toBeUndefined();
  });

  it('opens it for writing, and without keepalive, if requested', async () => {
    const connection = await connect(daemon.uri, { readOnly: false, keepalive: false });
    expect(daemon.calls.map(({ name }) => name)).toEqual(['authList', 'connectOpen']);
    expect(daemon.calls[1]!.args).toEqual({ name: 'test:///default', readOnly: false });
    await connection.close();
  });

  it('authenticates with polkit', async () => {
    daemon.handle('authList', () => [2]);
    const connection = await connect(daemon.uri);
    expect(daemon.calls[1]!.name).toBe('authPolkit');
    await connection.close();
  });

  it.each([
    [[1], '', ['sasl']],
    [[1, 7], '', ['sasl', 'type 7']],
    [[1, 2], '&auth=sasl', ['sasl', 'polkit']],
  ])('names the authentication %p that is not supported', async (offered, parameter, mechanisms) => {
    daemon.handle('authList', () => offered);
    const error = await failure(connect(daemon.uri + parameter));
    expect(error).toBeInstanceOf(UnsupportedAuthError);
    expect(error).toMatchObject({ code: 'LIBVIRT_UNSUPPORTED_AUTH', mechanisms });
    await until('daemon.clients.length === 0', () => daemon.clients.length === 0);
  });

  it("passes on libvirt's refusal, and leaves nothing open", async () => {
    daemon.handle('connectOpen', () => {
      throw new Fault(45, 'authentication failed');
    });
    expect(await failure(connect(daemon.uri))).toMatchObject({ code: 'LIBVIRT_REMOTE', libvirtCode: 45 });
    await until('daemon.clients.length === 0', () => daemon.clients.length === 0);
  });

  it('gives up on a daemon that does not answer', async () => {
    daemon.handle('authList', () => new Promise(() => {}));
    const error = await failure(connect(daemon.uri, { connectTimeout: 20 }));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ code: 'LIBVIRT_CONNECT', address: daemon.socket });
    expect(error.message).toContain('did not answer within 20 ms');
    await until('daemon.clients.length === 0', () => daemon.clients.length === 0);
  });

  it('gives up when its signal is aborted, before or during the call', async () => {
    expect(await failure(connect(daemon.uri, { signal: AbortSignal.abort() }))).toBeInstanceOf(AbortError);
    expect(daemon.calls).toEqual([]);
    const abort = new AbortController();
    daemon.handle('authList', () => {
      abort.abort('enough');
      return new Promise(() => {});
    });
    expect(await failure(connect(daemon.uri, { signal: abort.signal }))).toMatchObject({
      code: 'LIBVIRT_ABORTED',
      cause: 'enough',
    });
    await until('daemon.clients.length === 0', () => daemon.clients.length === 0);
  });

  it.each([
    { callTimeout: 0 },
    { connectTimeout: Number.NaN },
    { keepalive: { interval: -1 } },
    { keepalive: { count: 0 } },
  ])('refuses %j before it connects', async (options) => {
    expect(await failure(connect(daemon.uri, options))).toMatchObject({ code: 'LIBVIRT_ARGUMENT' });
    expect(daemon.clients).toEqual([]);
  });

  it('reports that the daemon closed the connection', async () => {
    daemon.handle('authList', () => {
      daemon.dropConnections();
      return [];
    });
    const error = await failure(connect(daemon.uri));
    expect(error).toMatchObject({ code: 'LIBVIRT_CONNECT', cause: { code: 'LIBVIRT_CONNECTION_CLOSED' } });
    expect(error.message).toContain('hung up');
  });

  it('reports a transport that is not supported', async () => {
    expect(await failure(connect('qemu+ssh://host/system'))).toBeInstanceOf(UnsupportedTransportError);
  });

  describe('to an address where no libvirt answers', () => {
    let directory: string;
    let server: Server | undefined;
    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'libvirt-client-'));
    });
    afterEach(async () => {
      if (server?.listening) await new Promise((resolve) => server!.close(resolve));
      await rm(directory, { recursive: true });
    });

    it('reports a missing socket, and what to start', async () => {
      const error = await failure(connect(`qemu:///system?socket=${directory}/none`));
      expect(error).toMatchObject({
        code: 'LIBVIRT_CONNECT',
        address: `${directory}/none`,
        cause: { code: 'ENOENT' },
      });
      expect(error.message).toMatch(/none: no such socket: install and start libvirtd or virtqemud/);
    });

    it('reports that there is no listener', async () => {
      await writeFile(join(directory, 'file'), '');
      const error = await failure(connect(`qemu:///system?socket=${directory}/file`));
      expect(error.message).toContain('no process listens there: start libvirtd or virtqemud');
    });

    it('reports a closed TCP port, and which setting opens it', async () => {
      server = createServer();
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as { port: number };
      await new Promise((resolve) => server!.close(resolve));
      const error = await failure(connect(`qemu+tcp://127.0.0.1:${port}/system`));
      expect(error).toMatchObject({ address: `127.0.0.1:${port}` });
      expect(error.message).toContain('listen_tcp');
    });

    it('reports which certificate is missing', async () => {
      const error = await failure(connect(`qemu+tls://127.0.0.1/system?pkipath=${directory}`));
      expect(error).toBeInstanceOf(ConnectError);
      expect(error.message).toContain(join(directory, 'cacert.pem'));
    });
  });
});

describe('a connection', () => {
  it('returns named objects', async () => {
    const connection = await connect(daemon.uri);
    expect(await connection.listAllDomains()).toEqual([domain, off]);
    expect(await connection.listAllDomains({ active: true })).toEqual([domain]);
    expect(await connection.listAllDomains({ inactive: true })).toEqual([off]);
    expect(await connection.lookupDomainByName('a')).toEqual(domain);
    expect(await connection.lookupDomainByUuid(domain.uuid)).toEqual(domain);
    expect(await connection.lookupDomainById(3)).toEqual(domain);
    expect(await connection.hostname()).toBe('fake-host');
    expect(await connection.libVersion()).toBe('9.0.0');
    expect(await connection.version()).toBe('7.2.0');
    expect(await connection.uri()).toBe('test:///default');
    expect(await connection.nodeInfo()).toMatchObject({ model: 'x86_64', memoryKib: 8_388_608n });
    expect(await connection.allDomainStats({ groups: ['cpuTotal'], flags: { active: true } })).toEqual([
      { domain, params: new Map([['cpu.time', 2n ** 63n]]) },
    ]);
    expect(await connection.allDomainStats({ domains: [off] })).toEqual([{ domain: off, params: new Map() }]);
    await connection.close();
  });

  it('distinguishes errors by code', async () => {
    const connection = await connect(daemon.uri);
    const gone = await failure(connection.domainInfo({ ...domain, uuid: '00000000-0000-4000-8000-000000000000' }));
    const missing = await failure(connection.domainBlockStats(domain, 'vda'));
    daemon.handle('domainMemoryStats', () => {
      throw new Fault(55, 'Requested operation is not valid: domain is not running');
    });
    const invalid = await failure(connection.domainMemoryStats(off));
    daemon.handle('connectGetUri', () => new Promise(() => {}));
    const slow = await failure(connection.uri({ timeout: 1 }));
    await connection.close();
    const closed = await failure(connection.uri());
    const kinds = {
      isLibvirtError,
      isNoDomain,
      isUnsupported,
      isOperationInvalid,
      isAbandonedCall,
      isConnectionClosed,
    };
    const kindsOf = (error: unknown) => Object.entries(kinds).flatMap(([name, is]) => (is(error) ? [name] : []));
    expect([gone, missing, invalid, slow, closed, new Error('x'), undefined].map(kindsOf)).toEqual([
      ['isLibvirtError', 'isNoDomain'],
      ['isLibvirtError', 'isUnsupported'],
      ['isLibvirtError', 'isOperationInvalid'],
      ['isAbandonedCall'],
      ['isConnectionClosed'],
      [],
      [],
    ]);
  });

  it('passes events to all listeners, with a single registration', async () => {
    const connection = await connect(daemon.uri);
    const seen: unknown[][] = [[], [], [], []];
    const note = (index: number) => (event: LifecycleEvent | DeviceEvent) => void seen[index]!.push(event);
    const unsubscribes = await Promise.all([
      connection.onLifecycle(note(0)),
      connection.onLifecycle(note(1)),
      connection.onDeviceAdded(note(2)),
      connection.onDeviceRemoved(note(3)),
    ]);
    expect(daemon.calls.filter(({ name }) => name === 'eventRegister').map(({ args }) => args)).toEqual([
      0, 19, 15,
    ]);
    const started = { domain, event: 2, detail: 0 };
    daemon.emitLifecycle(started);
    daemon.emitDeviceAdded({ domain, device: 'net1' });
    daemon.emitDeviceRemoved({ domain, device: 'net2' });
    await until('seen[3]!.length === 1', () => seen[3]!.length === 1);
    await unsubscribes[0]!();
    await unsubscribes[0]!();
    daemon.emitLifecycle({ domain, event: 5, detail: 1 });
    await until('seen[1]!.length === 2', () => seen[1]!.length === 2);
    expect(seen).toEqual([
      [started],
      [started, { domain, event: 5, detail: 1 }],
      [{ domain, device: 'net1' }],
      [{ domain, device: 'net2' }],
    ]);
    await unsubscribes[1]!();
    expect(daemon.calls.filter(({ name }) => name === 'eventDeregister')).toEqual([
      { name: 'eventDeregister', args: 0 },
    ]);
    await connection.onLifecycle(note(0));
    daemon.emitLifecycle(started);
    await until('seen[0]!.length === 2', () => seen[0]!.length === 2);
    await connection.close();
    await unsubscribes[2]!();
  });

  it('ignores events of other registrations', async () => {
    const connection = await connect(daemon.uri);
    const seen: LifecycleEvent[] = [];
    await connection.onLifecycle((event) => seen.push(event));
    const foreign = new XdrWriter();
    const header = { program: REMOTE_PROGRAM, version: 1, procedure: lifecycleEvent.procedure };
    writeFrame(foreign, { ...header, type: MessageType.event, serial: 0, status: 0 }, (writer) => {
      writer.int32(77);
      writeDomain(writer, domain);
      writer.int32(2);
      writer.int32(0);
    });
    daemon.clients[0]!.sendRaw(foreign.take());
    daemon.emitLifecycle({ domain, event: 5, detail: 1 });
    await until('seen.length > 0', () => seen.length > 0);
    expect(seen).toEqual([{ domain, event: 5, detail: 1 }]);
    await connection.close();
  });

  it('does not time out a call whose answer arrived while this process was busy', async () => {
    const connection = await connect(daemon.uri);
    const before = daemon.calls.length;
    const call = connection.hostname({ timeout: 20 });
    await until('daemon.calls.length > before', () => daemon.calls.length > before);
    // The answer is in the socket now, and the deadline passes before the process can read it.
    const late = performance.now() + 40;
    while (performance.now() < late);
    expect(await call).toBe('fake-host');
    await connection.close();
  });

  it('does not listen if the daemon refuses', async () => {
    const connection = await connect(daemon.uri);
    const before = daemon.handle('eventRegister', () => {
      throw new Fault(3, 'no events');
    });
    expect(isUnsupported(await failure(connection.onLifecycle(() => undefined)))).toBe(true);
    daemon.handle('eventRegister', before);
    await connection.onLifecycle(() => undefined);
    await connection.close();
  });

  it('that was lost stays lost, and a new one can be opened', async () => {
    const connection = await connect(daemon.uri);
    await daemon.stop();
    expect(await connection.closed).toMatchObject({ code: 'LIBVIRT_CONNECTION_CLOSED' });
    expect(isConnectionClosed(await failure(connection.hostname()))).toBe(true);
    await connection.close();
    await daemon.start();
    const second = await connect(daemon.uri);
    expect(await second.hostname()).toBe('fake-host');
    await second.close();
  });

  it('leaves no handle behind', async () => {
    const sockets = () =>
      process
        .getActiveResourcesInfo()
        .filter((name) => /Timeout|PipeWrap|TCP/.test(name))
        .sort();
    const before = sockets();
    const connection = await connect(daemon.uri);
    await connection.onLifecycle(() => undefined);
    daemon.handle('connectGetHostname', () => new Promise(() => {}));
    const call = failure(connection.hostname());
    await connection.close();
    await call;
    await until('daemon.clients.length === 0', () => daemon.clients.length === 0);
    expect(sockets()).toEqual(before);
  });
});
