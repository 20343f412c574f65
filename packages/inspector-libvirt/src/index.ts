import { defineInspector } from '@nephoscope/core/inspector';

import { LibvirtInspector } from './libvirt-inspector.js';
import { options } from './options.js';

export { LibvirtInspector } from './libvirt-inspector.js';
export type { Options } from './options.js';

/** The compute agent's inspector for every hypervisor that libvirt manages. */
export default defineInspector({
  options,
  create: (settings) => new LibvirtInspector(settings),
});
