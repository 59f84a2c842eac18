// The cases of tests/cases in JavaScript: the same digests, and the same refusals, as the command line's.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { exportImage } from '../node.js';
import { shared } from './cli.js';
import { entriesOf } from './tree.js';

const folder = new URL('../../tests/cases/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);

for (const name of names.sort()) {
  const lines = read(name, 'case.toml').split('\n').filter((line) => /^[a-z-]+ *=/.test(line));
  const given = Object.fromEntries(lines.map(keyAndValue));
  const contents = given.source === 'tree' ? { files: entriesOf(read(name, 'tree.txt')) } : shared(`golden/${given.source}`);
  test(`${name}: ${given.about}`, { skip: !contents && 'the recorded data is not at hand' }, async () => {
    const argument = (key) => given.args?.find((text) => text.startsWith(`--${key}=`))?.slice(key.length + 3);
    const epoch = argument('source-date-epoch');
    const platform = argument('platform');
    const job = {
      contents: typeof contents === 'string' ? { path: contents, platform } : contents,
      output: given.output,
      native: platform,
      epoch: epoch === undefined ? undefined : Number(epoch),
    };
    if (given.exit === undefined) {
      const results = await exportImage(job);
      assert.equal(results.reports[0].targets[0].error, undefined);
      assert.equal(results.digest, given.digest);
      results.discard();
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
