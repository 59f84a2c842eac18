// What the page shows, as far as it needs no browser: JSON by lines, foreign text, addresses, outputs.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkOutput, options } from '../node.js';
import { lines, seen } from '../page/json.js';
import { MADE, fields, output } from '../page/output.js';
import { address, parse } from '../page/route.js';
import { statement, summary } from '../page/statements.js';
import { bytes, line, mode, shown } from '../page/text.js';

const shared = join(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))), 'shared');

/** The lines put together again, as `JSON.stringify` indents them. */
function drawn(all, folded = new Set()) {
  const text = seen(all, folded).map((index) => {
    const { depth, key, value, open, close, comma } = all[index];
    return `${'  '.repeat(depth)}${key === undefined ? '' : `${key}: `}${value ?? open ?? close}${comma ? ',' : ''}`;
  });
  return text.join('\n');
}

test('JSON by lines is what JSON.stringify makes of it', async () => {
  const blobs = join(shared, 'golden/sources/multi/blobs/sha256');
  const documents = readdirSync(blobs).map((name) => readFileSync(join(blobs, name))).filter((content) => content[0] === 0x7b);
  assert.ok(documents.length > 3);
  const texts = [...documents.map(String), '[]', '{}', '[[],{},[1]]', '{"a":{"b":[1,2,{"c":"é\\"}"}]}}', ' "alone" ', '-1', 'null'];
  for (const text of texts) assert.equal(drawn(await lines(text)), JSON.stringify(JSON.parse(text), null, 2), text);
});

test('literals stand as they are in the document, names that come twice too', async () => {
  const all = await lines('{"n":1.10,"n":12345678901234567890,"e":1E400}');
  assert.deepEqual(all.slice(1, 4).map(({ key, value }) => [key, value]), [['"n"', '1.10'], ['"n"', '12345678901234567890'], ['"e"', '1E400']]);
});

test('what is no JSON is no lines, and what is folded is hidden', async () => {
  for (const text of ['{', '[1', '{"a":1}}', 'hello', '{"a":"b}', ',']) assert.equal(await lines(text), undefined, text);
  const all = await lines('{"a":[1,2],"b":3}');
  assert.equal(drawn(all, new Set([1])).split('\n').length, 4);
});

test('foreign text is escaped as the command line does', () => {
  assert.equal(shown('a\u001b[2Jb\n\u202ec'), 'a\\u{1b}[2Jb\\u{a}\\u{202e}c');
  assert.equal(line('a\tb\u2066'), 'a\tb\\u{2066}');
  assert.deepEqual([0, 586, 6144, 17_090_092].map(bytes), ['0 B', '586 B', '6.00 KiB', '16.30 MiB']);
  assert.equal(mode({ type: 'file', mode: 0o4755 }), '-rwsr-xr-x');
  assert.equal(mode({ type: 'directory', mode: 0o1777 }), 'drwxrwxrwt');
});

test('an address says all that a view needs, and comes back as it was', () => {
  const routes = [
    { view: 'files', of: 'registry:localhost:5000/team/app:v1@sha256:ab', platform: 'linux/arm64', path: '/etc/a b&c=d#e?f%2F', q: 'ä *' },
    { view: 'compare', of: 'file:a.tar', with: 'folder:b' },
  ];
  for (const route of routes) assert.deepEqual(parse(address(route)), route);
  for (const fragment of ['', '#/', '#/nothing?of=a', '#/files', '#/constructor?of=a']) assert.deepEqual(parse(fragment), { view: 'start' });
});

test('every output that the form can make is one', async () => {
  const table = await options();
  for (const type of Object.keys(MADE)) {
    const { first, others } = fields(table, type);
    for (const row of [...first, ...others]) {
      const values = { choice: row.choices, bool: ['true', 'false'], flag: ['true', 'false'], number: [row.choices[0]?.split('..')[0]], text: ['a/b'], texts: ['a,b'] }[row.kind];
      for (const value of values) {
        const text = output(table, type, { name: 'example.com/a', [row.key]: value }, []);
        // A row alone may want another; but the core understands how it is written.
        await checkOutput(text).catch((error) => assert.notEqual(error.code, 'invalid-option', `${text}: ${error.message}`));
      }
    }
  }
  const text = output(table, 'oci', { name: 'a,b' }, [['', 'org.example.by', 'me, "myself"']]);
  assert.equal(text, 'type=oci,dest=a.tar,"name=a,b","annotation.org.example.by=me, ""myself"""');
  await checkOutput(text);
});

test('statements are found in their envelopes, and strange ones do no harm', () => {
  const inner = { _type: 'https://in-toto.io/Statement/v0.1', predicateType: 'https://slsa.dev/provenance/v1', subject: [{ name: 'a', digest: { sha256: '00' } }],
    predicate: { buildDefinition: { buildType: 'b', resolvedDependencies: [{ uri: 'u' }] }, runDetails: { builder: { id: 'i' } } } };
  const encode = (value) => new TextEncoder().encode(JSON.stringify(value));
  const envelope = { payload: Buffer.from(JSON.stringify(inner)).toString('base64'), payloadType: 'application/vnd.in-toto+json', signatures: [{}] };
  for (const [value, signatures] of [[inner, undefined], [envelope, 1]]) {
    const said = statement(encode(value));
    assert.equal(said.signatures, signatures);
    assert.deepEqual(summary(said).facts, [['Builder', 'i'], ['Build type', 'b']]);
  }
  for (const odd of [null, [], {}, 3, { predicateType: 1 }, { payload: '%', signatures: [] }]) assert.equal(statement(encode(odd)), undefined);
  for (const predicate of [null, 3, [], { packages: 'x', creationInfo: 3 }, { buildDefinition: [], materials: [null] }]) {
    for (const predicateType of ['https://spdx.dev/Document', 'https://slsa.dev/provenance/v0.2', 'https://cyclonedx.org/bom']) {
      summary(statement(encode({ predicateType, predicate })));
    }
  }
});
