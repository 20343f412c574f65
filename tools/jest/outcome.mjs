import { relative } from 'node:path';

/**
 * Integration tests share a machine and services, and can fail because of others that run concurrently. Unit tests
 * must not.
 */
const isIntegrationTest = (file) => /\.integration\.test\.[^./]+$/.test(file);

const hasFailed = (file) => file.numFailingTests > 0 || file.testExecError !== undefined;

/**
 * The integration test files that failed, and so run once more.
 *
 * @param {import('jest').AggregatedResult} results
 * @returns {string[]} absolute paths
 */
export const filesToRepeat = (results) =>
  results.testResults
    .filter((file) => hasFailed(file) && isIntegrationTest(file.testFilePath))
    .map((file) => file.testFilePath);

/**
 * The result of a run and, if there was one, of the second run of some files, which decides for these. A test that
 * failed only in the first is `unsteady`. A file that could not be loaded, or failed outside of its tests, counts as
 * one failed test.
 *
 * @returns {{ passed: number, failed: number, skipped: number, unsteady: string[], success: boolean }} in `unsteady`
 *   names as `FILE › TEST`, the file relative to `root`; `success` as jest sees it
 */
export function outcome(root, first, second) {
  const again = new Map(second?.testResults.map((file) => [file.testFilePath, file]));
  const files = first.testResults.map((file) => again.get(file.testFilePath) ?? file);
  const sum = (count) => files.reduce((total, file) => total + count(file), 0);

  const unsteady = first.testResults
    .filter((file) => again.has(file.testFilePath) && !hasFailed(again.get(file.testFilePath)))
    .flatMap((file) => failuresOf(file).map((name) => [relative(root, file.testFilePath), ...name].join(' › ')))
    .sort();

  return {
    passed: sum((file) => file.numPassingTests),
    failed: sum((file) => file.numFailingTests + (file.testExecError === undefined ? 0 : 1)),
    skipped: sum((file) => file.numPendingTests + file.numTodoTests),
    unsteady,
    success: !first.wasInterrupted && (second === undefined ? first.success : !files.some(hasFailed)),
  };
}

/** The names of a file's failed tests, each as its describe blocks and its title; an empty one for the file itself. */
function failuresOf(file) {
  const tests = file.testResults.filter((test) => test.status === 'failed');
  const names = tests.map((test) => [...test.ancestorTitles, test.title]);
  return names.length > 0 ? names : [[]];
}

/** @returns {string[]} the last lines of a run */
export function summary({ passed, failed, skipped, unsteady }) {
  const count = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  if (unsteady.length === 0) return [count];
  const names = unsteady.map((name) => `unsteady: ${name} failed beside others, passed alone`);
  return [...names, `${unsteady.length} unsteady`, count];
}
