/** Opens the state directory named on the command line, prints that it has it, and keeps running. */
import { RecordingLogger } from '@nephoscope/testing';

import { StateDirectory } from '../src/state-directory.js';

await new StateDirectory(process.argv[2] as string, new RecordingLogger()).open();
process.stdout.write('taken\n');
setInterval(() => undefined, 60_000);
