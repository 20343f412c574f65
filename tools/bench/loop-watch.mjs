/** Preloaded into a measured process: at its end, writes the longest pause of the event loop, ms, to the file PAUSE_FILE. */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers';

const delay = monitorEventLoopDelay({ resolution: 5 });
setTimeout(() => delay.enable(), 3_000).unref();
process.on('exit', () => writeFileSync(process.env.PAUSE_FILE, String(delay.max / 1e6)));
