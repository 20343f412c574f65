import { Secret } from '@nephoscope/core/options';
import { z } from 'zod';

/** Placeholders from documentation, and common guesses; only letters and digits. */
const placeholders = [
  /(replace|change)(this|me|it)/,
  /^(put|insert|enter|your)\w{0,20}(secret|password|here)$/,
  /^(my|the)(secret|password)$/,
  /^(a|some|any)?(long|random|strong|shared|top|very)*(secret|password|passphrase|text|key|string|value)s?\d*$/,
  /^(placeholder|example|default|nephoscope|ceilometer|telemetry|openstack|metering)(secret|password|key)?\d*$/,
  /secretthatagentsandcollectorsshare/,
  /^(0?123456789?0?|abcdefghi?|qwertyuiop|letmein\d*)$/,
];

/** An unfilled template: `<secret>`, `${SECRET}`, `{{ secret }}`, `%SECRET%`, `@SECRET@`. */
const template = /^\s*(<.*>|\$\{.*\}|\$\(.*\)|\{\{.*\}\}|%.*%|@.*@|__.*__)\s*$/s;

const fewest = 4;

function isPlaceholder(text: string): boolean {
  const letters = text.toLowerCase().replace(/[^a-z0-9]/g, '');
  return template.test(text) || placeholders.some((pattern) => pattern.test(letters));
}

/**
 * A secret shared by several programs. Anyone who knows it can forge billed samples, so placeholders are refused. A
 * secret of digits may be a number, which readConfig returns only if it keeps the same digits.
 */
export const sharedSecret = z
  .union([z.string(), z.int()])
  .transform(String)
  .pipe(
    z
      .string()
      .min(8, { error: "use at least 8 characters, such as those of 'openssl rand -hex 32'", abort: true })
      .refine((text) => !isPlaceholder(text), {
        error:
          "is a placeholder that everybody knows: put in a text of your own, such as that of 'openssl rand -hex 32'",
        abort: true,
      })
      .refine(
        (text) => new Set(text).size >= fewest,
        "repeats a few characters: use a random text, such as that of 'openssl rand -hex 32'",
      ),
  )
  .transform((text) => new Secret(text));
