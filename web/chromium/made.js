// Images that no honest tool makes, and those that show all views at once: made in the scratch folder with the command line and by hand.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, readFileSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { ocix, scratch } from './harness.js';

/** What would run, or mislead, if it were more than text. */
export const HOSTILE = {
  markup: '<img src=x onerror=alert(1)>',
  script: '</code><script>alert(2)</script>',
  turned: '\u202egnp.exe\u202c',
  control: 'a\u001b[31mred\u0007',
  template: '${alert(3)}{{alert(4)}}',
};

/** An image with two layers, a config with all that there is, and statements about it; its path. */
export async function rich(name = 'app.tar', greeting = 'hello there') {
  const root = join(scratch, `${name}-files`);
  const [base, app] = [join(root, 'base'), join(root, 'app')];
  for (const folder of ['etc/app', 'usr/bin', 'usr/share/pictures', 'var/lib/data']) mkdirSync(join(base, folder), { recursive: true });
  for (const folder of ['etc', 'srv/site']) mkdirSync(join(app, folder), { recursive: true });
  writeFileSync(join(base, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(base, 'etc/app/app.conf'), Array.from({ length: 400 }, (_, line) => `option.${line} = value of option ${line}\n`).join(''));
  for (let count = 0; count < 300; count += 1) writeFileSync(join(base, 'var/lib/data', `part-${String(count).padStart(4, '0')}.txt`), `part ${count}\n`);
  writeFileSync(join(base, 'usr/bin/tool'), Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01\0'), Buffer.alloc(4096, 'tool\0')]));
  writeFileSync(join(base, 'usr/share/pictures/dot.png'), picture());
  writeFileSync(join(base, 'usr/share/large.log'), Array.from({ length: 40_000 }, (_, line) => `${String(line).padStart(8, '0')} something happened\n`).join(''));
  symlinkSync('usr/bin', join(base, 'bin'));
  writeFileSync(join(app, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n');
  writeFileSync(join(app, 'srv/site/index.html'), `<!doctype html><title>${greeting}</title><script>alert(1)</script>\n`);
  writeFileSync(join(app, 'srv/site/data.json'), '{"name":"site","version":1.10,"large":12345678901234567890,"list":[1,2,{"nothing":null}],"empty":{}}\n');
  writeFileSync(join(root, 'provenance.json'), JSON.stringify(provenance()));
  writeFileSync(join(root, 'sbom.json'), JSON.stringify(sbom()));
  for (const folder of [base, app]) execFileSync('find', [folder, '-exec', 'touch', '-h', '-d', '@1700000000', '{}', '+']);
  await ocix(['export', base, '--output', `type=oci,dest=${join(root, 'base.tar')},name=example.com/base:1`, '--source-date-epoch', '1700000000']);
  const config = ['--entrypoint', '["/bin/tool","--serve"]', '--cmd', '["/srv/site"]', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', '--env', `GREETING=${greeting}`,
    '--user', 'app', '--workdir', '/srv', '--expose', '8080/tcp', '--label', 'org.opencontainers.image.title=app', '--label', 'org.opencontainers.image.version=1.2.0'];
  const said = ['--attestation', `type=https://slsa.dev/provenance/v0.2,predicate=${join(root, 'provenance.json')}`,
    '--attestation', `type=https://spdx.dev/Document,predicate=${join(root, 'sbom.json')}`];
  const path = join(scratch, name);
  await ocix(['export', app, '--base', `oci-archive:${join(root, 'base.tar')}`, ...config, ...said, '--annotation', 'org.opencontainers.image.source=https://example.com/app.git',
    '--output', `type=oci,dest=${path},name=example.com/app:v1,attestation-inline=true`, '--source-date-epoch', '1700000000']);
  return path;
}

/** An image whose names, labels and files are `HOSTILE`. */
export async function hostile() {
  const root = join(scratch, 'hostile-files');
  mkdirSync(root, { recursive: true });
  for (const text of Object.values(HOSTILE)) writeFileSync(join(root, text.replaceAll('/', '∕')), text);
  utimesSync(root, 1, 1);
  const labels = Object.entries(HOSTILE).flatMap(([key, text]) => ['--label', `${key}=${text}`, '--env', `${key}=${text}`, '--annotation', `${key}=${text}`]);
  const path = join(scratch, 'hostile.tar');
  await ocix(['export', root, ...labels, '--created-by', HOSTILE.markup, '--author', HOSTILE.script, '--output', `type=oci,dest=${path},name=example.com/hostile:1`]);
  return path;
}

/** A layout in a tar, its one layer as given; without a diff ID the config has a wrong one. */
export function image(name, layer, diffId = `sha256:${'0'.repeat(64)}`) {
  const root = join(scratch, `${name}-layout`);
  mkdirSync(join(root, 'blobs/sha256'), { recursive: true });
  const blob = (content, mediaType) => {
    const hex = createHash('sha256').update(content).digest('hex');
    writeFileSync(join(root, 'blobs/sha256', hex), content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  };
  const layers = [blob(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')];
  const config = blob(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [diffId] } }), 'application/vnd.oci.image.config.v1+json');
  const manifest = blob(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers }), 'application/vnd.oci.image.manifest.v1+json');
  writeFileSync(join(root, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  writeFileSync(join(root, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const path = join(scratch, `${name}.tar`);
  execFileSync('tar', ['-C', root, '-cf', path, '.']);
  return path;
}

/** A layer that is small and unpacks to far more: one file of zeros, gzip in gzip members of a mebibyte each. */
export function bomb() {
  const header = tarHeader('zeros', 8 * 1024 ** 3);
  const mebibyte = gzipSync(Buffer.alloc(1024 ** 2), { level: 9 });
  return image('bomb', Buffer.concat([gzipSync(header), ...Array.from({ length: 2048 }, () => mebibyte)]));
}

/** The essential packages of Debian, unpacked, as an image; undefined where mmdebstrap is missing. */
export async function debian() {
  if (spawnSync('mmdebstrap', ['--version']).error) return undefined;
  const tar = join(scratch, 'debian-root.tar');
  execFileSync('mmdebstrap', ['--variant=extract', '--mode=root', '--quiet', 'bookworm', tar], { stdio: ['ignore', 'ignore', 'inherit'] });
  const path = join(scratch, 'debian.tar');
  await ocix(['export', `tar:${tar}`, '--output', `type=docker,dest=${path},name=example.com/debian:bookworm`]);
  return path;
}

/** The first part of a file. */
export function cut(path, name, bytes) {
  const short = join(scratch, name);
  writeFileSync(short, readFileSync(path));
  truncateSync(short, bytes);
  return short;
}

/** A file that is no image. */
export function nonsense() {
  const path = join(scratch, 'letter.txt');
  writeFileSync(path, 'Dear reader,\nthis is no image.\n');
  return path;
}

/** An archive of an image of so many mebibytes, of which gzip makes as little as of random bytes; its path. */
export async function large(name, mebibytes, level = 1) {
  const layer = join(scratch, `${name}.layer`);
  const hash = createHash('sha256');
  function* hashed() {
    for (const part of parts(mebibytes)) {
      hash.update(part);
      yield part;
    }
  }
  await pipeline(Readable.from(hashed()), createGzip({ level, chunkSize: 1024 ** 2 }), createWriteStream(layer));
  return image(name, readFileSync(layer), `sha256:${hash.digest('hex')}`);
}

/** A tar of files of a mebibyte each. */
function* parts(mebibytes) {
  let seed = 1;
  for (let count = 0; count < mebibytes; count += 1) {
    const content = new Uint32Array(1024 ** 2 / 4);
    for (let at = 0; at < content.length; at += 1) content[at] = seed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x297a2d39;
    yield tarHeader(`data/${count % 10}/part-${count}.bin`, content.byteLength);
    yield Buffer.from(content.buffer);
  }
  yield Buffer.alloc(1024);
}

function tarHeader(name, size) {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(size < 8 ** 11 ? `${size.toString(8).padStart(11, '0')}\0` : '', 124);
  if (size >= 8 ** 11) {
    header.writeUInt8(0x80, 124);
    header.writeBigUInt64BE(BigInt(size), 128);
  }
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** A red dot. */
function picture() {
  return Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==', 'base64');
}

function provenance() {
  const commit = { sha1: '0123456789abcdef0123456789abcdef01234567' };
  return {
    builder: { id: 'https://example.com/builders/1' },
    buildType: 'https://mobyproject.org/buildkit@v1',
    invocation: { configSource: { uri: 'https://example.com/app.git#refs/heads/main', digest: commit, entryPoint: 'Dockerfile' } },
    materials: [{ uri: 'pkg:docker/debian@bookworm?platform=linux%2Famd64', digest: { sha256: 'b877a1a3fdf02469440f1768cf69c9771338a875b7add5e80c45b756c92ac20a' } },
      { uri: 'https://example.com/app.git#refs/heads/main', digest: commit }],
    metadata: { buildInvocationID: 'h4k2', buildStartedOn: '2026-03-01T10:00:00Z', buildFinishedOn: '2026-03-01T10:02:11Z', reproducible: false },
  };
}

function sbom() {
  const names = ['bash', 'coreutils', 'libc6', 'openssl', 'tzdata', 'zlib1g'];
  return {
    spdxVersion: 'SPDX-2.3',
    name: 'app',
    creationInfo: { created: '2026-03-01T10:02:00Z', creators: ['Organization: Example', 'Tool: example-1.0'] },
    packages: names.map((name, index) => ({ name, versionInfo: `1.${index}.2`, licenseConcluded: index % 2 ? 'MIT' : 'Apache-2.0' })),
  };
}
