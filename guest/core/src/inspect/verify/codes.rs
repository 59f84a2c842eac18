//! Everything that verification can find, in one table, from which the documentation is rendered too.
//!
//! `broken`: the image is not what it says, or readers cannot or do not read it alike, or not all of it could be checked. `warning`: legal or
//! at least readable everywhere, but dangerous or a lie. `note`: worth knowing. What is legal and merely odd is never `broken`.

use super::finding::Severity;

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// In kebab-case; what a program may branch on.
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// For people, one or two sentences.
    pub explanation: &'static str,
}

impl Code {
    /// Whether it says that something was not read on.
    pub fn is_limit(&self) -> bool {
        self.name.starts_with("limit-")
    }
}

/// All of them, in groups: documents, blobs, compression, tars, names and entries, reproducibility, eStargz, limits.
pub fn codes() -> &'static [&'static Code] {
    ALL
}

macro_rules! table {
    ($($id:ident $name:literal $severity:ident $explanation:literal)*) => {
        $(
            #[doc = $explanation]
            pub const $id: &Code = &Code { name: $name, severity: Severity::$severity, explanation: $explanation };
        )*
        const ALL: &[&Code] = &[$($id),*];
    };
}

table! {
    JSON_BOM "json-byte-order-mark" Broken
        "The document begins with a byte order mark. RFC 8259 forbids writing one, and readers differ on whether they accept it."
    JSON_UTF8 "json-not-utf8" Broken "The document is not UTF-8, which JSON must be."
    JSON_SYNTAX "json-syntax" Broken "The document is not JSON, or not a JSON object."
    JSON_TRAILING "json-trailing-data" Broken "Something stands behind the document's end; some readers do not see it."
    JSON_TWICE "json-duplicate-name" Broken
        "A name stands twice in one object. Readers take different ones of the two, so the document means different things."
    JSON_CASE "json-case-variant" Broken
        "A name is a known one in other letters. Go's readers take it for the known one, others do not."
    JSON_NUMBER "json-number" Broken "A size or version is not a plain whole number from 0 to 2^63-1."
    DOCUMENT_AMBIGUOUS "document-ambiguous" Broken
        "The document has members of a manifest and of an index, so that readers take it for different things (CVE-2021-41190)."
    SCHEMA_VERSION "schema-version" Broken "The document's schema version is not 2."
    MEDIA_TYPE "media-type-contradiction" Broken "The document says that it is something else than its descriptor says."
    INDEX_MALFORMED "index-malformed" Broken "The index breaks the image spec."
    MANIFEST_MALFORMED "manifest-malformed" Broken "The manifest breaks the image spec."
    CONFIG_MALFORMED "config-malformed" Broken "The image's config breaks the image spec."
    DESCRIPTOR_MALFORMED "descriptor-malformed" Broken "A descriptor lacks a member, or has a value that none may have."
    DIGEST_MALFORMED "digest-malformed" Broken "A digest is not one; used as a path it could lead anywhere."
    DIGEST_ALGORITHM "digest-algorithm" Warning "A digest's algorithm is neither sha256 nor sha512: what it names was not checked."
    DATA_MISMATCH "data-mismatch" Broken "A descriptor's `data` is not what its own size and digest say."
    LISTED_OTHER "media-type-unknown" Note "Something is listed that is no image and no index; only its bytes were checked."
    LAYER_COUNT "layer-count" Broken "The config has more or fewer diff IDs than the manifest has layers."
    HISTORY_COUNT "history-count" Warning "The config's history has more or fewer lines that made a layer than there are layers."
    PLATFORM "platform-mismatch" Warning "The index says another platform than the image's config."
    ATTESTATION_ORPHAN "attestation-orphan" Warning "A manifest of attestations is about an image that its index does not list."
    ALONE "document-alone" Note "The document stands alone: nothing that it lists could be checked."

    BLOB_MISSING "blob-missing" Broken "A document lists a document or blob that is not there."
    SIZE_MISMATCH "size-mismatch" Broken "A document or blob has more or fewer bytes than its descriptor says."
    DIGEST_MISMATCH "digest-mismatch" Broken "The bytes of a document or blob are not those that its digest names."
    DIFF_ID "diff-id-mismatch" Broken "A layer's tar has another digest than the config says."
    FOREIGN_ABSENT "foreign-layer-absent" Note "A layer that may not be distributed lies elsewhere and was not checked."
    ARCHIVE_DAMAGED "archive-damaged" Broken "The archive that holds the images is damaged, or readers walk it differently."
    ARCHIVE_MEMBER "archive-member" Broken
        "A member of the archive leads out of it, stands there twice, or is not the file that it must be."
    ARCHIVE_LISTING "archive-listing" Broken "The archive's manifest.json is not what docker reads."
    CONTENT_MISSING "content-missing" Broken "There is no image, or a file that must be there is not."
    UNSUPPORTED "unsupported" Broken "Legal, perhaps, but nothing that this version reads; it was not checked."

    COMPRESSION "compression-mismatch" Warning "A layer is compressed in another way than its media type says."
    GZIP_DAMAGED "gzip-damaged" Broken "The gzip stream is not valid."
    GZIP_CHECKSUM "gzip-checksum" Broken "The checksum or length at the end of a gzip member is not that of its content."
    GZIP_SHORT "gzip-cut-short" Broken "The gzip stream ends too early."
    GZIP_TRAILING "gzip-trailing-data" Broken "Bytes that are no gzip follow the gzip stream; decoders ignore or refuse them."
    GZIP_PADDING "gzip-padding" Warning "Zeros follow the gzip stream, which some decoders refuse."
    ZSTD_DAMAGED "zstd-damaged" Broken "The zstd stream is not valid."
    ZSTD_CHECKSUM "zstd-checksum" Broken "The checksum or content size of a zstd frame is not that of its content."
    ZSTD_SHORT "zstd-cut-short" Broken "The zstd stream ends too early."
    ZSTD_TRAILING "zstd-trailing-data" Broken "Bytes that are no zstd follow the zstd stream."
    ZSTD_DICTIONARY "zstd-dictionary" Broken "The zstd stream needs a dictionary, and layers have none."
    ZSTD_WINDOW "zstd-window" Warning "A zstd frame asks for a window of more than 8 MiB, which decoders need not give."

    TAR_NONE "tar-none" Broken "The layer is not a tar."
    TAR_DAMAGED "tar-damaged" Broken "No header stands where one must, or it has a field that cannot be read; the rest was not read."
    TAR_SHORT "tar-cut-short" Broken "The tar ends within an entry."
    TAR_END "tar-end-missing" Warning "The two blocks of zeros at the tar's end are missing; some readers refuse that."
    TAR_TRAILING "tar-trailing-data" Warning "Bytes other than zeros follow the tar's end; some readers see entries there, others do not."
    TAR_EXTENSION "tar-extended-header" Broken "An extended header is malformed or belongs to no entry."
    TAR_AMBIGUOUS "tar-ambiguous" Broken "Readers are known to differ on where the tar's next entry starts, or whether there is one."
    TAR_STACKED "tar-stacked-headers" Warning "Several extended headers of one kind stand before one entry; readers take different ones."

    PATH_PARENT "path-parent" Warning "An entry's name has `..`; a careless unpacker writes outside of the root."
    PATH_ABSOLUTE "path-absolute" Warning "An entry's name is absolute; a careless unpacker writes outside of the root."
    PATH_WINDOWS "path-windows" Note "An entry's name has a backslash or a drive letter, which is a path of its own on Windows."
    PATH_EMPTY "path-empty" Warning "An entry has no name."
    PATH_NUL "path-nul" Broken "A name of an entry has a NUL byte: readers end it at different places."
    PATH_CONTROL "path-control" Note "An entry's name has control characters or such that change the direction of text."
    PATH_UTF8 "path-not-utf8" Note "An entry's name is not UTF-8; some tools change or refuse it."
    PATH_COMPONENT "path-component" Warning "A part of an entry's name has more than 255 bytes, which file systems refuse."
    PATH_CASE "path-case" Note "Two names in a layer differ in case alone: on some file systems one replaces the other."
    PATH_ACCENTS "path-accents" Note "Two names in a layer are the same text, its accents written otherwise (Unicode's NFC and NFD): on some file systems one replaces the other."
    ROOT_REPLACED "root-replaced" Broken "The root of the file system is something else than a directory (CVE-2021-29136)."
    ENTRY_TWICE "entry-twice" Warning "A path stands twice in one layer, which the image spec forbids; the last one counts."
    ENTRY_TYPE "entry-type" Warning "An entry has a type that the image spec does not know; unpackers skip or refuse it."
    BELOW_LINK "entry-below-link" Warning
        "An entry stands below a path that is a symlink, or no directory, in the same layer; a careless unpacker follows the link out of the root."
    HARD_LINK_OUTSIDE "hard-link-outside" Warning "A hard link's target has `..`; a careless unpacker links to a file of its own machine."
    HARD_LINK_FORWARD "hard-link-forward" Warning "A hard link stands before its target, so that it cannot be unpacked in order."
    HARD_LINK_DANGLING "hard-link-dangling" Warning "A hard link's target is not there, neither in its layer nor in one below."
    HARD_LINK_BELOW "hard-link-below" Note "A hard link's target is not in its layer, and must be in one below."
    WHITEOUT_NOTHING "whiteout-of-nothing" Broken "A whiteout without a name, which the image spec forbids."
    WHITEOUT_DOT "whiteout-of-directory" Warning "A whiteout of `.` or `..`; a careless unpacker deletes the directory around it."
    WHITEOUT_KIND "whiteout-kind" Warning "A whiteout that is no empty file; the image spec says that it is one."
    WHITEOUT_OWN "whiteout-of-own" Warning "A whiteout of a path that its own layer has: whiteouts hide lower layers only, but not all unpackers agree."
    WHITEOUT_AUFS "whiteout-aufs" Note "Metadata of the AUFS file system, without a meaning in an image."
    DEVICE "device" Note "A device, which unprivileged unpackers leave out."
    DEVICE_WHITEOUT "device-whiteout" Warning "A character device 0/0: overlay file systems take it for a whiteout."
    DEVICE_NUMBER "device-number" Warning "A device's number is none that Linux has."
    FIFO "fifo" Note "A named pipe: who opens it to read waits for ever."
    SPECIAL_MODE "special-mode" Note "A program that runs with its owner's or group's rights (setuid, setgid)."
    OWNER "owner-range" Warning "An owner or group that no file system has."
    SPARSE "sparse-file" Note "A sparse file in the tar, which not every unpacker reads."

    TIME_LATE "time-after-created" Note
        "Entries of a layer are newer than the image says it was created, so its times were not rewritten: built again it is not the same."
    TIME_VARIES "time-varies" Note
        "Entries of a layer have different times; whether a second build has the same ones depends on its files (`rewrite-timestamp` makes sure)."
    GZIP_TIME "gzip-time" Note "The gzip header has a time: compressed again the layer is not the same."
    GZIP_NAME "gzip-name" Note "The gzip header has a file name or comment: compressed elsewhere the layer is not the same."

    TOC_MISSING "toc-missing" Broken "The layer says that it is eStargz, and has no table of contents."
    TOC_DIGEST "toc-digest" Broken "The eStargz table of contents has another digest than the layer's annotation says."
    TOC_MALFORMED "toc-malformed" Broken "The eStargz table of contents cannot be read."
    TOC_ENTRY "toc-entry" Broken "The eStargz table of contents and the tar do not list the same files."
    TOC_OFFSET "toc-offset" Broken "A chunk of a file does not start where the eStargz table of contents says."
    TOC_FOOTER "toc-footer" Broken "The eStargz footer is missing, or leads to something else than the table of contents."

    LIMIT_DEPTH "limit-depth" Broken "Indexes stand in each other too deep: what is beneath was not checked."
    LIMIT_NODES "limit-nodes" Broken "The image has too many documents and blobs: the rest was not checked."
    LIMIT_DOCUMENT "limit-document" Broken "A document is too large or too deep to be read."
    LIMIT_SIZE "limit-decompressed-size" Broken "A layer decompresses to too many bytes: the rest was not checked."
    LIMIT_RATIO "limit-compression-ratio" Broken "A layer decompresses to far more than its size, as a bomb does: the rest was not checked."
    LIMIT_WINDOW "limit-window" Broken "A zstd frame asks for too much memory: the layer was not read."
    LIMIT_ENTRIES "limit-entries" Broken "A layer has too many entries: the rest was not checked."
    LIMIT_PATH "limit-path" Broken "An entry's name is too long to be unpacked."
    LIMIT_EXTENSION "limit-extended-header" Broken "The extended headers of an entry are too large or too many: the rest was not checked."
    LIMIT_INDEX "limit-index" Broken "A layer's names take too much memory: the rest was not compared with each other."
}
