import { defineCentralPollster } from '@nephoscope/core/pollster';

import { imageMetadata, imageOptions, imagesOf } from '../images.js';
import { listedCounters } from '../listed-counters.js';

const meter = { name: 'image.size', type: 'gauge', unit: 'B', description: "Size of the image's data" } as const;

/** Size of images' data. */
export default defineCentralPollster({
  service: 'glance',
  options: imageOptions,
  meters: [meter],
  create: ({ service: glance = {}, logger }) => {
    const metadata = imageMetadata(logger);
    return {
      getCounters: (cloud) =>
        listedCounters(imagesOf(cloud, glance), meter, (image) => ({
          volume:
            image.value('size') === null
              ? { missing: 'off', detail: 'nothing was uploaded to it yet' }
              : image.amount('size'),
          projectId: image.optionalText('owner'),
          metadata: metadata(image),
        })),
    };
  },
});
