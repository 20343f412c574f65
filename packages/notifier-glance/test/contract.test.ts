import { notificationHandlerContract } from '@nephoscope/testing';

import { image, imageCrud, imageDownload, imageServe, imageSize } from '../src/index.js';
import { capture } from './captures.js';

const update = capture('glance.image.update');
const upload = capture('glance.image.upload');
const removal = capture('glance.image.delete');
const send = capture('glance.image.send');

notificationHandlerContract('image_crud', imageCrud, {
  notifications: [update, upload, removal].map((given) => ({
    given,
    expect: [{ name: given.eventType, volume: 1 }],
  })),
});
notificationHandlerContract('image', image, {
  notifications: [update, upload, removal].map((given) => ({ given, expect: [{ name: 'image', volume: 1 }] })),
});
notificationHandlerContract('image_size', imageSize, {
  notifications: [
    { given: update, expect: [] },
    { given: upload, expect: [{ volume: 1048576 }] },
    { given: removal, expect: [{ volume: 1048576 }] },
  ],
});
notificationHandlerContract('image_download', imageDownload, {
  notifications: [{ given: send, expect: [{ name: 'image.download', volume: 1048576 }] }],
});
notificationHandlerContract('image_serve', imageServe, {
  notifications: [{ given: send, expect: [{ name: 'image.serve', volume: 1048576, userId: null }] }],
});
