import { preset } from '../../tools/presets/tsup.js';

export default preset(
  ['src/index.ts', 'src/memory-bus.ts', 'src/replies.ts'],
  [{ name: 'rxjs', module: 'dist/esm/index.js', licence: 'LICENSE.txt' }],
);
