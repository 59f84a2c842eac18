// The cases of tests/cases in the page's core: the same digests, and the same refusals, as the command line's.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { exportImage } from '../node.js';

const folder = new URL('../../tests/cases/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);

for (const name of names.sort()) {
  const lines = read(name, 'case.toml').split('\n').filter((line) => /^[a-z-]+ *=/.test(line));
  const given = Object.fromEntries(lines.map(keyAndValue));
  const skip = given.source !== 'tree' && 'a layout is not a source of the page yet';
  test(`${name}: ${given.about}`, { skip }, async () => {
    const argument = (key) => given.args?.find((text) => text.startsWith(`--${key}=`))?.slice(key.length + 3);
    const epoch = argument('source-date-epoch');
    const job = {
      entries: entriesOf(read(name, 'tree.txt')),
      output: given.output,
      platform: argument('platform'),
      epoch: epoch === undefined ? undefined : Number(epoch),
    };
    if (given.exit === undefined) {
      assert.equal((await exportImage(job)).digest, given.digest);
      return;
    }
    await assert.rejects(() => exportImage(job), (error) => {
      for (const word of given.stderr) assert.ok(error.message.includes(word), error.message);
      return true;
    });
  });
}

function read(name, file) {
  return readFileSync(new URL(`${name}/${file}`, folder), 'utf8');
}

// The little of TOML that cases use: strings, literal strings, lists of strings, whole numbers.
function keyAndValue(line) {
  const [, key, value] = /^([a-z-]+) *= *(.*)$/.exec(line);
  return [key, value.startsWith("'") ? value.slice(1, -1) : JSON.parse(value)];
}

const TYPES = { f: 'file', n: 'file', d: 'directory', l: 'symlink', h: 'hardlink', p: 'fifo', c: 'character', b: 'block' };

// `KIND MODE UID GID MTIME PATH [CONTENT]` a line, as tests/cases/README.md says.
function entriesOf(text) {
  return text.split('\n').filter((line) => line.trim() && !line.startsWith('#')).map((line) => {
    const [kind, mode, uid, gid, mtime, path, content = ''] = line.split(' ');
    const entry = { type: TYPES[kind], mode: parseInt(mode, 8), uid: Number(uid), gid: Number(gid), mtime: Number(mtime), path: bytesOf(path) };
    if (kind === 'f') entry.content = bytesOf(content);
    if (kind === 'n') entry.content = Array.from({ length: Number(content) }, (_, number) => `${number}\n`).join('');
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
