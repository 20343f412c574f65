export { default as image } from './notifications/image.js';
export { default as imageCrud } from './notifications/image-crud.js';
export { default as imageDownload } from './notifications/image-download.js';
export { default as imageServe } from './notifications/image-serve.js';
export { default as imageSize } from './notifications/image-size.js';
