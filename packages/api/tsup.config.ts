import { preset } from '../../tools/presets/tsup.js';

export default preset(['src/cli.ts', 'src/index.ts', 'src/rows.ts', 'src/testing.ts']);
