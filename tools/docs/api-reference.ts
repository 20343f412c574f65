import { openApiDocument, problemKinds, problemType } from '@nephoscope/api';

/** What of the document is used here. */
interface Document {
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties?: object }>> };
}

interface Operation {
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly responses: {
    readonly 200: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  };
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly description?: string;
  readonly required: boolean;
  readonly schema: { readonly type?: string; readonly enum?: readonly string[]; readonly default?: string };
}

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly contentSchema?: { readonly $ref: string };
}

/** docs/api-reference.md */
export function apiReferencePage(): string {
  const document = openApiDocument() as unknown as Document;
  const problems = Object.entries(problemKinds).map(
    ([kind, { status, title }]) =>
      `| \`${problemType(kind as keyof typeof problemKinds)}\` | ${status} | ${title} |`,
  );
  return `# Reference of \`/v3\`

Every path is a \`GET\`. [The HTTP API](api.md#v3) explains forms, pages and errors. CSV and NDJSON
end with a line that says how many rows there are, and their SHA-256 ([how to check it](api.md#v3)). The same as an OpenAPI 3.1 document is at \`/v3/openapi.json\`, and
[\`@nephoscope/api-client\`](../packages/api-client) is a client with its types.

<!-- Generated from the schemas in the sources by \`npm run docs\`: do not edit. -->

${Object.entries(document.paths)
  .map(([path, { get }]) => sectionOf(path, get, document))
  .join('\n')}
## Problems

| \`type\` | status | title |
|---|---|---|
${problems.join('\n')}

Other errors have \`about:blank\`, and a status that says everything: 401, 403, 404, 405, 421, 429, 500, 503.
`;
}

function sectionOf(
  path: string,
  { summary, description, parameters, responses }: Operation,
  document: Document,
): string {
  const table =
    parameters.length === 0
      ? ''
      : `| parameter | | |\n|---|---|---|\n${parameters.map(parameterRow).join('\n')}\n\n`;
  const { 'application/json': json, 'text/csv': csv, 'application/x-ndjson': ndjson } = responses[200].content;
  const members = (reference: string | undefined) => membersOf(reference, document);
  const line = ndjson?.schema.contentSchema?.$ref;
  const rows =
    line === undefined ? '' : `\n\nCSV: ${csv?.schema.description ?? ''} A line of NDJSON: ${members(line)}.`;
  return `## \`${path}\`

${summary}. ${description}

${table}Reply: ${members(json?.schema.$ref)}.${rows}
`;
}

function parameterRow({ name, in: place, description = '', required, schema }: Parameter): string {
  if (place === 'path') return `| \`{${name}}\` | in the path | ${description} |`;
  const notes = [
    ...(required ? ['required'] : []),
    ...(schema.type === 'array' ? ['repeatable'] : []),
    ...(schema.enum === undefined ? [] : [schema.enum.map((one) => `\`${one}\``).join(', ')]),
    ...(schema.default === undefined ? [] : [`default \`${schema.default}\``]),
  ];
  return `| \`${name}\` | ${notes.join('; ')} | ${description.replaceAll('|', '\\|')} |`;
}

function membersOf(reference: string | undefined, { components }: Document): string {
  const name = reference?.split('/').at(-1) ?? '';
  const names = Object.keys(components.schemas[name]?.properties ?? {});
  return `\`${name}\`, with ${names.map((one) => `\`${one}\``).join(', ')}`;
}
