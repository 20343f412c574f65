import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import { FrameLink } from '../frame-link.js';

/** An AMQP frame of this type: on channel 0, with a payload of a few bytes and the end mark. */
function frame(text: string, type = 1): Buffer {
  const head = Buffer.alloc(7);
  head[0] = type;
  head.writeUInt32BE(text.length, 3);
  return Buffer.concat([head, Buffer.from(text), Buffer.from([0xce])]);
}

const header = Buffer.from('AMQP0091');

let server: Server;
let link: FrameLink;
let accepted: Promise<Socket>;

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true });
  accepted = once(server, 'connection').then(([socket]) => socket as Socket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  link = await FrameLink.open((server.address() as AddressInfo).port);
});

afterEach(async () => {
  await link.close();
  (await accepted).destroy();
  server.close();
});

async function join() {
  const client = connect(link.port, '127.0.0.1');
  client.on('error', () => undefined);
  const service = await accepted;
  service.on('error', () => undefined);
  return { client, service };
}

/** Resolves also on a reset. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

async function received(socket: Socket, length: number): Promise<Buffer> {
  let all = Buffer.alloc(0);
  while (all.length < length) all = Buffer.concat([all, ((await once(socket, 'data')) as [Buffer])[0]]);
  return all;
}

it('forwards data in whole frames, and counts them except for heartbeats', async () => {
  const { client, service } = await join();
  const all = Buffer.concat([header, frame('a'), frame('', 8), frame('bc')]);
  client.write(all.subarray(0, 20));
  client.write(all.subarray(20));
  expect(await received(service, all.length)).toEqual(all);
  service.write(frame('d'));
  expect(await received(client, frame('d').length)).toEqual(frame('d'));
  expect(link.frames).toBe(4);
});

it('cuts before a frame', async () => {
  link.cutAt(2, 'before', () => undefined);
  const { client, service } = await join();
  const closed = Promise.all([closing(client), Promise.race([closing(service), once(service, 'end')])]);
  const heard: Buffer[] = [];
  service.on('data', (data: Buffer) => heard.push(data));
  client.write(Buffer.concat([header, frame('a')]));
  await closed;
  expect(Buffer.concat(heard).includes('a')).toBe(false);
});

it('cuts after a frame, which arrives, but not its answer', async () => {
  link.cutAt(2, 'after', () => undefined);
  const { client, service } = await join();
  const closed = closing(client);
  client.write(Buffer.concat([header, frame('a'), frame('b')]));
  const sent = Buffer.concat([header, frame('a')]);
  expect(await received(service, sent.length)).toEqual(sent);
  await closed;
  await once(service, 'end');
});

it('goes silent, and leaves both sockets open', async () => {
  const silence = new Promise<void>((resolve) => link.cutAt(2, 'silent', resolve));
  const { client, service } = await join();
  service.resume();
  client.write(Buffer.concat([header, frame('a')]));
  await silence;
  client.write(frame('b'));
  service.write(frame('c'));
  // A second link, which is not affected, shows that time has passed.
  const other = connect(link.port, '127.0.0.1');
  await once(other, 'connect');
  other.destroy();
  expect([client.destroyed, service.destroyed]).toEqual([false, false]);
});
