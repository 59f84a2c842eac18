// Container images in JavaScript: a tree of files in memory becomes an OCI archive, in a page or in Node.
//
// The logic is the wasm in `pkg/`, which `cargo xtask build` makes; this file loads it once.

import init, { checkOutput as check, exportImage as run } from './pkg/ocix_browser.js';

let loading;

/** Loads the wasm; called by every other function. `module` is what the browser cannot fetch by itself: bytes, for Node. */
export function load(module) {
  loading ??= init(module === undefined ? undefined : { module_or_path: module });
  return loading;
}

/**
 * Exports a tree to an OCI archive.
 *
 * `entries`: `{ path, type?, mode?, uid?, gid?, mtime?, content?, target?, major?, minor?, xattrs? }` each, in any order.
 * `output`: what `ocix export --output` takes, for example `type=image,name=site:latest`.
 * `platform`: `OS/ARCH[/VARIANT]`, default `linux/amd64`. `epoch`: seconds; no time in a document is later.
 * Returns `{ names, digest, archive, warnings }`; rejects with an `Error` that has `code` and `fault`.
 */
export async function exportImage(job) {
  await load();
  return run(job);
}

/** Throws when an output is not one, before any work. */
export async function checkOutput(output) {
  await load();
  check(output);
}
