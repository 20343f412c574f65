/** Sweeps the state directory at every n-th step, where n is given on the command line, and prints the result as JSON. */
import { sweepState } from '../systematic/state.js';

const every = Number(process.argv[2]);
const sweep = await sweepState({ every }, AbortSignal.timeout(100_000));
process.stdout.write(JSON.stringify(sweep));
process.exit(0);
