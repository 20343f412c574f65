import { access } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

import { anchors, links, markdownFiles } from '../markdown.js';
import { root } from '../plugins.js';

it('every relative link leads to a file, and to an existing heading in it', async () => {
  const files = await markdownFiles();
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  expect(texts.has('README.md')).toBe(true);
  const broken: string[] = [];
  for (const { path, text } of files) {
    for (const link of links(text)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : normalize(join(dirname(path), file));
      const exists = await access(join(root, target)).then(
        () => true,
        () => false,
      );
      const page = texts.get(target);
      if (!exists || (anchor !== undefined && page !== undefined && !anchors(page).has(anchor)))
        broken.push(`${path}: ${link}`);
    }
  }
  expect(broken).toEqual([]);
});

it('finds links, except in code', () => {
  expect(links('[a](b.md) ![c](d.png#e) `[f](g)`\n```\n[h](i)\n```\n')).toEqual(['b.md', 'd.png#e']);
  expect([...anchors('# A `b` c!\n## Two, three\n')]).toEqual(['a-b-c', 'two-three']);
});
