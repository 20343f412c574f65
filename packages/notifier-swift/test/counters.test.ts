import { counterLine } from '@nephoscope/testing';

import { capture, captureNames } from './captures.js';
import { count } from './count.js';

const download = capture('swift.objectstore.http.request');
const withInitiator = (initiator: Record<string, string | null>) => ({
  ...download,
  payload: { ...download.payload, initiator },
});

it('counts the recorded notification: the response to an anonymous request', () => {
  expect(captureNames).toEqual(['swift.objectstore.http.request']);
  const counters = count(download);
  expect(counters.map(counterLine)).toEqual([
    'storage.objects.outgoing.bytes delta 131 B, 909c4662f43441bcb7e3bece767e7d73 of null by null',
  ]);
  expect(counters[0]).toMatchObject({
    timestamp: 1_795_384_307_026_805_000n,
    resourceMetadata: {
      method: 'get',
      outcome: 'success',
      container: null,
      event_type: 'objectstore.http.request',
      host: 'ceilometermiddleware',
    },
  });
});

it.each([
  [
    'of a project',
    { id: 'c70bb536733a4dea97df02c5456070fd', project_id: 'p-1' },
    'p-1',
    'c70bb536733a4dea97df02c5456070fd',
  ],
  [
    'of a user without a project',
    { id: 'c70bb536733a4dea97df02c5456070fd', project_id: null },
    null,
    'c70bb536733a4dea97df02c5456070fd',
  ],
  [
    'of a user with such an id as name',
    { id: '84a350d4-82b0-5cb1-be88-09353021eae7', project_id: 'p-1' },
    'p-1',
    '84a350d4-82b0-5cb1-be88-09353021eae7',
  ],
  ['of nobody, with an invented id', { id: '84a350d4-82b0-5cb1-be88-09353021eae7', project_id: null }, null, null],
  ['of nobody, without an id', { project_id: null }, null, null],
])('has the project and the user %s', (_, initiator, projectId, userId) => {
  expect(count(withInitiator(initiator))).toEqual([expect.objectContaining({ projectId, userId })]);
});

it('has the container in its metadata, but nothing about the object', () => {
  const target = {
    ...(download.payload['target'] as Record<string, string>),
    metadata: { path: 'v1/AUTH_p/photos/me.jpg', version: 'v1', container: 'photos', object: 'me.jpg' },
  };
  const [counter] = count({ ...download, payload: { ...download.payload, target } });
  expect(counter?.resourceMetadata).toMatchObject({ container: 'photos' });
  expect(JSON.stringify(counter?.resourceMetadata)).not.toContain('me.jpg');
});

it('yields nothing for a request or response without a byte', () => {
  const { measurements: _, ...payload } = download.payload;
  expect(count({ ...download, payload })).toEqual([]);
});
