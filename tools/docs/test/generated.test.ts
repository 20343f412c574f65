import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { errorCodesInSources } from '../error-codes.js';
import { errorTable } from '../error-table.js';
import { generatedPages } from '../pages.js';
import { firstPartyPlugins, root } from '../plugins.js';

describe('the generated pages', () => {
  it('are up to date (otherwise run `npm run docs`)', async () => {
    for (const [path, text] of Object.entries(await generatedPages())) {
      expect({ path, text: await readFile(join(root, path), 'utf8') }).toEqual({ path, text });
    }
  });

  it('contain every meter and every option of every plugin in the repository', async () => {
    const pages = await generatedPages();
    const plugins = await firstPartyPlugins();
    expect(plugins.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['amqp', 'memory', 'libvirt', 'sql', 'cpu', 'net', 'disk_device']),
    );
    for (const { namespace, name, plugin } of plugins) {
      for (const meter of plugin.meters) expect(pages['docs/meters.md']).toContain(`| \`${meter.name}\` |`);
      const chosen = ['bus', 'compute.virt', 'storage'].includes(namespace);
      expect(pages['docs/configuration.md']).toContain(chosen ? `\`type: ${name}\`` : `\`${name}\``);
    }
  });
});

describe('docs/errors.md', () => {
  it('has the codes in the sources and no others', async () => {
    const documented = errorTable.flatMap(({ codes }) => Object.keys(codes)).sort();
    expect(documented).toEqual([...(await errorCodesInSources())].sort());
  });

  it('has each code once', () => {
    const documented = errorTable.flatMap(({ codes }) => Object.keys(codes));
    expect(new Set(documented).size).toBe(documented.length);
  });
});
