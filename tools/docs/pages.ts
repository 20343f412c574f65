import { configurationPage } from './configuration.js';
import { errorsPage } from './error-table.js';
import { metersPage } from './meters.js';
import { firstPartyPlugins } from './plugins.js';

/** The generated pages by their path in the repository. */
export async function generatedPages(): Promise<Readonly<Record<string, string>>> {
  const plugins = await firstPartyPlugins();
  return {
    'docs/configuration.md': configurationPage(plugins),
    'docs/meters.md': metersPage(plugins),
    'docs/errors.md': errorsPage(),
  };
}
