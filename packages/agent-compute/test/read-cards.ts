/**
 * Reads the cards of all guests of the libvirt whose URI is on the command line, once for each line on stdin. Tests run it
 * in the network namespace of the guests' taps.
 */
import { createInterface } from 'node:readline';

import inspectorPlugin from '@nephoscope/inspector-libvirt';

const { signal } = new AbortController();
const nothing = () => undefined;
const inspector = inspectorPlugin.create({
  options: inspectorPlugin.options.parse({ uri: process.argv[2] }),
  logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  clock: {
    now: () => BigInt(Date.now()) * 1_000_000n,
    monotonic: () => process.hrtime.bigint(),
    sleep: async (ms) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
    },
  },
  host: 'compute-1',
});
await inspector.start(signal);
for await (const _line of createInterface({ input: process.stdin })) {
  const readings = await inspector.inspect(new Set(['vnics']), signal);
  const text = JSON.stringify(readings, (_key, value: unknown) =>
    typeof value === 'bigint' ? { bigint: String(value) } : value,
  );
  process.stdout.write(`${text}\n`);
}
await inspector.stop();
