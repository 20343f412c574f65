import { createConfig, lintFromString } from '@redocly/openapi-core';

import { openApiDocument } from '../../src/v3/openapi.js';
import { routes } from '../../src/v3/routes.js';

const document = openApiDocument();

it('passes a linter of OpenAPI documents', async () => {
  const config = await createConfig({ extends: ['recommended-strict'] });
  const problems = await lintFromString({ source: JSON.stringify(document), config });
  expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
});

it('has every route with all its parameters', () => {
  const paths = document['paths'] as Record<string, { get: { parameters: { name: string; schema: object }[] } }>;
  expect(Object.keys(paths)).toEqual(routes.map(({ path }) => path));
  for (const { path, query, names = {} } of routes) {
    const { parameters } = paths[path]?.get ?? { parameters: [] };
    expect(parameters.map(({ name }) => name)).toEqual([...Object.keys(names), ...Object.keys(query.shape)]);
    // An empty schema would allow everything.
    for (const { name, schema } of parameters)
      expect([path, name, Object.keys(schema).length > 0]).toEqual([path, name, true]);
  }
});
