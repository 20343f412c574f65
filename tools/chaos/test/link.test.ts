import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import { Link } from '../link.js';

let server: Server;
let link: Link;
let accepted: Socket[];

beforeEach(async () => {
  accepted = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => socket.write(`${data} back`));
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  link = await Link.open((server.address() as AddressInfo).port);
});

afterEach(async () => {
  await link.close();
  for (const socket of accepted) socket.destroy();
  server.close();
});

async function client(): Promise<Socket> {
  const socket = connect(link.port, '127.0.0.1');
  socket.setEncoding('utf8');
  await once(socket, 'connect');
  socket.on('error', () => undefined); // The connection ends with the test, or the test checks it.
  return socket;
}

/** Sends data and waits for the answer. */
async function say(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [answer] = (await once(socket, 'data')) as [string];
  return answer;
}

async function errorOf(socket: Socket): Promise<string | undefined> {
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return error.code;
}

it('forwards data, and the end of a connection', async () => {
  const socket = await client();
  expect(await say(socket, 'a')).toBe('a back');
  const ended = once(socket, 'close');
  socket.end();
  await ended;
});

it('resets open connections, and those that are opened meanwhile', async () => {
  const socket = await client();
  await say(socket, 'a');
  const reset = errorOf(socket);
  link.begin('reset');
  expect(await reset).toBe('ECONNRESET');
  const late = connect(link.port, '127.0.0.1');
  expect(await errorOf(late)).toBe('ECONNRESET');
  expect(link.end()).toBe(2);
  expect(await say(await client(), 'b')).toBe('b back');
});

it('reports that a fault affected nothing', () => {
  link.begin('black hole');
  expect(link.end()).toBe(0);
});

it('holds data in a black hole, and delivers it afterwards in order', async () => {
  const socket = await client();
  await say(socket, 'a');
  link.begin('black hole');
  let heard = '';
  socket.on('data', (text: string) => (heard += text));
  socket.write('b');
  // A second link, which is not affected, shows that time has passed.
  const other = connect((server.address() as AddressInfo).port, '127.0.0.1');
  other.setEncoding('utf8');
  expect(await say(other, 'c')).toBe('c back');
  other.destroy();
  expect(heard).toBe('');
  const answer = once(socket, 'data');
  expect(link.end()).toBe(1);
  await answer;
  expect(heard).toBe('b back');
  socket.destroy();
});

it('delays data, and keeps its order', async () => {
  const socket = await client();
  link.begin('delay');
  let heard = '';
  socket.on('data', (text: string) => (heard += text));
  for (const text of ['a', 'b', 'c']) socket.write(text);
  await once(socket, 'data');
  while (!heard.endsWith(' back')) await once(socket, 'data');
  expect(heard).toMatch(/^a(b(c)?)? back/);
  expect(link.end()).toBe(1);
  socket.destroy();
});

it('leaves the client with a connection that the server no longer has', async () => {
  const socket = await client();
  await say(socket, 'a');
  const [ofServer] = accepted as [Socket];
  const gone = errorOf(ofServer);
  link.begin('client left half-open');
  expect(await gone).toBe('ECONNRESET');
  socket.write('b');
  expect(socket.destroyed).toBe(false);
  const reset = errorOf(socket);
  expect(link.end()).toBe(1);
  expect(await reset).toBe('ECONNRESET');
});

it('leaves the server with a connection that the client no longer has', async () => {
  const socket = await client();
  await say(socket, 'a');
  const [ofServer] = accepted as [Socket];
  const reset = errorOf(socket);
  link.begin('server left half-open');
  expect(await reset).toBe('ECONNRESET');
  expect(ofServer.destroyed).toBe(false);
  const gone = errorOf(ofServer);
  link.end();
  expect(await gone).toBe('ECONNRESET');
});

it('refuses connections if the service does not listen, and the end of the service ends both sides', async () => {
  const socket = await client();
  await say(socket, 'a');
  const reset = errorOf(socket);
  accepted[0]?.resetAndDestroy();
  expect(await reset).toBe('ECONNRESET');
  server.close();
  await once(server, 'close');
  const late = connect(link.port, '127.0.0.1');
  expect(await errorOf(late)).toBe('ECONNRESET');
});
