/**
 * `npm test [-- arguments of jest]`: does all set-up, runs the unit and the integration tests, and ends with
 * one line: `N passed, N failed, N skipped`. The exit code is not 0 when one failed, when none ran, or, with
 * `CI` set, when one was skipped.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, ensureDependencies, fail, foreground, StepFailed } from './start/steps.mjs';

const node = process.execPath;

async function test(args) {
  await ensureDependencies();
  const install = await foreground(node, ['--import', 'tsx', 'tools/testbed/install.ts']);
  if (install !== 0) throw new StepFailed('The Debian packages that the tests need are not there: see above');
  await build({ types: true });

  const directory = await mkdtemp(join(tmpdir(), 'nephoscope-test-'));
  try {
    const file = join(directory, 'results.json');
    const options = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    const code = await foreground(node, [
      ...[...options, 'node_modules/jest/bin/jest.js'],
      // Seen once: everything was done and stopped, services included, no timer was left, and Node still counted one
      // in jest's own process, which never ended. Its result would be lost with the time limit of whoever waits.
      ...['--forceExit', '--json', `--outputFile=${file}`, ...args],
    ]);
    const results = await readFile(file, 'utf8').catch((error) => {
      throw new StepFailed(`jest ended with exit code ${code} and no results: see above`, { cause: error });
    });
    return { code, ...count(JSON.parse(results)) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A suite that could not even be loaded counts as one failed test. */
const count = (results) => ({
  passed: results.numPassedTests,
  failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
  skipped: results.numPendingTests + results.numTodoTests,
});

try {
  const { code, passed, failed, skipped } = await test(process.argv.slice(2));
  const skippedInCi = Boolean(process.env.CI) && skipped > 0;
  if (skippedInCi) console.error('Tests were skipped: in CI that is a failure.');
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = code === 0 && failed === 0 && passed > 0 && !skippedInCi ? 0 : 1;
} catch (error) {
  fail(error);
}
