export { default as objectBytes } from './notifications/object-bytes.js';
