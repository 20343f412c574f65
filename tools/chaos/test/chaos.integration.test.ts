import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { bundle } from '../../testbed/bundle.js';
import type { Report } from '../report.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

let program: string;

/** A short run of `npm run test:chaos` with what `npm test` has built, with a different seed each time. */
async function shortRun(store: string): Promise<Report> {
  const args = ['--built', '--store', store, '--duration', '15s', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: Error & { readonly stdout: string; readonly stderr: string }) => {
    // Its exit code is not 0 when it has found a problem, which is in its report.
    if (error.stdout === '') throw new Error(`no report:\n${error.stderr}`, { cause: error });
    return error;
  });
  const [report] = JSON.parse(stdout) as [Report];
  return report;
}

const stores = ['sqlite', 'postgresql'] as const;
const runs = new Map<string, Promise<Report>>();

// Both at the same time, each in its own namespaces: most of the time they wait.
beforeAll(async () => {
  program = await bundle(new URL('../main.ts', import.meta.url));
  for (const store of stores) {
    const run = shortRun(store);
    run.catch(() => undefined);
    runs.set(store, run);
  }
});

it.each(stores)(
  'every sample is recorded once in %s, whatever happens',
  async (store) => {
    const { problems, seed, unexpectedExits, findings, faults } = await (runs.get(store) as Promise<Report>);
    expect({ seed, problems, unexpectedExits }).toMatchObject({ problems: [] });
    expect(findings).toMatchObject({ lost: [], twice: [], recorded: findings.taken });
    expect(faults.filter(({ struck }) => struck).length).toBeGreaterThan(3);
    // Its mounts are not visible elsewhere.
    expect(await readFile('/proc/self/mounts', 'utf8')).not.toMatch(
      / \/(mnt|media|srv)(\/(store|agent-\d))? tmpfs/,
    );
  },
  300_000,
);
