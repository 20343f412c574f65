import { openApiDocument } from '@nephoscope/api';
import openapiTypescript, { astToString } from 'openapi-typescript';
import type { OpenAPI3 } from 'openapi-typescript';
import { format, resolveConfig } from 'prettier';

/** The types of `@nephoscope/api-client`, from the document that the API serves. */
export async function apiClientSchema(): Promise<string> {
  const nodes = await openapiTypescript(JSON.parse(JSON.stringify(openApiDocument())) as OpenAPI3);
  const text = `// Generated from the API's document by \`npm run docs\`: do not edit.\n\n${astToString(nodes)}`;
  const path = 'packages/api-client/src/schema.ts';
  return await format(text, { ...(await resolveConfig(path)), filepath: path });
}
