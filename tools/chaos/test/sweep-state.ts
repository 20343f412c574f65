/** Sweeps the state directory, each so-manieth step that is named on the command line, and prints what came of it as JSON. */
import { sweepState } from '../systematic/state.js';

const every = Number(process.argv[2]);
const sweep = await sweepState({ every }, AbortSignal.timeout(100_000));
process.stdout.write(JSON.stringify(sweep));
process.exit(0);
