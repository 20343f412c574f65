/**
 * `node --experimental-vm-modules tools/jest/run.mjs RESULT DIRECTORY [arguments of jest]`: runs jest with the
 * configuration in that directory, runs integration tests that failed once more by themselves, and writes the
 * {@link outcome} as JSON to the file `RESULT`.
 */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buildArgv, runCLI } from 'jest';
import { endsByItself } from './end.mjs';
import { filesToRepeat, outcome } from './outcome.mjs';

/** How long after its result a run may need to end. Within it workers and services have ended long ago. */
const grace = 5_000;

const [resultFile, directory, ...args] = process.argv.slice(2);
const root = resolve(directory);
const options = await buildArgv(args);
const run = async (more) => (await runCLI({ ...options, ...more }, [root])).results;

const first = await run({});
const files = first.wasInterrupted ? [] : filesToRepeat(first);
let second;
if (files.length > 0) {
  console.error(`\nOnce more, each by itself:\n${files.map((file) => `  ${file}\n`).join('')}`);
  second = await run({
    _: files,
    testPathPatterns: undefined,
    runTestsByPath: true,
    shard: undefined,
    runInBand: true,
  });
}
const result = outcome(root, first, second);
await writeFile(resultFile, JSON.stringify(result));
endsByItself(result.success ? 0 : 1, grace);
