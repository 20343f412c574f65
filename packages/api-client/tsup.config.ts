import { preset } from '../../tools/presets/tsup.js';

export default preset(['src/index.ts']);
