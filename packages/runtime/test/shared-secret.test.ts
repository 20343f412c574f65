import { sharedSecret } from '../src/shared-secret.js';

it.each([
  ['', '8 characters'],
  ['short', '8 characters'],
  [1234567, '8 characters'],
  ['        ', 'few characters'],
  ['aaaaaaaaaaaa', 'few characters'],
  ['abababababab', 'few characters'],
  ['replace this by a long random text', 'placeholder'],
  ['REPLACE_THIS_BY_A_LONG_RANDOM_TEXT', 'placeholder'],
  ['replace this with a long random string', 'placeholder'],
  ['a secret that agents and collectors share', 'placeholder'],
  ['a long random text', 'placeholder'],
  ['change-me', 'placeholder'],
  ['changeme123', 'placeholder'],
  ['please change this', 'placeholder'],
  ['change this for valid signing', 'placeholder'],
  ['change this or be hacked', 'placeholder'],
  ['your-secret-here', 'placeholder'],
  ['my_secret', 'placeholder'],
  ['the secret', 'placeholder'],
  ['TopSecret', 'placeholder'],
  ['password', 'placeholder'],
  ['Password1', 'placeholder'],
  ['secret123', 'placeholder'],
  ['openstack', 'placeholder'],
  ['metering_secret', 'placeholder'],
  ['placeholder', 'placeholder'],
  ['12345678', 'placeholder'],
  ['<insert>', 'placeholder'],
  ['${TELEMETRY}', 'placeholder'],
  ['{{ metering }}', 'placeholder'],
  ['@TELEMETRY@', 'placeholder'],
  ['__TELEMETRY__', 'placeholder'],
])('%j is not accepted as a secret', (text, why) => {
  const parsed = sharedSecret.safeParse(text);
  expect(parsed.error?.issues.map(({ message }) => message)).toEqual([expect.stringContaining(why)]);
});

it.each([
  'b580562f9323b1aa3729541470ab15e19ebbd18944f6d00273c16c590dbcbf1a',
  'clé 漢字 secret of ours',
  'correct horse battery staple',
  'xK9#${a}<b>',
  'the secret of this test',
  'the-metering-secret',
  'another secret',
  '00123456789',
  9223372036854,
])('%j is accepted', (text) => {
  expect(sharedSecret.parse(text).reveal()).toBe(String(text));
});
