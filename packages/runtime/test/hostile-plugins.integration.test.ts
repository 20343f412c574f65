import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { bundle } from '../../../tools/testbed/bundle.js';
import { waitUntil } from '../../../tools/testbed/processes.js';
import { temporaryFolder, writeTree } from './deployment.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly plugin?: string;
  readonly err?: { readonly code?: string; readonly message?: string; readonly at?: readonly string[] };
}

let program: string;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  program = await bundle(new URL('hostile-program.ts', import.meta.url));
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

/** Starts a program with these plugins: the body of `create` for each. */
async function start(plugins: Readonly<Record<string, string>>, more: readonly string[] = [], path = folder.path) {
  const files = Object.entries(plugins).map(([name, body]) => [
    `${name}/index.mjs`,
    `import { EventEmitter } from 'node:events';
import * as fs from 'node:fs';
import { exit } from 'node:process';
export function create({ logger, clock }) {
  ${body}
  return { getCounters: () => [] };
}
`,
  ]);
  await writeTree(path, Object.fromEntries(files) as Record<string, string>);
  const args = [path, ...Object.keys(plugins), ...more];
  const child = spawn(process.execPath, [program, ...args], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let isOver = false;
  void ended.then(() => (isOver = true));
  const lines: Line[] = [];
  let read = 0;
  /** Parses each line once, because plugins write many and the tests ask repeatedly. */
  const log = () => {
    const end = stderr.lastIndexOf('\n') + 1;
    for (const line of stderr.slice(read, end).split('\n'))
      if (line.startsWith('{') && line.endsWith('}')) lines.push(JSON.parse(line) as Line);
    read = end;
    return lines;
  };
  const until = (what: string, condition: () => boolean) =>
    waitUntil(`${what}: ${stdout}${stderr}`.slice(0, 20_000), () => condition() || isOver);
  await until('it runs', () => stdout.includes('running'));
  return { child, ended, log, until, output: () => stdout, errors: () => stderr };
}

/** What a process survives, with the text that the plugin's log line must have. */
const survived: Readonly<Record<string, readonly [string, RegExp]>> = {
  rejection: [`Promise.reject(new Error('stray'));`, /unhandled.*stray/],
  rejects_nothing: [`Promise.reject(undefined);`, /unhandled/],
  rejects_later: [
    `(async () => { await 1; await new Promise((r) => setTimeout(r, 5)); throw new Error('late'); })();`,
    /unhandled.*late/,
  ],
  file: [`fs.promises.readFile('/there/is/none');`, /unhandled.*ENOENT/],
  stream: [`fs.createReadStream('/there/is/none');`, /unhandled.*ENOENT/],
  timer: [`setTimeout(() => { throw new Error('in a timer'); });`, /unhandled.*in a timer/],
  throws_null: [`setTimeout(() => { throw null; });`, /unhandled.*null/],
  hostile_error: [
    `setTimeout(() => { throw Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('y'); } }); });`,
    /unhandled.*cannot be described/,
  ],
  huge_error: [
    `setTimeout(() => { throw Object.assign(new Error('x'.repeat(5e6)), { more: 'y'.repeat(5e6) }); });`,
    /unhandled.*xxx/,
  ],
  emits: [`setImmediate(() => new EventEmitter().emit('error', new Error('emitted')));`, /unhandled.*emitted/],
  next_tick: [`process.nextTick(() => { throw new Error('next tick'); });`, /unhandled.*next tick/],
  microtask: [`queueMicrotask(() => { throw new Error('microtask'); });`, /unhandled.*microtask/],
  often: [`setInterval(() => { throw new Error('again'); });`, /unhandled.*again/],
  exits: [`setTimeout(() => process.exit(0));`, /process\.exit\(0\)/],
  exits_by_import: [`setTimeout(() => exit(0));`, /process\.exit\(0\)/],
  exits_at_once: [`process.exit(0);`, /does not run.*process\.exit\(0\)/],
  really_exits: [`setTimeout(() => process.reallyExit(0));`, /process\.reallyExit\(0\)/],
  aborts: [`setTimeout(() => process.abort());`, /process\.abort\(\)/],
  kills: [`setTimeout(() => process.kill(process.pid, 'SIGKILL'));`, /process\.kill\(\d+\)/],
  kills_group: [`setTimeout(() => process.kill(0));`, /process\.kill\(0\)/],
  changes_folder: [`setTimeout(() => process.chdir('/'));`, /process\.chdir\(\/\)/],
  opens_files: [`setTimeout(() => process.umask(0));`, /process\.umask\(0\)/],
  deaf: [`setTimeout(() => process.removeAllListeners());`, /process\.removeAllListeners\(\)/],
  deaf_to_one: [
    `setTimeout(() => process.removeAllListeners('SIGTERM'));`,
    /process\.removeAllListeners\(SIGTERM\)/,
  ],
  takes_listener: [
    `setTimeout(() => process.listeners('SIGTERM').forEach((one) => process.off('SIGTERM', one)));`,
    /process\.off\(SIGTERM\)/,
  ],
  emits_signal: [`setTimeout(() => process.emit('SIGTERM'));`, /process\.emit\(SIGTERM\)/],
  emits_signal_around: [
    `setTimeout(() => EventEmitter.prototype.emit.call(process, 'SIGINT', 'SIGINT', 2));`,
    /process\.emit\(SIGINT\)/,
  ],
  microtask_primitive: [`queueMicrotask(() => { throw 'mt'; });`, /unhandled.*mt/],
  microtask_nothing: [`queueMicrotask(() => { throw undefined; });`, /unhandled.*undefined/],
  microtask_later: [`setTimeout(() => queueMicrotask(() => { throw 7; }));`, /unhandled.*7/],
  ...Object.fromEntries(
    [
      ...['Date', 'JSON', 'Map', 'Promise', 'Object', 'Array', 'BigInt', 'Error', 'Symbol', 'globalThis'],
      ...[
        'setTimeout',
        'clearTimeout',
        'setInterval',
        'setImmediate',
        'queueMicrotask',
        'structuredClone',
        'fetch',
        'URL',
      ],
      ...[
        'process',
        'Buffer',
        'AbortController',
        'AbortSignal',
        'TextDecoder',
        'crypto',
        'performance',
        'console',
      ],
    ].map(
      (name) =>
        [`global_${name.toLowerCase()}`, [`globalThis.${name} = undefined;`, /does not run.*read only/]] as const,
    ),
  ),
  deletes_global: [`delete globalThis.Date;`, /does not run.*delete/],
  redefines_global: [`Object.defineProperty(globalThis, 'JSON', { value: {} });`, /does not run.*redefine/],
  pollutes: [`Object.prototype.volume = 1;`, /does not run.*not extensible/],
  replaces_json: [`JSON.stringify = () => '{}';`, /does not run.*read only/],
  replaces_clock: [`Date.now = () => 0;`, /does not run.*read only/],
  sets_clock: [`clock.now = () => 0n;`, /does not run.*read only/],
  replaces_map: [`Map.prototype.get = () => undefined;`, /does not run.*read only/],
  replaces_then: [`Promise.prototype.then = () => undefined;`, /does not run.*read only/],
  loops: [`for (;;);`, /does not run.*interrupted/],
  backtracks: [`/^(a+)+$/.test('a'.repeat(60) + 'b');`, /does not run.*interrupted/],
  hangs: [`return new Promise(() => undefined);`, /does not run.*promise/],
  long_message: [`logger.error({ much: 'y'.repeat(1e7) }, 'x'.repeat(1e8));`, /^x{1000,2000}…$/],
  hostile_field: [`logger.warn({ get volume() { throw new Error('z'); } }, 'a field');`, /^a field$/],
};

it('a program survives these plugins, names each, and counts their unhandled errors', async () => {
  const bodies = Object.fromEntries(Object.entries(survived).map(([name, [body]]) => [name, body]));
  const { child, ended, log, until, output, errors } = await start({
    ...bodies,
    fine: `logger.info({}, 'fine');`,
    chatty: `for (let line = 0; line < 100_000; line++) logger.info({ line }, 'chatting');`,
    writes: `console.log('printed'); process.stdout.write('written\\n');`,
    keeps_open: `setInterval(() => undefined, 1e9); process.exitCode = 3;`,
    catches: `setTimeout(() => { try { process.exit(0); } catch { logger.info({}, 'caught'); } });`,
  });
  const said = (name: string, text: RegExp) =>
    log().some(({ plugin, msg, err }) => plugin === name && (text.test(msg) || text.test(err?.message ?? '')));
  const missing = () => Object.entries(survived).filter(([name, [, text]]) => !said(name, text));
  await until('each is named', () => missing().length === 0 && said('catches', /caught/));
  expect(missing().map(([name]) => name)).toEqual([]);

  child.stdin.write('\n');
  await until('it tells', () => output().includes('stray_failures_total{plugin="takes_listener"} 1'));
  for (const name of ['rejection', 'microtask', 'file', 'emits', 'exits'])
    expect(output()).toContain(`nephoscope_plugin_stray_failures_total{plugin="${name}"} 1`);
  expect(log().filter(({ plugin }) => plugin === 'chatty')).toHaveLength(100);
  expect(errors().length).toBeLessThan(1_000_000);

  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(output()).toMatch(/^made .*\bfine\b/m);
}, 300_000);

it('suspends a plugin that ended the program at the next start, and the others work', async () => {
  const note = join(folder.path, 'blocking.json');
  const noted = async () =>
    JSON.parse(await readFile(note, 'utf8')) as Record<string, { times: number; last: number }>;
  const programOf = () =>
    start({
      again: `setTimeout(() => { fs.writeSync(1, 'blocking'); for (;;); });`,
      fine: `logger.info({}, 'fine');`,
    });
  const lives = async () => {
    const { child, ended, log, until, output } = await programOf();
    await until('it runs', () => log().some(({ msg }) => msg === 'fine'));
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(output()).not.toContain('blocking');
    return log().find(({ plugin }) => plugin === 'again')?.msg;
  };
  const dies = async () => expect(await (await programOf()).ended).toEqual([null, 'SIGKILL']);

  await dies();
  const first = (await noted())['again']!;
  expect(first.times).toBe(1);
  expect(await lives()).toMatch(/'again' blocked the program, .*\(once, .*suspended/);
  await writeFile(note, JSON.stringify({ again: { times: 1, last: Date.now() - 61_000 } }));
  await dies();
  expect((await noted())['again']!.times).toBe(2);
  await rm(note);
}, 300_000);

it("ends, even on SIGTERM, when a plugin blocks it that cannot be interrupted, and logs the plugin's name", async () => {
  const blocks = {
    timer: `setTimeout(() => { fs.writeSync(1, 'blocking'); for (;;); });`,
    later: `setImmediate(async () => { await 1; fs.writeSync(1, 'blocking'); /^(a+)+$/.test('a'.repeat(60) + 'b'); });`,
    call: `import('node:child_process').then(({ execSync }) => { fs.writeSync(1, 'blocking'); execSync('exec sleep 30', { stdio: 'ignore' }); });`,
  };
  const programs = await Promise.all(
    Object.entries(blocks).map(([name, body]) => start({ [name]: body, fine: '' })),
  );
  const ends = programs.map(async ({ child, ended, log, until, output }) => {
    await until('it blocks', () => output().includes('blocking'));
    child.kill('SIGTERM');
    const [code, signal] = await ended;
    const line = log().find(({ err }) => err?.code === 'PROGRAM_BLOCKED');
    return { how: code ?? signal, plugin: line?.plugin, level: line?.level };
  });
  expect(await Promise.all(ends)).toEqual([
    { how: 'SIGKILL', plugin: 'timer', level: 'error' },
    { how: 'SIGKILL', plugin: 'later', level: 'error' },
    // A call of the system that waits has no stack to look at.
    { how: 'SIGKILL', plugin: undefined, level: 'error' },
  ]);
}, 300_000);

it('ends within 10 s of SIGTERM if a plugin blocks it on a busy host', async () => {
  const { child, ended, log, until, output } = await start({
    loops: `setTimeout(() => Promise.resolve().then(() => { fs.writeSync(1, 'blocking'); for (;;); }));`,
  });
  await until('it blocks', () => output().includes('blocking'));
  await once(spawn('taskset', ['-a', '-p', '-c', '0', String(child.pid)], { stdio: 'ignore' }), 'exit');
  const busy = Array.from({ length: 4 }, () =>
    spawn('taskset', ['-c', '0', process.execPath, '-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  try {
    child.kill('SIGTERM');
    expect(await ended).toEqual([null, 'SIGKILL']);
  } finally {
    for (const one of busy) one.kill('SIGKILL');
  }
  expect(log().find(({ err }) => err?.code === 'PROGRAM_BLOCKED')).toMatchObject({ level: 'error' });
}, 60_000);

it('ends when a plugin loops during its import, names it, and does not import it at the next start', async () => {
  const sources = {
    itself: 'for (;;);',
    // In this case nothing on the stack leads to the plugin.
    brought: "import '../brought/index.mjs';",
  };
  const starts = Object.entries(sources).map(async ([where, source]) => {
    const path = join(folder.path, where);
    await writeTree(path, {
      'loops/index.mjs': source,
      'loops/package.json': { name: '@example/loops', version: '1.0.0', exports: './index.mjs' },
      'brought/index.mjs': 'for (;;);',
    });
    const first = await start({}, ['import:loops'], path);
    expect(await first.ended).toEqual([null, 'SIGKILL']);
    expect(first.log().find(({ err }) => err?.code === 'PROGRAM_BLOCKED')).toMatchObject({
      plugin: 'loops',
      msg: expect.stringMatching(
        /'loops' has blocked the program for \d+ s, during the import of 'loops': the program is ended/,
      ),
    });
    const next = await start({ fine: '' }, ['import:loops'], path);
    const told = /does not run, .*blocked the program during its import \(once, /;
    expect(next.log()).toContainEqual(
      expect.objectContaining({ plugin: 'loops', msg: expect.stringMatching(told) }),
    );
    next.child.kill('SIGTERM');
    expect(await next.ended).toEqual([0, null]);
    expect(next.output()).toContain('made fine');
  });
  await Promise.all(starts);
}, 300_000);

it('does not blame a plugin when the process was suspended', async () => {
  const { child, ended, log } = await start({ fine: `logger.info({}, 'fine');` });
  child.kill('SIGSTOP');
  // Longer than the 4 s after which a blocked program is detected; nothing can be waited for meanwhile.
  await new Promise((resolve) => setTimeout(resolve, 7_000));
  child.kill('SIGCONT');
  // The thread checks again within 2 s.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(log().filter(({ level }) => level === 'error')).toEqual([]);
}, 300_000);

it('ends with code 1 and a log line on an error that does not come from a plugin', async () => {
  const { ended, log } = await start({ fine: '' }, ['own:error']);
  expect(await ended).toEqual([1, null]);
  expect(log().at(-1)).toMatchObject({
    level: 'error',
    msg: expect.stringMatching(/unhandled error: of the program$/),
    err: { code: 'UNHANDLED' },
  });
}, 300_000);
