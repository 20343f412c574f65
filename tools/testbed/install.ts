/** `tsx tools/testbed/install.ts`: installs the Debian packages that the test services need. */
import { ensurePackages, testPackages } from './debian.js';

try {
  await ensurePackages(testPackages);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
