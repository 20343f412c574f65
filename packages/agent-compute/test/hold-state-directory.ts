/** Takes the state directory that is named on the command line, says so, and stays. */
import { RecordingLogger } from '@nephoscope/testing';

import { StateDirectory } from '../src/state-directory.js';

await new StateDirectory(process.argv[2] as string, new RecordingLogger()).open();
process.stdout.write('taken\n');
setInterval(() => undefined, 60_000);
