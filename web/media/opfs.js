// A page's disk for temporaries: files of the origin private file system, in a folder that is this worker's as long as it lives. What a
// worker left that is gone is swept by the next one.

const PREFIX = 'ocix-';

/** As drafts.js wants it; null where there is none. */
export async function disk() {
  try {
    const root = await navigator.storage.getDirectory();
    const name = `${PREFIX}${crypto.randomUUID()}`;
    await hold(name);
    const folder = await root.getDirectoryHandle(name, { create: true });
    await sweep(root, name);
    let next = 1;
    return {
      async create() {
        const path = `${next++}`;
        const handle = await folder.getFileHandle(path, { create: true });
        const access = await handle.createSyncAccessHandle();
        return {
          write: (bytes, at) => access.write(bytes, { at }),
          read: (into, at) => access.read(into, { at }),
          async blob() {
            access.close();
            return handle.getFile();
          },
          async remove() {
            access.close();
            await folder.removeEntry(path);
          },
        };
      },
    };
  } catch {
    return null;
  }
}

/** Until this worker ends, others see that it lives. */
function hold(name) {
  return new Promise((held, failed) => {
    navigator.locks.request(name, () => {
      held();
      return new Promise(() => {});
    }).catch(failed);
  });
}

async function sweep(root, own) {
  for await (const name of root.keys()) {
    if (!name.startsWith(PREFIX) || name === own) continue;
    await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
      // What cannot be removed stays for the next one.
      if (lock) await root.removeEntry(name, { recursive: true }).catch(() => {});
    });
  }
}
