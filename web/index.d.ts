// Container images in JavaScript: looked into, and made, by the core of the ocix command line. The same in pages and in Node 20 and later.
//
// All work is done in a worker that the package starts; a page's thread is never busy. Failures are `OcixError`s.

import type { Changes, Comparison, Graph, LayerChanges, Listing, Report, Summary } from './documents.js';
import type { Job, Results } from './jobs.js';

export type * from './documents.js';
export type * from './jobs.js';

/** Opens an image and reads its root documents; no layer is read. */
export function inspect(source: Source, settings?: Settings): Promise<Image>;

/** All that is wrong or odd with an image. What cannot even be opened because of what is in it is `broken`, and no error. */
export function verify(source: Source, settings?: Settings): Promise<Report>;

/** Exports to every output. Fails as a whole when the image could not be made; what goes wrong at one target is that target's `error`. */
export function exportImage(job: Job): Promise<Results>;

/** Everything that `verify` can find. */
export function findings(): Promise<FindingCode[]>;

/** What an output can say, in the order in which people read it. */
export function options(): Promise<OptionDoc[]>;

/** Syntax, keys, ranges and conflicts of one output, before any work. Rejects with `invalid-option` or `conflict`. */
export function checkOutput(output: string): Promise<void>;

/** What was opened. Calls that are about one image mean the only one, that of the source's platform, or that of `settings.native`. */
export interface Image {
  /** Every document and what it lists; with `referrers` also what refers to manifests, for which a registry is asked. */
  graph(how?: Call & { referrers?: boolean }): Promise<Graph>;
  /** One image's config, layers and history. */
  summary(how?: Call): Promise<Summary>;
  /** A document of the graph, or the config, by its digest; its bytes as they are, checked. */
  document(digest: string, how?: Call): Promise<Uint8Array>;
  /** Entries of one layer as they stand in its tar. Pages in order are read on. */
  entries(layer: number, how?: Call & Page): Promise<Listing>;
  /** What all layers give together beneath a folder, empty for the root; in byte order, parents first. */
  tree(under?: string, how?: Call & Page & { recursive?: boolean }): Promise<Listing>;
  /** A part of a file of the merged tree, or of one layer: at most 4 MiB, 1 MiB when `max` is not given. Parts in order are read on. */
  read(path: string, how?: Call & { layer?: number; offset?: number; max?: number }): Promise<Piece>;
  /** What each layer did, and what is wasted. */
  changes(how?: Call): Promise<Changes>;
  /** What one layer added, changed and removed, path by path. */
  layerChanges(layer: number, how?: Call & Page): Promise<LayerChanges>;
  /** How another image differs from this one, and what would make them equal. */
  compare(other: Image, how?: Call): Promise<Comparison>;
  /** Forgets it, and all that was kept for it. Calls that are under way fail with `cancelled`. */
  close(): void;
}

/** Which part of a list: 1000 entries from the first one when nothing is said. */
export interface Page {
  first?: number;
  max?: number;
}

/** How one call goes. */
export interface Call {
  /** Stops the call at once: it fails with `cancelled`. What was opened stays open. */
  signal?: AbortSignal;
  /** What is going on. In place of that of the settings, as long as the call lasts. */
  onprogress?: (event: ProgressEvent) => void;
}

/** Part of a file. */
export interface Piece {
  bytes: Uint8Array;
  /** Of the whole file. */
  size: number;
  /** What the part's first bytes look like: `empty`, `text`, `json`, `binary`, or a format such as `elf`, `png`, `gzip`. */
  kind: string;
  /** Where it was found, links followed. */
  path: string;
}

/**
 * An image, or what one is made of. A `Blob` is an archive of images, a lone layer or a lone document, told by its content; it is read by
 * slices. A string is a path, in Node only.
 */
export type Source = Blob | string | Where;

/** A source, with what is to be known about it. */
export type Where = (
  | { blob: Blob }
  /** In Node: an archive, a layer, a document, or a folder with an OCI layout; for `exportImage` also a folder of files. */
  | { path: string }
  /** What a blob may be, coming once. */
  | { stream: ReadableStream<Uint8Array> }
  | { layout: LayoutPlace }
  /** An image of a registry, by its reference. */
  | { registry: string }
  /** A file tree, for `exportImage`. */
  | { files: FileEntry[] | LayoutFolder }
) & {
  /** Which image of a layout or archive: a whole reference, or a tag. */
  name?: string;
  /** What files run on; of an image, the only platform that is taken: `OS/ARCH[/VARIANT]`. */
  platform?: string;
  /** What a tar is: told by its content unless given. */
  form?: 'root-filesystem' | 'image';
};

/** Where an OCI layout is: a folder that the user picked or dropped, or an address with `index.json` beneath it that answers to ranges. */
export type LayoutPlace = LayoutFolder | URL | { open(path: string): Promise<Blob | null> };

/** A folder of a page: a handle, or the files of `<input webkitdirectory>`, whose first folder is left out of paths. */
export type LayoutFolder = FolderHandle | File[];

/** As much of a `FileSystemDirectoryHandle` as is needed. */
export interface FolderHandle {
  readonly kind: 'directory';
  getDirectoryHandle(name: string): Promise<FolderHandle>;
  getFileHandle(name: string): Promise<{ getFile(): Promise<File> }>;
}

/** One thing of a file tree. Entries may come in any order. */
export interface FileEntry {
  /** Relative; bytes where it is not UTF-8. */
  path: string | Uint8Array;
  /** `file` unless given. */
  type?: 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';
  /** 0755 of directories, else 0644, unless given. */
  mode?: number;
  uid?: number;
  gid?: number;
  /** Seconds since 1970; 0 unless given. */
  mtime?: number;
  /** Of a file. A blob is read by slices. */
  content?: string | Uint8Array | Blob;
  /** Of a symlink its text, of a hard link the path that it shares its inode with. */
  target?: string | Uint8Array;
  major?: number;
  minor?: number;
  xattrs?: Record<string, string | Uint8Array>;
}

/** How an image is looked at. */
export interface Settings extends Call {
  /** What is read at most. Meeting a limit is `limit-exceeded` with its name. */
  limits?: Limits;
  /** Of an image with several platforms, the one that is meant: as `platform` of the source. */
  platform?: string;
  /** What is meant when nothing says it: `linux/amd64` unless given, in Node that of the machine. */
  native?: string;
  /** The user said so for the registry that is named: plain http is allowed anywhere. */
  insecure?: boolean;
  /** What the user keeps for a repository, `HOST[:PORT]/REPOSITORY`. */
  credentials?: (repository: string) => Promise<Credential | null | undefined> | Credential | null | undefined;
  /** Asks registries for pages that may not: `ocix serve`. */
  proxy?: Proxy;
  /** Where temporaries go: `disk`, unless there is none to be had, or `memory`. */
  temporaries?: 'disk' | 'memory';
}

/** Of the command line's `--limit`; docs/inspect.md has the usual ones. */
export interface Limits {
  decompressed?: number;
  ratio?: number;
  window?: number;
  entries?: number;
  path?: number;
  index?: number;
  depth?: number;
  nodes?: number;
}

/** What the user is, to a registry. */
export type Credential = { username: string; password: string } | { identityToken: string } | { registryToken: string };

/** `ocix serve`'s proxy. */
export interface Proxy {
  /** Its address, `proxy` beside the page. */
  url: string;
  /** The registries that it asks, `HOST[:PORT]` each. */
  hosts: string[];
}

/** What is going on. */
export type ProgressEvent =
  | { type: 'step'; step: Step }
  /** Something the user should know that does not stop the job. */
  | { type: 'warning'; message: string }
  /** Something did not work, and is tried again in `wait` milliseconds. */
  | { type: 'retry'; target: string; tried: string; why: string; wait: number };

/** How far a step is. Steps of the same `id` are one. */
export interface Step {
  id: string;
  action: 'layer' | 'copy' | 'name' | 'push' | 'write' | 'read';
  /** What it works on: a digest, a reference, or words. */
  subject: string;
  /** Where it goes when there may be several such places. */
  target?: string;
  /** Bytes done. */
  done: number;
  /** Bytes in all, when known. */
  total?: number;
  /** When it has ended. */
  outcome?: 'done' | 'stored' | 'uploaded' | 'mounted' | 'already there';
  /** Of `mounted`: the repository. */
  from?: string;
}

/** A failure, ready to be shown: one line, never with a secret in it. */
export class OcixError extends Error {
  /**
   * What a program may branch on, as in wit/types.wit: `invalid-option`, `conflict`, `not-found`, `denied`, `already-exists`, `out-of-space`,
   * `cancelled`, `digest-mismatch`, `size-mismatch`, `limit-exceeded`, `malformed`, `registry`, `unsupported`, `cors` (the registry does not
   * let pages read it, or cannot be reached), `other`.
   */
  code: string;
  /** What the code carries: the key, the limit, the format, the digest, the registry's status with its code. */
  detail?: string | number | [string, string] | [number, string];
  /** Whose fault it is. */
  fault: 'request' | 'source' | 'store' | 'registry' | 'host' | 'component';
  /** Why, the nearest cause first; each one line. They are part of `message` too. */
  causes: string[];
}

/** A kind of finding. */
export interface FindingCode {
  name: string;
  severity: 'note' | 'warning' | 'broken';
  explanation: string;
}

/** One row of the option table. */
export interface OptionDoc {
  /** As written before `=`; a trailing `<key>` stands for the user's own words. */
  key: string;
  aliases: string[];
  kind: 'flag' | 'bool' | 'text' | 'number' | 'choice' | 'texts';
  /** For `choice` and, as `least..most`, for `number`. */
  choices: string[];
  /** What holds when the key is not given; empty when nothing does. */
  default: string;
  /** The values of `type` that know this key. */
  exporters: string[];
  /** What excludes each other. */
  conflicts: string[];
  doc: string;
}
