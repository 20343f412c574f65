import { z } from 'zod';

import { isRepeatable } from '../../packages/api/src/v3/parameters.js';
import { problemKinds, problemType } from '../../packages/api/src/v3/problem.js';
import type { Route } from '../../packages/api/src/v3/route.js';
import { routes } from '../../packages/api/src/v3/routes.js';

/** docs/api-reference.md */
export function apiReferencePage(): string {
  const problems = Object.entries(problemKinds).map(
    ([kind, { status, title }]) =>
      `| \`${problemType(kind as keyof typeof problemKinds)}\` | ${status} | ${title} |`,
  );
  return `# Reference of \`/v3\`

Every path is a \`GET\`. [The HTTP API](api.md#v3) explains forms, pages and errors. The same as an OpenAPI 3.1 document is at \`/v3/openapi.json\`, and
[\`@nephoscope/api-client\`](../packages/api-client) is a client with its types.

<!-- Generated from the schemas in the sources by \`npm run docs\`: do not edit. -->

${routes.map(sectionOf).join('\n')}
## Problems

| \`type\` | status | title |
|---|---|---|
${problems.join('\n')}

Other errors have \`about:blank\`, and a status that says everything: 401, 403, 404, 405, 421, 429, 500, 503.
`;
}

function sectionOf({ path, summary, description, names = {}, query, reply, row, columns }: Route): string {
  const inPath = Object.entries(names).map(([name, text]) => `| \`{${name}}\` | in the path | ${text} |`);
  const inQuery = Object.entries(query.shape as z.ZodRawShape).map(([name, schema]) =>
    parameterRow(name, schema as z.ZodType),
  );
  const rows = [...inPath, ...inQuery];
  const table = rows.length === 0 ? '' : `| parameter | | |\n|---|---|---|\n${rows.join('\n')}\n\n`;
  const members = `Replies with \`${String(reply.meta()?.['id'])}\`: ${membersOf(reply)}.`;
  const forms = row === undefined ? '' : ` Columns of CSV: ${columns}. A line of NDJSON: ${membersOf(row)}.`;
  return `## \`${path}\`

${summary}. ${description}

${table}${members}${forms}
`;
}

function parameterRow(name: string, schema: z.ZodType): string {
  const isNeeded = !schema.safeParse(undefined).success;
  const json = z.toJSONSchema(schema, { io: 'input' });
  const choices = json.enum === undefined ? [] : [json.enum.map((one) => `\`${String(one)}\``).join(', ')];
  const notes = [
    ...(isNeeded ? ['required'] : []),
    ...(isRepeatable(schema) ? ['repeatable'] : []),
    ...choices,
    ...(json.default === undefined ? [] : [`default \`${String(json.default)}\``]),
  ];
  return `| \`${name}\` | ${notes.join('; ')} | ${(schema.description ?? '').replaceAll('|', '\\|')} |`;
}

function membersOf(schema: z.ZodType): string {
  const shape = schema instanceof z.ZodObject ? (schema.shape as z.ZodRawShape) : {};
  return Object.keys(shape)
    .map((name) => `\`${name}\``)
    .join(', ');
}
