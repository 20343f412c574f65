/** `tsx tools/start/install.ts`: installs what `npm start` needs in addition to npm packages. */
import { ensureLibvirtInstalled } from './host-libvirt.js';

try {
  await ensureLibvirtInstalled();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
