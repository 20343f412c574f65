/**
 * `npm test [-- arguments of jest]`: does all set-up, runs the unit and the integration tests, and ends with
 * one line: `N passed, N failed, N skipped`. The exit code is not 0 when one failed, when none ran, or, with
 * `CI` set, when one was skipped. An integration test that failed runs once more by itself; when it passes
 * then, it is named as unsteady.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { summary } from './jest/outcome.mjs';
import { build, ensureDependencies, fail, foreground, root, StepFailed } from './start/steps.mjs';

const node = process.execPath;

async function test(args) {
  await ensureDependencies();
  const install = await foreground(node, ['--import', 'tsx', 'tools/testbed/install.ts']);
  if (install !== 0) throw new StepFailed('The Debian packages that the tests need are not there: see above');
  await build({ types: true });

  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-test-'));
  try {
    const file = join(directory, 'result.json');
    const options = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    const code = await foreground(node, [...options, 'tools/jest/run.mjs', file, root, ...args]);
    const result = await readFile(file, 'utf8').catch((error) => {
      throw new StepFailed(`jest ended with exit code ${code} and no results: see above`, { cause: error });
    });
    return { code, ...JSON.parse(result) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

try {
  const result = await test(process.argv.slice(2));
  const skippedInCi = Boolean(process.env.CI) && result.skipped > 0;
  if (skippedInCi) console.error('Tests were skipped: in CI that is a failure.');
  console.log(summary(result).join('\n'));
  process.exitCode = result.code === 0 && result.failed === 0 && result.passed > 0 && !skippedInCi ? 0 : 1;
} catch (error) {
  fail(error);
}
