import { z } from 'zod';

const unit: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const form = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/;

/**
 * A time span as operators write it: `500ms`, `10s`, `10m`, `1h`, `2d`; the value is in milliseconds. A bare number
 * means seconds, as older configurations have it; the configuration reader warns of it.
 */
export const duration = () =>
  z
    .union([z.number().positive(), z.string().regex(form)])
    .transform((value) => {
      if (typeof value === 'number') return value * 1_000;
      const [, amount, name] = form.exec(value) as unknown as [string, string, string];
      return Number(amount) * (unit[name] as number);
    })
    .pipe(z.number().positive())
    .meta({ title: 'a time span', like: ['10s', '5m', '1h'], unit: 's' });
