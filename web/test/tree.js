// Trees that the tests describe in text.

const TYPES = { f: 'file', n: 'file', r: 'file', z: 'file', d: 'directory', l: 'symlink', h: 'hardlink', p: 'fifo', c: 'character', b: 'block' };

/** `KIND MODE UID GID MTIME PATH [CONTENT]` a line, as tests/cases/README.md and tests/codecs/profile-1.txt say. */
export function entriesOf(text) {
  return text.split('\n').filter((line) => line.trim() && !line.startsWith('#')).map((line) => {
    const [kind, mode, uid, gid, mtime, path, content = ''] = line.split(' ');
    const entry = { type: TYPES[kind], mode: parseInt(mode, 8), uid: Number(uid), gid: Number(gid), mtime: Number(mtime), path: bytesOf(path) };
    if (kind === 'f') entry.content = bytesOf(content);
    if (kind === 'n') entry.content = Array.from({ length: Number(content) }, (_, number) => `${number}\n`).join('');
    if (kind === 'r') entry.content = noise(Number(content));
    if (kind === 'z') entry.content = new Uint8Array(Number(content));
    if (kind === 'l' || kind === 'h') entry.target = bytesOf(content);
    if (kind === 'c' || kind === 'b') [entry.major, entry.minor] = content.split(',').map(Number);
    return entry;
  });
}

/** `\ooo` is a byte in octal. */
function bytesOf(text) {
  const parts = text.split(/\\([0-7]{3})/);
  return new Uint8Array(Buffer.concat(parts.map((part, at) => (at % 2 ? Buffer.from([parseInt(part, 8)]) : Buffer.from(part)))));
}

function noise(length) {
  const bytes = new Uint8Array(length);
  let x = 1;
  for (let at = 0; at < length; at += 4) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    for (let place = 0; place < 4 && at + place < length; place++) bytes[at + place] = x >>> (8 * place);
  }
  return bytes;
}
