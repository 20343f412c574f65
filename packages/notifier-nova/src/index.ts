export { default as diskEphemeralSize } from './plugins/disk-ephemeral-size.js';
export { default as diskRootSize } from './plugins/disk-root-size.js';
export { default as instanceBootingTime } from './plugins/instance-booting-time.js';
export { default as instanceFlavor } from './plugins/instance-flavor.js';
export { default as instance } from './plugins/instance.js';
export { default as memory } from './plugins/memory.js';
export { default as nodeCpu } from './plugins/node-cpu.js';
export { default as vcpus } from './plugins/vcpus.js';
