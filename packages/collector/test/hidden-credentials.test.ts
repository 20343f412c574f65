import { hideCredentials } from '../src/hidden-credentials.js';

const hide = (text: string) => Buffer.from(hideCredentials(Buffer.from(text))).toString();

it.each([
  ['{"auth_token": "short one", "a": 1}', '{"auth_token": "[secret]", "a": 1}'],
  ['{"adminPass":"p\\\\nw","a":1}', '{"adminPass":"p\\\\nw","a":1}'],
  ['{"password":"p\\\\nw","a":1}', '{"password":"[secret]","a":1}'],
  [
    String.raw`"{\"_context_auth_token\": \"abc\", \"a\": 1}"`,
    String.raw`"{\"_context_auth_token\": \"[secret]\", \"a\": 1}"`,
  ],
  ["{'X-Auth-Token': 'abc'}", "{'X-Auth-Token': '[secret]'}"],
  ['rabbit://me:pa:ss@host/', 'rabbit://me:[secret]@host/'],
  ['http://host:80/path', 'http://host:80/path'],
  ['Bearer eyJhbGciOiJI.eyJzdWIiOiIx.c2ln', 'Bearer [secret]'],
  [
    'compute.host-1.example.org of aVeryLongName.aVeryLongOther',
    'compute.host-1.example.org of aVeryLongName.aVeryLongOther',
  ],
  [
    '{"counter_name": "cpu", "resource_metadata": {"tokens": 3}}',
    '{"counter_name": "cpu", "resource_metadata": {"tokens": 3}}',
  ],
])('%s', (text, safe) => {
  expect(hide(text)).toBe(safe);
});

it('returns the same bytes if there is nothing to hide', () => {
  const bytes = Buffer.from([0xff, 0x00, 0xe9]);
  expect(hideCredentials(bytes)).toBe(bytes);
});
