import { defineCentralPollster } from '@nephoscope/core/pollster';

import { imageMetadata, imageOptions, imagesOf } from '../images.js';
import { listedCounters } from '../listed-counters.js';

const meter = { name: 'image', type: 'gauge', unit: 'image', description: 'The image exists' } as const;

/** Images by their existence. */
export default defineCentralPollster({
  service: 'glance',
  options: imageOptions,
  meters: [meter],
  create: ({ service: glance = {}, logger }) => {
    const metadata = imageMetadata(logger);
    return {
      getCounters: (cloud) =>
        listedCounters(imagesOf(cloud, glance), meter, (image) => ({
          projectId: image.optionalText('owner'),
          metadata: metadata(image),
        })),
    };
  },
});
