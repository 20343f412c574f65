import { cloudFigureReader } from '../../src/replies.js';

const read = cloudFigureReader([{ name: 'volume.size', type: 'gauge', unit: 'GB', description: 'size' }]);

it('limits the size of a missing figure, and counts it', () => {
  const volume = { missing: 'error', detail: 'd'.repeat(10_000) };
  const found = read({ meter: 'volume.size', resourceId: 'r'.repeat(200_000), volume }, () => 7n);
  expect(found).toEqual({
    missingFigure: {
      name: 'volume.size',
      resourceId: 'r'.repeat(255),
      reason: { missing: 'error', detail: 'd'.repeat(500) },
    },
    size: 'volume.size'.length + 255 + 500,
  });
});
