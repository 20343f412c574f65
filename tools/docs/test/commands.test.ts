import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { root } from '../plugins.js';

const read = (path: string) => readFile(join(root, path), 'utf8');
const cli = await read('packages/nephoscope/src/cli.ts');
const names = Array.from(cli.matchAll(/'\.\/commands\/([\w-]+)\.js'/g), ([, name = '']) => name);

it('there are commands', () => expect(names).toContain('rollups'));

it.each(names)('README.md and the README of the package list the command %s', async (name) => {
  const [row = ''] = /^\| \[`nephoscope`\].*$/m.exec(await read('README.md')) ?? [];
  expect(row).toContain(`\`${name}\``);
  const rows = (await read('packages/nephoscope/README.md')).split('\n').filter((line) => line.startsWith('| ['));
  expect(rows.map((line) => line.split('|')[1]).join(' ')).toMatch(new RegExp(`\`${name}[ \`]`));
});
