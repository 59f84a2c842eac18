// What `exportImage` takes and gives: the records `job` and `results` of wit/jobs.wit in JavaScript.

import type { FileEntry, OcixError, Settings, Source } from './index.js';

/** What is to be exported, and where to. */
export interface Job extends Settings {
  /** What is exported; several become one image index. */
  contents?: Source | Source[];
  /** In place of `contents`: a file tree. */
  entries?: FileEntry[];
  /** Each as `ocix export --output` takes it, for example `type=oci,dest=site.tar,name=site:latest`. All are checked before any work. */
  output?: string | string[];
  /** An image whose layers go beneath trees and tars. */
  base?: Source;
  /** Which platforms of images with several; all of them unless given. */
  platforms?: string[];
  /** Make an image index of a single platform too. */
  multiPlatform?: boolean;
  /** A whole image config in place of the source's, but for its `rootfs`: JSON. */
  config?: string | Uint8Array | Blob;
  /** Changes of the image config, in order: key and value as in `--env KEY=VALUE`. */
  changes?: [key: string, value: string][];
  attestations?: Attestation[];
  /** Names that take the place of those in outputs. */
  tags?: string[];
  /** Annotations for every output, as `--annotation` takes them. */
  annotations?: string[];
  /** Push every image, or make an output that does. */
  push?: boolean;
  /** SOURCE_DATE_EPOCH in seconds: no time in a document is later. */
  epoch?: number;
  /** Keep all extended attributes of a tree. */
  xattrs?: boolean;
  /** Repositories of which the registry may take blobs that it misses. */
  mountFrom?: string[];
  noMount?: boolean;
  /** When one target fails, the others are stopped. */
  failFast?: boolean;
  /** Send nothing, write nothing: only say in `pushed.requests` what would be asked for. */
  dryRun?: boolean;
}

/** What is said about an image. */
export interface Attestation {
  /** An in-toto statement, or a predicate of one: JSON. */
  file: string | Uint8Array | Blob;
  /** The predicate's type when the file is a predicate. */
  predicateType?: string;
  /** Of which image it is; every one unless given. */
  platform?: string;
  /** Only for outputs with `attestation-inline`. */
  inlineOnly?: boolean;
}

/** What became of a job. */
export interface Results {
  /** One an output, in order. */
  reports: { targets: Target[] }[];
  /** The metadata document: BuildKit's keys for the first output and `ocix.exports` for all. */
  metadata: Record<string, unknown>;
  /** What `--iidfile` holds. */
  imageId?: string;
  /** What outputs wrote, by `dest`: an archive, or the files of a layout or tree as `DEST/PATH`. Backed by the disk where there is one. */
  files: Record<string, Blob>;
  /** What outputs of `type=local` wrote, by `dest`, with modes, owners and times: as `entries` takes it. */
  trees: Record<string, FileEntry[]>;
  /** The images that outputs of `type=image` keep, as an OCI archive; absent when there are none. */
  archive?: Blob;
  /** The first target's digest, if any. */
  digest?: string;
  /** Of all targets that succeeded. */
  names: string[];
  warnings: string[];
  /** Removes files from the disk; their blobs cannot be read any more. When the page or process ends they go by themselves. */
  discard(): Promise<void>;
}

/** What became of one name of an output. */
export interface Target {
  /** As the user gave it; empty for an image without a name; the destination of a file tree. */
  name: string;
  /** Of the image's root document; absent when it failed, and of a file tree. */
  digest?: string;
  /** Why this target does not have it. */
  error?: OcixError;
  /** When it is in a registry, or would be after a dry run. */
  pushed?: Pushed;
}

/** What a push did. */
export interface Pushed {
  uploaded: { count: number; bytes: number };
  mounted: { count: number; bytes: number };
  alreadyThere: { count: number; bytes: number };
  /** Bytes of bodies that were sent, those that were sent again included. */
  sent: number;
  /** Requests that were made again. */
  retries: number;
  /** Uploads that went on where they had broken off. */
  resumed: number;
  /** Of a dry run, what would be asked, in order. */
  requests: { method: string; url: string; bytes: number }[];
}
