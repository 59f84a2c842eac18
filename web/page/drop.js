// What a drop holds: a file, or a folder with all that is in it.

import { add } from './sources.js';

/** Files of a dropped folder at most: a layout has one a blob. */
const FILES = 20_000;

/** Takes the first thing of a drop; its `of`, or undefined when it is none. Must be called in the event, before anything is awaited. */
export async function take(transfer) {
  const [item] = [...transfer.items].filter((one) => one.kind === 'file');
  if (!item) return undefined;
  // All three are asked for at once: after the event the items are gone.
  const [handle, entry, file] = [item.getAsFileSystemHandle?.(), item.webkitGetAsEntry?.(), item.getAsFile()];
  const kept = await handle?.catch(() => null);
  if (kept) return add(kept);
  if (entry?.isDirectory) return add(await walked(entry));
  return file ? add(file) : undefined;
}

/** The files of a folder as `<input webkitdirectory>` gives them. */
async function walked(folder) {
  const files = [];
  const folders = [folder];
  while (folders.length > 0 && files.length < FILES) {
    const reader = folders.pop().createReader();
    for (;;) {
      const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (entries.length === 0) break;
      for (const entry of entries) {
        if (entry.isDirectory) folders.push(entry);
        else files.push(await named(entry));
      }
    }
  }
  return files;
}

async function named(entry) {
  const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
  Object.defineProperty(file, 'webkitRelativePath', { value: entry.fullPath.slice(1) });
  return file;
}
