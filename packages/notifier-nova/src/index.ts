export { default as diskEphemeralSize } from './plugins/disk-ephemeral-size.js';
export { default as diskRootSize } from './plugins/disk-root-size.js';
export { default as instance } from './plugins/instance.js';
export { default as instanceFlavor } from './plugins/instance-flavor.js';
export { default as memory } from './plugins/memory.js';
export { default as vcpus } from './plugins/vcpus.js';
