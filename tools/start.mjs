/** `npm start`: see `usage`. */
import { build, ensureDependencies, fail, foreground, StepFailed } from './start/steps.mjs';

const usage = `npm start [-- --once] [-- arguments of "nephoscope up"]

Meters this host: installs the npm dependencies and builds the packages where that has not been done, then
runs the compute agent, the in-process bus, the collector and SQLite in one process on the instances of the
host's libvirt, and shows a live table until Ctrl-C.

Where no libvirtd answers, libvirt and QEMU are installed from Debian's packages (as root) and libvirtd is
started; where no instance runs, two tiny demo guests are booted. What was started ends with the command.

  --once   two cycles a few seconds apart, the table, and the end; nothing is left behind
           (otherwise samples are kept in .nephoscope/samples.db)
`;

const node = process.execPath;
const args = process.argv.slice(2);

async function start() {
  await ensureDependencies();
  const [install] = await all([
    foreground(node, ['--import', 'tsx', 'tools/start/install.ts']),
    build({ types: false }),
  ]);
  if (install !== 0) throw new StepFailed('libvirt and QEMU are not there: see above');
  return foreground(node, ['--import', 'tsx', 'tools/start/main.ts', ...args]);
}

/** As Promise.all, but also a failure waits for the others: no child is left running. */
async function all(promises) {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

if (args.includes('--help')) {
  process.stdout.write(usage);
} else {
  try {
    process.exitCode = await start();
  } catch (error) {
    fail(error);
  }
}
