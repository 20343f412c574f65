/** Preloaded into a measured process: writes its longest pause of the event loop, ms, into the file PAUSE_FILE when it ends. */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers';

const delay = monitorEventLoopDelay({ resolution: 5 });
setTimeout(() => delay.enable(), 3_000).unref();
process.on('exit', () => writeFileSync(process.env.PAUSE_FILE, String(delay.max / 1e6)));
