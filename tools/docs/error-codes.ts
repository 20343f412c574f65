import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import ts from 'typescript';

import { root } from './plugins.js';

const code = /^[A-Z]{3,}(_[A-Z]+)*$/;

/**
 * The codes of all errors in the packages: texts in capitals that are the first argument of an error, or of a
 * function that creates one, or the first column of a table.
 */
export async function errorCodesInSources(): Promise<ReadonlySet<string>> {
  const codes = new Set<string>();
  const packages = join(root, 'packages');
  for (const folder of await readdir(packages)) {
    for (const name of await readdir(join(packages, folder, 'src'), { recursive: true })) {
      if (!name.endsWith('.ts')) continue;
      const file = join(packages, folder, 'src', name);
      collect(ts.createSourceFile(file, await readFile(file, 'utf8'), ts.ScriptTarget.ES2022), codes);
    }
  }
  return codes;
}

function collect(node: ts.Node, codes: Set<string>): void {
  if (makesSomething(node))
    for (const text of textsOf(node.arguments?.[0]))
      if (code.test(text) && !text.startsWith('SIG')) codes.add(text);
  if (ts.isArrayLiteralExpression(node)) for (const text of codeOfTable(node)) codes.add(text);
  // The program of a thread is a text. `ERR_…` are Node's own.
  if (ts.isTemplateLiteralToken(node))
    for (const [, found = ''] of node.text.matchAll(/\bcode: '(?!ERR_)([A-Z]+_[A-Z_]+)'/g)) codes.add(found);
  ts.forEachChild(node, (child) => collect(child, codes));
}

/** `['CODE_OF_ERROR', 'what happened']` */
function codeOfTable({ elements }: ts.ArrayLiteralExpression): readonly string[] {
  const [first] = textsOf(elements[0]);
  const words = elements[1] === undefined || ts.isIdentifier(elements[1]) ? undefined : elements[1];
  const isText = words !== undefined && (ts.isStringLiteralLike(words) || ts.isTemplateExpression(words));
  return first !== undefined && elements.length === 2 && isText && /^[A-Z]+_[A-Z_]+$/.test(first) ? [first] : [];
}

/** `new X(…)`, `super(…)`, `fail(…)`; not `x.includes(…)` */
function makesSomething(node: ts.Node): node is ts.NewExpression | ts.CallExpression {
  if (ts.isNewExpression(node)) return true;
  return (
    ts.isCallExpression(node) &&
    (ts.isIdentifier(node.expression) || node.expression.kind === ts.SyntaxKind.SuperKeyword)
  );
}

function textsOf(node: ts.Expression | undefined): readonly string[] {
  if (node === undefined) return [];
  if (ts.isConditionalExpression(node)) return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)];
  return ts.isStringLiteral(node) ? [node.text] : [];
}
