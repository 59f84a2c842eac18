// The JSON documents of docs/inspect.md, as TypeScript has them. Members that have nothing to say are absent; later versions may add some.
//
// Paths are text: UTF-8 as it is, a backslash doubled, any other byte as `\xNN`. Layers are numbered from 0, the bottom one. Sizes are bytes.

/** `inspect`'s `graph`: every document and what it lists. */
export interface Graph {
  /** Several when a layout has several images and none was named. */
  roots: Node[];
  /** True when a limit ended it. */
  cut?: boolean;
}

/** A document or a blob, where it is listed. */
export interface Node {
  /** What it is for the document that lists it. */
  role: 'index' | 'image' | 'attestation' | 'artifact' | 'config' | 'layer' | 'other';
  mediaType: string;
  /** As it is listed, for example `sha256:…`. */
  digest: string;
  size: number;
  /** What the place calls it; of roots. */
  name?: string;
  /** `OS/ARCH[/VARIANT]`. */
  platform?: string;
  artifactType?: string;
  annotations?: Record<string, string>;
  /** The digest of what it says that it is about. */
  subject?: string;
  /** Why nothing is known beneath it. */
  error?: string;
  /** What it lists, in order, then what refers to it. */
  children?: Node[];
}

/** One image's config, layers and history. */
export interface Summary {
  name?: string;
  /** Of the manifest; absent of a lone layer. */
  digest?: string;
  mediaType?: string;
  platform?: string;
  /** Of all layers as stored. */
  size: number;
  annotations?: Record<string, string>;
  configDigest?: string;
  /** The image's config as it is (OCI config.md). */
  config?: ImageConfig;
  layers: LayerSummary[];
  history?: HistoryLine[];
}

/** An image's config, as its author wrote it: nothing of it is certain to be there. */
export interface ImageConfig {
  [member: string]: unknown;
  created?: string;
  author?: string;
  os?: string;
  architecture?: string;
  variant?: string;
  /** `Entrypoint`, `Cmd`, `Env`, `User`, `WorkingDir`, `Labels`, `ExposedPorts`, … */
  config?: Record<string, unknown>;
  rootfs?: { type: string; diff_ids: string[] };
}

export interface LayerSummary {
  layer: number;
  digest?: string;
  diffId?: string;
  mediaType?: string;
  size: number;
  annotations?: Record<string, string>;
  /** The command that made it. */
  createdBy?: string;
}

export interface HistoryLine {
  created?: string;
  createdBy: string;
  comment?: string;
  /** The layer that it made; absent when it made none. */
  layer?: number;
}

/** Some of the entries of a layer, or of a tree. */
export interface Listing {
  entries: Entry[];
  /** Whether there are more behind them. */
  more: boolean;
}

export interface Entry {
  /** `.` for the root. */
  path: string;
  /** The name as it is written, where that is absolute or has `..`. */
  raw?: string;
  type:
    | 'file' | 'directory' | 'symlink' | 'hard-link' | 'character' | 'block' | 'fifo'
    | 'whiteout' | 'opaque' | 'global-header' | 'other';
  /** The 12 low bits. */
  mode: number;
  uid: number;
  gid: number;
  user?: string;
  group?: string;
  /** Of a file; 0 of all else. */
  size: number;
  /** Seconds since 1970. */
  modified: number;
  /** Of the time, when they are not 0. */
  nanoseconds?: number;
  /** A symlink's text; the path of a hard link's target. */
  link?: string;
  device?: { major: number; minor: number };
  /** Names to values in base64. */
  xattrs?: Record<string, string>;
  /** In a tree: the layer that it comes from. */
  layer?: number;
}

/** So many paths, with so many bytes of files. */
export interface Tally {
  count: number;
  bytes: number;
}

/** What each layer did, and what is wasted. */
export interface Changes {
  layers: LayerDeeds[];
  efficiency: Efficiency;
}

export interface LayerDeeds {
  layer: number;
  mediaType?: string;
  digest?: string;
  diffId?: string;
  createdBy?: string;
  /** As stored. */
  size: number;
  /** Bytes of the tar. */
  tar: number;
  entries: Tally;
  added: Tally;
  changed: Tally;
  removed: Tally;
}

/** The numbers of dive. */
export interface Efficiency {
  /** Bytes that would do over bytes that there are; 1 when nothing is wasted. */
  score: number;
  wastedBytes: number;
  userBytes: number;
  /** From 0 to 1. */
  wastedOfUser: number;
  /** The 100 paths that waste most. */
  wasted: { path: string; count: number; bytes: number }[];
}

/** What one layer added, changed and removed. */
export interface LayerChanges {
  changes: { path: string; change: 'added' | 'changed' | 'removed'; before?: Entry; after?: Entry }[];
  more: boolean;
}

/** What two images, or sets of images, have to do with each other. */
export interface Verdict {
  verdict:
    | 'identical' | 'same-image-other-document' | 'other-media-types' | 'same-layers-other-compression' | 'same-files-other-config'
    | 'same-files-other-headers' | 'same-files-other-order' | 'same-files-other-times' | 'same-files-other-layers' | 'different';
  /** The same in words. */
  sentence: string;
  /** The weightiest first; it makes the verdict. */
  reasons: Reason[];
}

export interface Reason {
  /** For example `files`, `times`, `compression`; docs/inspect.md has all of them. */
  reason: string;
  count: number;
  sentence: string;
  /** What would make it equal, in words. */
  advice?: string;
  /** The options of an output that do it. */
  options?: string[];
}

/** How two images differ, and what would make them equal. */
export interface Comparison extends Verdict {
  /** Indexes. */
  documents: DocumentPair[];
  images: ImagePair[];
  onlyA: { platform?: string; digest?: string }[];
  onlyB: { platform?: string; digest?: string }[];
}

export interface ImagePair extends Verdict {
  platform?: string;
  documents: DocumentPair[];
  layers: LayerPair[];
  /** Absent when both have the same layers. */
  files?: FilePairs;
}

export interface DocumentPair {
  document: 'index' | 'manifest' | 'config';
  a: { mediaType: string; digest: string; size: number };
  b: { mediaType: string; digest: string; size: number };
  likeness: 'identical' | 'other-spelling' | 'different';
  /** Fields that differ. */
  count: number;
  /** The first 10,000 of them, each with its JSON values. */
  fields?: { path: string; a?: unknown; b?: unknown }[];
}

export interface LayerPair {
  relation: 'same-blob' | 'same-tar' | 'replaced' | 'only-a' | 'only-b';
  moved?: boolean;
  a?: ComparedLayer;
  b?: ComparedLayer;
}

export interface ComparedLayer {
  layer: number;
  mediaType?: string;
  digest?: string;
  diffId?: string;
  size: number;
  packed?: 'uncompressed' | 'gzip' | 'estargz' | 'zstd';
  createdBy?: string;
}

export interface FilePairs {
  /** Whether there are layers that both have, which were not read. */
  sharedLayers: boolean;
  counts: { same: number; added: number; removed: number; onlyA: number; onlyB: number; changed: number; timesOnly: number };
  /** The first 100,000. */
  changes: FilePair[];
}

export interface FilePair {
  path: string;
  change: 'added' | 'removed' | 'only-a' | 'only-b' | 'changed';
  differs?: ('type' | 'content' | 'size' | 'mode' | 'owner' | 'time' | 'xattrs' | 'link' | 'device')[];
  a?: FileState;
  b?: FileState;
}

export interface FileState {
  type: 'file' | 'directory' | 'symlink' | 'hard-link' | 'character-device' | 'block-device' | 'fifo' | 'whiteout' | 'other';
  mode: number;
  uid: number;
  gid: number;
  size: number;
  modified: number;
  nanoseconds?: number;
  digest?: string;
  link?: string;
  hardLink?: string;
  layer: number;
  [member: string]: unknown;
}

/** What `verify` found. */
export interface Report {
  verdict: 'sound' | 'odd' | 'broken';
  findings: Finding[];
  /** Documents that were read. */
  documents: number;
  /** Blobs that were read. */
  blobs: number;
  /** Layers among them. */
  layers: number;
  /** Bytes of all of them, as they are stored. */
  bytes: number;
}

export interface Finding {
  severity: 'note' | 'warning' | 'broken';
  /** One of `findings()`. */
  code: string;
  /** A digest, or a digest with a path in the layer or a field of the document behind a colon; empty for what was opened as a whole. */
  subject: string;
  message: string;
  /** How many others of the same code there are in the same document or layer. */
  more?: number;
}
