import { apiClientSchema } from './api-client.js';
import { apiReferencePage } from './api-reference.js';
import { configurationPage } from './configuration.js';
import { errorsPage } from './error-table.js';
import { metersPage } from './meters.js';
import { firstPartyPlugins } from './plugins.js';
import { packageReadmes } from './package-readmes.js';

/** The pages that are generated, in whole or in part, by their path in the repository. */
export async function generatedPages(): Promise<Readonly<Record<string, string>>> {
  const plugins = await firstPartyPlugins();
  return {
    'docs/api-reference.md': apiReferencePage(),
    'packages/api-client/src/schema.ts': await apiClientSchema(),
    'docs/configuration.md': configurationPage(plugins),
    'docs/meters.md': metersPage(plugins),
    'docs/errors.md': errorsPage(),
    ...(await packageReadmes()),
  };
}
