import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { sharedLibvirtd } from '../../../tools/testbed/shared.js';
import { nephoscope, start } from './command.js';

let cwd: string;
let config: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'nephoscope-tokens-'));
  config = join(cwd, 'test.yaml');
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

async function configure(api: object | undefined): Promise<void> {
  const whole = {
    secrets: ['the secret of this test'],
    bus: { type: 'memory' },
    inspector: { uri: `qemu+unix:///system?socket=${sharedLibvirtd().socketReadOnly}` },
    storage: { url: `sqlite:${join(cwd, 'samples.db')}` },
    compute: { interval: '10s', stateDirectory: join(cwd, 'state') },
    status: { port: 0 },
    api,
  };
  await writeFile(config, JSON.stringify(whole), { mode: 0o600 });
}
const tokens = (...args: readonly string[]) => nephoscope(cwd, 'tokens', ...args, '--config', config);

it('up answers requests with a token until it is revoked', async () => {
  await configure({ port: 0, access: { directory: join(cwd, 'tokens') } });
  const made = await tokens('create', 'billing', '--all');
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("The token 'billing' expires at ") });
  const token = made.stdout.trim();
  const running = start(cwd, ['up', '--config', config]);
  let stderr = '';
  running.child.stderr?.on('data', (text: string) => (stderr += text));
  let url: string | undefined;
  await waitUntil('the address', () => {
    url = /answering at (http:\S+);/.exec(stderr)?.[1];
    return url !== undefined;
  });
  const ask = async (headers: Record<string, string>) => {
    const response = await fetch(`${url}/v2/meters?unique=True`, { headers });
    return { status: response.status, body: await response.text() };
  };
  expect(await ask({})).toMatchObject({ status: 401 });
  await waitUntil('a sample', async () => {
    const { body } = await ask({ authorization: `Bearer ${token}` });
    return body.includes('"cpu"');
  });
  expect(await tokens('revoke', 'billing')).toMatchObject({ code: 0 });
  expect(await ask({ authorization: `Bearer ${token}` })).toMatchObject({ status: 401 });
  running.child.kill('SIGTERM');
  const ended = await running.ended;
  expect(ended.code).toBe(0);
  expect(ended.stderr + ended.stdout).not.toContain(token);
}, 90_000);

it('up meters without the API if its default address is in use, and ends if a configured one is', async () => {
  const other = createServer();
  const isOurs = await new Promise<boolean>((resolve) => {
    other.once('error', () => resolve(false)).listen(8777, '127.0.0.1', () => resolve(true));
  });
  try {
    await configure(undefined);
    const running = start(cwd, ['up', '--config', config]);
    await waitUntil('a table', () => /^Recorded until /m.test(running.stdout()));
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('the HTTP API is not there'),
    });
    await configure({ port: 8777 });
    expect(await start(cwd, ['up', '--config', config]).ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot listen on 127.0.0.1:8777'),
    });
  } finally {
    if (isOurs) await new Promise((resolve) => other.close(resolve));
  }
}, 90_000);

it('tokens are created, listed and revoked, and each is printed once', async () => {
  await configure({ access: { directory: join(cwd, 'tokens') } });
  const made = [
    await tokens('create', 'shop', '--project', 'p1', '--may-post', '--expires', 'never'),
    await tokens('create', 'all', '--all', '--expires', '12h'),
  ];
  for (const { code, stdout } of made) {
    expect(code).toBe(0);
    expect(stdout).toMatch(/^nephoscope_[0-9a-f]{16}_[\w-]{43}\n$/);
  }
  const listed = await tokens('list');
  expect(listed.stdout).toMatch(
    /^NAME +ID +SEES +ROLE +CREATED +EXPIRES\nall .* everything +reader .*\nshop .* project p1 +member .* never\n$/,
  );
  const whole = (await tokens('list', '--json')).stdout;
  const files = await Promise.all(
    (await readdir(join(cwd, 'tokens'))).map((name) => readFile(join(cwd, 'tokens', name), 'utf8')),
  );
  for (const { stdout } of made)
    expect(`${listed.stdout} ${whole} ${files.join(' ')}`).not.toContain(stdout.trim().slice(-43));
  expect(await tokens('revoke', 'shop')).toMatchObject({ code: 0 });
  expect((await tokens('list')).stdout).not.toContain('shop');
});

it.each([
  [['create', 'x'], 'say what it sees'],
  [['create', 'x', '--all', '--project', 'p'], 'say what it sees'],
  [['create', 'x', '--all', '--expires', '3'], 'A span is expected'],
  [['create', 'x', '--project', 'aaa '], 'ends with a blank'],
  [['revoke', 'x'], "there is no token 'x'"],
])('tokens %j fails: %s', async (args, message) => {
  await configure({ access: { directory: join(cwd, 'tokens') } });
  expect(await tokens(...args)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
});

it('one damaged file is warned of, and hides no other token', async () => {
  await configure({ access: { directory: join(cwd, 'tokens') } });
  await tokens('create', 'shop', '--all');
  const damaged = join(cwd, 'tokens', `${'0'.repeat(16)}.json`);
  await writeFile(damaged, '{', { mode: 0o600 });
  const listed = await tokens('list');
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining('shop') });
  expect(listed.stderr).toContain(`warning: ${damaged} is not what`);
  expect((await nephoscope(cwd, 'tokens', 'create', '--help')).stdout).toMatch(/\(default: 90d\)/);
});

it('without a directory tokens cannot be created, and the error says what to configure', async () => {
  await configure({});
  await mkdir(join(cwd, 'tokens'));
  expect(await tokens('create', 'x', '--all')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('api.access.directory'),
  });
});

it('config check validates the section api', async () => {
  await configure({ address: '0.0.0.0', access: { oidc: { issuer: 'http://idp.example.org' } }, prot: 1 });
  const { code, stderr } = await nephoscope(cwd, 'config', 'check', '--config', config);
  expect(code).toBe(1);
  for (const mistake of ['api.access.oidc.issuer', 'api.access.oidc.audience', 'api.prot'])
    expect(stderr).toContain(mistake);
});
