// Images that are open: a few at a time, each once, closed when others take their place.

import { inspect } from '../index.js';
import { access, remember, source } from './sources.js';

/** How many stay open: the one that is looked at, the one that it is compared with, and where one comes from. */
const OPEN = 4;
const images = new Map();

/** The image of a route, or of another `of` with a platform and a name. Opened once; a failure is not kept. */
export function opened({ of, platform, name }, progress = {}) {
  const key = JSON.stringify([of, platform ?? '', name ?? '']);
  let image = images.get(key);
  if (!image) {
    image = open({ of, platform, name }, progress);
    image.catch(() => images.delete(key));
  }
  images.delete(key);
  images.set(key, image);
  for (const [old, one] of images) {
    if (images.size <= OPEN) break;
    images.delete(old);
    one.then((opened) => opened.close()).catch(() => {});
  }
  return image;
}

/** Forgets what was opened of it: it is another file now, or there is a password. */
export function forget(of) {
  for (const [key, image] of images) {
    if (JSON.parse(key)[0] !== of) continue;
    images.delete(key);
    image.then((opened) => opened.close()).catch(() => {});
  }
}

/** Forgets all of them: their worker is gone. */
export function forgetAll() {
  images.clear();
}

/** The source of a route with the name and platform that it asks for; with `as=files` a folder's files, and not the images in it. */
export async function content({ of, platform, name, as }) {
  const found = await source(of);
  const files = as === 'files' && found.layout ? { files: found.layout } : found;
  return { ...files, ...(platform && { platform }), ...(name && { name }) };
}

async function open(route, { onprogress } = {}) {
  const image = await inspect(await content(route), { ...(await access()), onprogress });
  remember(route.of);
  return image;
}
