import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import { promisify } from 'node:util';

import type { Delivery } from '@nephoscope/core/message-bus';

import { createBus, newTopology, remove, sample, sharedBroker, until } from './support.js';

const run = promisify(execFile);
const broker = new URL(sharedBroker());

describe('the AMQP bus over TLS', () => {
  let directory: string;
  let server: Server;
  let url: string;
  const sockets = new Set<TLSSocket>();
  const file = (name: string) => join(directory, name);

  /** A key with its certificate, self-signed or signed by another. */
  async function certificate(name: string, ...more: string[]) {
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      file(`${name}.key`),
      '-out',
      file(`${name}.pem`),
      ...more,
    ]);
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nephoscope-tls-'));
    await certificate('broker', '-addext', 'subjectAltName=DNS:localhost');
    await certificate('agent');
    // It stands in front of the broker, and requires a client certificate as a strict broker does.
    server = createServer(
      {
        key: await readFile(file('broker.key')),
        cert: await readFile(file('broker.pem')),
        ca: await readFile(file('agent.pem')),
        requestCert: true,
        rejectUnauthorized: true,
      },
      (client) => {
        sockets.add(client);
        const upstream = connect(Number(broker.port), broker.hostname);
        client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
        upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
        client.pipe(upstream).pipe(client);
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `amqps://guest:guest@localhost:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  });

  const agentFiles = () => ({ certFile: file('agent.pem'), keyFile: file('agent.key') });

  it('publishes and consumes, with both sides authenticated by certificate', async () => {
    const topology = newTopology();
    const bus = createBus({ url, tls: { caFile: file('broker.pem'), ...agentFiles() } });
    try {
      await bus.declare(topology);
      await bus.start(AbortSignal.timeout(10_000));
      const inbox: Delivery[] = [];
      await bus.consume(topology.queue, { prefetch: 1 }, (delivery) => {
        inbox.push(delivery);
        delivery.ack();
      });
      const body = Buffer.alloc(300_000, 'nephoscope ');
      await bus.publish(sample(topology, body));
      await until('the message', () => inbox.length === 1);
      expect(body.equals(inbox[0]!.body)).toBe(true);
    } finally {
      await bus.stop();
      await remove(broker.href, topology);
    }
    await until('the sockets to close', () => [...sockets].every(({ destroyed }) => destroyed));
  });

  it('refuses a broker with an untrusted certificate', async () => {
    const bus = createBus({ url, tls: agentFiles() });
    await expect(bus.start(AbortSignal.timeout(10_000))).rejects.toMatchObject({
      code: 'BUS_TLS',
      message: expect.stringMatching(/tls.caFile/),
    });
  });

  it('refuses a broker whose certificate has a different name', async () => {
    const bus = createBus({
      url: url.replace('localhost', '127.0.0.1'),
      tls: { caFile: file('broker.pem'), ...agentFiles() },
    });
    await expect(bus.start(AbortSignal.timeout(10_000))).rejects.toMatchObject({
      code: 'BUS_TLS',
      message: expect.stringMatching(/name in the broker/),
    });
  });

  it('reports that the broker requires a certificate', async () => {
    const bus = createBus({ url, tls: { caFile: file('broker.pem') } });
    const error = await bus.start(AbortSignal.timeout(3_000)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'BUS_TLS', message: expect.stringMatching(/tls.certFile/) });
  });
});
