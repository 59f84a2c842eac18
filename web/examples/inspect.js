// What is in an image. Here it is made on the spot; in a page it may be a `File` that was dropped, in Node also a path, and everywhere
// `{ registry: 'localhost:5000/team/app:v1' }`.

import { exportImage, inspect, verify } from 'ocix';

const entries = [{ path: 'etc/hostname', content: 'example\n' }];
const { archive } = await exportImage({ entries, output: 'type=image,name=tiny:v1', platform: 'linux/amd64', epoch: 0 });
if (!archive) throw new Error('type=image is kept in the store, and so in the archive');

const image = await inspect(archive);
const { platform, layers } = await image.summary();
console.log(`${platform}, layers: ${layers.length}`);
for (const { type, size, path } of (await image.tree('', { recursive: true })).entries) console.log(type, size, path);
const { bytes, kind } = await image.read('etc/hostname');
console.log(kind, new TextDecoder().decode(bytes).trim());
image.close();

const report = await verify(archive);
console.log(report.verdict);
