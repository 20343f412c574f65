import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Fails only when it runs for the first time: `seen` is a file that the first run creates. */
const failsOnce = `
const { existsSync, writeFileSync } = require('node:fs');
const seen = __filename + '.seen';
const first = !existsSync(seen);
writeFileSync(seen, '');
`;

const project = {
  'package.json': '{}',
  'jest.config.cjs': 'module.exports = { testEnvironment: "node", maxWorkers: 2 };',
  'steady.integration.test.js': `it('passes', () => {}); it.skip('is left out', () => {});`,
  'crowded.integration.test.js': `${failsOnce}
describe('beside others', () => {
  it('fails once', () => expect(first).toBe(false));
  it('passes always', () => {});
});`,
  'late.integration.test.js': `${failsOnce}
if (first) throw new Error('a service was late');
it('can be loaded alone', () => {});`,
  'broken.integration.test.js': `it('fails twice', () => expect(1).toBe(2)); it('passes', () => {});`,
  'crowded.test.js': `${failsOnce} it('is a unit test that fails once', () => expect(first).toBe(false));`,
};

const script = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

let directory: string;

beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'nephoscope-jest-'))));
afterEach(() => rm(directory, { recursive: true, force: true }));

interface Ended {
  code: number;
  stderr: string;
}

function node(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { timeout: 25_000 }, (_error, _stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stderr }),
    );
  });
}

async function run(names: (keyof typeof project)[], ...args: string[]): Promise<Ended & { result: unknown }> {
  for (const name of ['package.json', 'jest.config.cjs', ...names] as const) {
    await writeFile(join(directory, name), project[name]);
  }
  const file = join(directory, 'result.json');
  const ended = await node('--experimental-vm-modules', script('run.mjs'), file, directory, ...args);
  return { ...ended, result: JSON.parse(await readFile(file, 'utf8')) };
}

describe('a run', () => {
  it('repeats failed integration tests alone, and lists those that pass then', async () => {
    const { code, stderr, result } = await run([
      'steady.integration.test.js',
      'crowded.integration.test.js',
      'late.integration.test.js',
    ]);
    expect(result).toEqual({
      passed: 4,
      failed: 0,
      skipped: 1,
      unsteady: ['crowded.integration.test.js › beside others › fails once', 'late.integration.test.js'],
      success: true,
    });
    expect(code).toBe(0);
    expect(stderr).not.toContain('What holds it');
  });

  it('fails if a test fails twice, or a unit test once', async () => {
    const { code, result } = await run(['broken.integration.test.js', 'crowded.test.js']);
    expect(result).toEqual({ passed: 1, failed: 2, skipped: 0, unsteady: [], success: false });
    expect(code).toBe(1);
  });

  it('repeats only tests that its arguments select', async () => {
    const { result } = await run(
      ['steady.integration.test.js', 'crowded.integration.test.js', 'broken.integration.test.js'],
      ...['--maxWorkers=1', 'crowded', '--testNamePattern', 'fails once'],
    );
    expect(result).toMatchObject({
      passed: 1,
      failed: 0,
      success: true,
      unsteady: [expect.stringContaining('crowded')],
    });
  });
});

describe('the last lines of a run', () => {
  type Outcome = Record<'passed' | 'failed' | 'skipped', number> & { unsteady: string[] };
  let summary: (outcome: Outcome) => string[];
  beforeAll(async () => ({ summary } = await import(script('outcome.mjs'))));

  it('are a single line if nothing is unsteady', () => {
    expect(summary({ passed: 3, failed: 1, skipped: 0, unsteady: [] })).toEqual(['3 passed, 1 failed, 0 skipped']);
  });

  it('list and count unsteady tests before the last line', () => {
    const unsteady = ['a.integration.test.ts › counts', 'b.integration.test.ts'];
    expect(summary({ passed: 3, failed: 0, skipped: 0, unsteady })).toEqual([
      'unsteady: a.integration.test.ts › counts failed beside others, passed alone',
      'unsteady: b.integration.test.ts failed beside others, passed alone',
      '2 unsteady',
      '3 passed, 0 failed, 0 skipped',
    ]);
  });
});

describe('the end of a run', () => {
  const end = (code: number, rest: string) => {
    const text = `import { endsByItself } from ${JSON.stringify(script('end.mjs'))}; endsByItself(${code}, 100); ${rest}`;
    return node('--input-type=module', '--eval', text);
  };

  it('comes without help if nothing is left', async () => {
    expect(await end(1, '')).toEqual({ code: 1, stderr: '' });
  });

  it('is forced if something keeps the process running, which is named', async () => {
    const { code, stderr } = await end(0, 'setInterval(() => {}, 60_000);');
    expect(stderr).toBe('The test run has its result, but its process does not end. What holds it: Timeout\n');
    expect(code).toBe(0);
  });

  it('names a child process that is still running, with its command', async () => {
    const rest = `(await import('node:child_process')).spawn('sleep', ['20'], { stdio: 'ignore' });`;
    const { code, stderr } = await end(3, rest);
    expect(stderr).toMatch(/What holds it: .*ProcessWrap.*\n {2}child process (\d+): sleep 20\n$/);
    expect(code).toBe(3);
    process.kill(Number(/child process (\d+)/.exec(stderr)?.[1]));
  });
});
