// Real registries: Debian's `docker-registry` on a free port. With `cors` it says that pages may read it; with `password` it asks for one, and
// then the answers to preflights, which it would refuse too, come from a small proxy before it, as users of it set one up.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { program, scratch } from './harness.js';

export const USER = 'tester';
export const PASSWORD = 's3cret:word';
/** Of `USER` with `PASSWORD`, by bcrypt. */
const HTPASSWD = '$2y$05$abcdefghijklmnopqrstuu2JDQLR7mbHhdpill4/jMLDoVbsBhlUi';
const ALLOWED = {
  'Access-Control-Allow-Origin': ['*'],
  'Access-Control-Allow-Methods': ['GET, HEAD, POST, PUT, PATCH, DELETE'],
  'Access-Control-Allow-Headers': ['Authorization, Accept, Content-Type, Content-Range, Range'],
  'Access-Control-Expose-Headers': ['Docker-Content-Digest, WWW-Authenticate, Link, Location, Range, Content-Range, OCI-Subject, OCI-Chunk-Min-Length'],
};
let count = 0;

/** Starts one: `{ host, stop }`. */
export async function registry({ cors = false, password = false } = {}) {
  const folder = join(scratch, `registry-${(count += 1)}`);
  mkdirSync(folder);
  const port = await free();
  const config = {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'storage') } },
    http: { addr: `127.0.0.1:${port}`, secret: 's', ...(cors && !password && { headers: ALLOWED }) },
    ...(password && { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } }),
  };
  if (password) writeFileSync(join(folder, 'htpasswd'), `${USER}:${HTPASSWD}\n`);
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config));
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: 'ignore',
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  process.on('exit', () => child.kill('SIGKILL'));
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (tries > 200) throw new Error('docker-registry does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const front = cors && password ? await proxy(port) : undefined;
  return {
    host: `127.0.0.1:${front?.address().port ?? port}`,
    stop: () => {
      child.kill('SIGKILL');
      front?.close();
    },
  };
}

/** Starts `ocix serve`: `{ url, stop }`. */
export async function served(args) {
  const child = spawn(program, ['serve', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { url: line.trim(), stop: () => child.kill('SIGINT') };
}

/** Answers preflights, and lets the rest through with the headers that pages need. */
async function proxy(port) {
  const server = createServer((from, to) => {
    if (from.method === 'OPTIONS') return to.writeHead(204, ALLOWED).end();
    const passed = request({ host: '127.0.0.1', port, method: from.method, path: from.url, headers: from.headers }, (answer) => {
      to.writeHead(answer.statusCode, { ...answer.headers, ...ALLOWED });
      answer.pipe(to);
    });
    passed.on('error', () => to.destroy());
    return from.pipe(passed);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** A port that nobody has now. */
export async function free() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
