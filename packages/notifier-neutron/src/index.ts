export { default as floatingip } from './notifications/floatingip.js';
export { default as network } from './notifications/network.js';
export { default as port } from './notifications/port.js';
export { default as router } from './notifications/router.js';
export { default as subnet } from './notifications/subnet.js';
