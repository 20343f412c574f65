import { preset } from '../../tools/presets/tsup.js';

export default preset({ index: 'src/index.ts', 'writer-thread': 'src/sqlite/thread-main.ts' });
