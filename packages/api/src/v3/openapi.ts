import { z } from 'zod';

import { isRepeatable } from './parameters.js';
import { mediaTypes } from './route.js';
import type { Route } from './route.js';
import { problemMediaType } from './problem.js';
import { routes } from './routes.js';
import { problemSchema } from './schemas.js';

type Json = Readonly<Record<string, unknown>>;

/** The OpenAPI 3.1 document of `/v3`, made from the schemas that requests are checked with. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Nephoscope',
      version: '3.0.0',
      summary: 'Recorded samples, and exact figures made of them.',
      description:
        'Numbers that may have any number of digits are decimal texts. What is not known is null, never 0. Times are RFC 3339.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { bearer: [] }, {}],
    tags: [{ name: 'v3', description: 'Everything.' }],
    paths: Object.fromEntries(routes.map((one) => [one.path, { get: operationOf(one) }])),
    components: {
      schemas: schemas(),
      responses: problemResponses,
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token', description: 'A token of keystone.' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
  };
}

function operationOf({ operationId, summary, description, names = {}, query, reply, row, columns }: Route): Json {
  const inPath = Object.entries(names).map(([name, text]) => ({
    ...{ name, in: 'path', required: true, description: text },
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query.shape as z.ZodRawShape).map(([name, schema]) =>
    queryParameter(name, schema as z.ZodType),
  );
  const content = {
    [mediaTypes.json]: { schema: reference(reply) },
    ...(row === undefined
      ? {}
      : {
          [mediaTypes.csv]: {
            schema: {
              type: 'string',
              description: `Columns: ${columns}. The last line is \`#end,count=…,sha256=…\`.`,
            },
          },
          [mediaTypes.ndjson]: {
            schema: {
              type: 'string',
              description: `Each line is a JSON object, the last one \`{"end":{"count":…,"sha256":"…"}}\`.`,
              contentMediaType: mediaTypes.json,
              contentSchema: reference(row),
            },
          },
        }),
  };
  const pages = 'cursor' in (query.shape as object);
  const headers = {
    etag: { description: 'Of replies of up to 4 MiB.', schema: { type: 'string' } },
    ...(pages ? { link: { description: 'Leads to the next page.', schema: { type: 'string' } } } : {}),
  };
  return {
    ...{ operationId, summary, description, tags: ['v3'] },
    parameters: [...inPath, ...inQuery],
    responses: {
      200: { description: summary, headers, content },
      304: { description: 'What `If-None-Match` names is still right.' },
      ...Object.fromEntries(
        Object.keys(problemResponses)
          .filter((status) => status !== '404' || inPath.length > 0)
          .map((status) => [status, { $ref: `#/components/responses/${status}` }]),
      ),
    },
  };
}

function queryParameter(name: string, schema: z.ZodType): Json {
  const { description, ...type } = z.toJSONSchema(schema, { io: 'input' });
  delete type.$schema;
  return {
    ...{ name, in: 'query', description, required: !schema.safeParse(undefined).success, schema: type },
    ...(isRepeatable(schema) ? { style: 'form', explode: true } : {}),
  };
}

const problem = { content: { [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' } } } };
const problemResponses = {
  400: { description: 'A parameter cannot be used.', ...problem },
  401: { description: 'Nobody known asks.', ...problem },
  403: { description: 'Whoever asks may not.', ...problem },
  404: { description: 'There is no such thing, or the caller may not see it.', ...problem },
  406: { description: 'The reply has no form that the request accepts.', ...problem },
  422: { description: 'The question has no meaningful answer, or one that is too large.', ...problem },
  429: { description: 'Too many requests.', ...problem },
  503: { description: 'The database is away; `Retry-After` says when to ask again.', ...problem },
};

/** Every schema with a name. */
function schemas(): Json {
  const registry = z.registry<{ id: string }>();
  const add = (schema: z.ZodType) => {
    const { id } = schema.meta() ?? {};
    if (id !== undefined && !registry.has(schema)) registry.add(schema, { id });
  };
  for (const schema of named(routes)) add(schema);
  const { schemas: made } = z.toJSONSchema(registry, {
    io: 'output',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(made).map(([id, { $schema: _, $id: __, id: ___, ...schema }]) => [id, schema]),
  );
}

function named(all: readonly Route[]): ReadonlySet<z.ZodType> {
  const found = new Set<z.ZodType>([problemSchema]);
  for (const { reply, row } of all)
    for (const schema of [reply, row]) if (schema !== undefined) visit(schema, found);
  return found;
}

/** A schema and those within it. */
function visit(schema: z.ZodType, found: Set<z.ZodType>): void {
  if (found.has(schema)) return;
  found.add(schema);
  if (schema instanceof z.ZodObject) for (const one of Object.values(schema.shape)) visit(one as z.ZodType, found);
  else if (schema instanceof z.ZodArray) visit(schema.element as z.ZodType, found);
  else if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    visit(schema.unwrap() as z.ZodType, found);
}

function reference(schema: z.ZodType): Json {
  const { id } = schema.meta() ?? {};
  if (id === undefined) throw new TypeError('a reply has a schema with a name');
  return { $ref: `#/components/schemas/${id}` };
}
