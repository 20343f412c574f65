/** `npm run docs`: writes the reference pages that are generated from the sources. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { generatedPages } from './pages.js';
import { root } from './plugins.js';

for (const [path, text] of Object.entries(await generatedPages())) await writeFile(join(root, path), text);
