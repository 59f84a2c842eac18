// Jobs: what a caller gives as jobs.d.ts has it becomes a message to the worker, there the core's job, and its results come back.

import { fileOf } from './media/files.js';
import { content, handed, sent } from './source.js';

/** The caller's end: `{ job, transfer }`. */
export function sentJob(given, share) {
  const { contents, entries, output, base, ...rest } = given;
  const sources = entries ? [{ files: entries }] : [contents].flat();
  const job = { ...rest, contents: sources.map((source) => sent(source, share)), outputs: output === undefined ? [] : [output].flat() };
  if (base !== undefined) job.base = sent(base, share);
  return { job, transfer: handed([...job.contents, job.base]) };
}

/** The worker's end: runs it, and gathers what it wrote. */
export async function exportImage(core, job, media, host) {
  const { context } = media;
  const { contents, base, config, attestations = [], platform, native = platform ?? host.native } = job;
  const given = {
    ...job,
    native,
    contents: await Promise.all(contents.map((one) => content(one, context, host))),
    base: base && await content(base, context, host),
    config: config === undefined ? undefined : fileOf(config, 'the config'),
    attestations: attestations.map(({ file, ...rest }) => ({ ...rest, file: fileOf(file, 'the attestation') })),
  };
  const { reports, metadata, imageId } = await core.exportImage(media, given, media.store);
  const { files, trees } = await media.destinations.results();
  return { reports, metadata, imageId, files, trees, archive: await archive(core, media), warnings: media.warnings };
}

/** What the store has, when an output has kept something in it. */
async function archive(core, media) {
  if (!media.store.files.has('index.json')) return undefined;
  const { destinations } = media;
  await core.packLayout(media, media.store, media.store.paths(), STORE);
  return destinations.archiveOf(STORE);
}

// No output can name it.
const STORE = '\0store';
