/**
 * `tsx tools/testbed/main.ts [rabbitmq] [libvirtd] [postgresql]`: starts private services for tests (all when
 * none is named), prints one line of JSON with the environment variables that tell where they are, and stops them
 * when its stdin closes or at SIGTERM or SIGINT. Whoever started it may die in any way: its stdin closes.
 */
import { startServices, type ServiceName } from './services.js';

const known: readonly ServiceName[] = ['rabbitmq', 'libvirtd', 'postgresql'];
const asked = process.argv.slice(2);
const names = known.filter((name) => asked.length === 0 || asked.includes(name));

const over = new Promise<void>((resolve) => {
  process.stdin
    .resume()
    .once('end', resolve)
    .once('error', () => resolve());
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve());
});

const services = await startServices(new Set(names));
process.stdout.write(`${JSON.stringify(services.environment)}\n`);
await over;
await services.stop();
process.exit(0);
