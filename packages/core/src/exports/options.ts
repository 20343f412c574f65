export { byteSize } from '../byte-size.js';
export { duration } from '../duration.js';
export { ignoredOption, refusedOption } from '../retired-option.js';
export { Secret } from '../secret.js';
export { wildcards } from '../wildcard.js';
