export { default as backupSize } from './notifications/backup-size.js';
export { default as snapshotSize } from './notifications/snapshot-size.js';
export { default as volume } from './notifications/volume.js';
export { default as volumeSize } from './notifications/volume-size.js';
