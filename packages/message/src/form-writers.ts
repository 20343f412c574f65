import { canonicalForm } from './canonical-form.js';
import { ceilometerForm } from './ceilometer-form.js';
import type { FormWriter, SignatureForm } from './signature-form.js';

export const formWriters: { readonly [F in SignatureForm]: FormWriter } = {
  ceilometer: ceilometerForm,
  canonical: canonicalForm,
};
