//! The option table: one row an option. Help, documentation, completion and forms are rendered from it, and parsing is driven by it.
//!
//! A value is read in the order of the table: a row may rely on those above it. How the longer values are read is in `value.rs`.

use super::annotation::Level;
use super::output::Exporter::{self, CacheOnly, Docker, Image, Local, Oci, Registry, Tar};
use super::row::{Field, Kind, Row};
use super::value;

/// The table, in the order in which people read it.
pub fn table() -> &'static [Row] {
    &TABLE
}

const IMAGES: &[Exporter] = &[Image, Registry];
const ARCHIVES: &[Exporter] = &[Oci, Docker];
const FILES: &[Exporter] = &[Oci, Docker, Tar, Local];
const MADE: &[Exporter] = &[Image, Registry, Oci, Docker, CacheOnly];

/// What most rows have.
const PLAIN: Row = Row {
    key: "",
    aliases: &[],
    choices: &[],
    default: "",
    exporters: MADE,
    doc: "",
    hints: &[],
    field: Field::Other { kind: Kind::Text, set: |_, _| Ok(()), print: |_| Vec::new() },
};

static TABLE: [Row; 26] = [
    Row {
        key: "type",
        choices: &["image", "registry", "oci", "docker", "tar", "local", "cacheonly"],
        exporters: &Exporter::ALL,
        doc: "What is made. `image`: an image in the embedded store, pushed when asked for. `registry`: the same with `push=true`. `oci`: an \
              OCI image layout. `docker`: an archive that `docker load` reads. `tar` and `local`: the merged root file system, as a tar or \
              a directory. `cacheonly`: nothing, but everything is checked.",
        field: Field::Other { kind: Kind::Choice, set: value::set_type, print: value::print_type },
        ..PLAIN
    },
    Row {
        key: "name",
        doc: "The image's names. Several go into one quoted field: `\"name=a,b\"`. `*` stands for the names of the source. `--tag` takes \
              the place of them.",
        field: Field::Other { kind: Kind::Texts, set: value::set_names, print: value::print_names },
        hints: &["tag", "tags"],
        ..PLAIN
    },
    Row {
        key: "push",
        default: "false",
        exporters: IMAGES,
        doc: "Push to the registry of every name, all of them at the same time. `type=registry` has it by default.",
        field: Field::Flag(|output| &mut output.push),
        ..PLAIN
    },
    Row {
        key: "push-by-digest",
        default: "false",
        exporters: IMAGES,
        doc: "Push without a tag: the registry knows the image by its digest alone. No name may have a tag.",
        field: Field::Flag(|output| &mut output.push_by_digest),
        ..PLAIN
    },
    Row {
        key: "registry.insecure",
        default: "false",
        exporters: IMAGES,
        doc: "For this push, plain HTTP is tried where HTTPS does not answer, and certificates are not checked.",
        field: Field::Flag(|output| &mut output.insecure),
        ..PLAIN
    },
    Row {
        key: "dangling-name-prefix",
        exporters: IMAGES,
        doc: "A name without tag and digest: the image is named by it and its digest too, and pushed there.",
        field: Field::Other { kind: Kind::Text, set: value::set_prefix, print: value::print_prefix },
        ..PLAIN
    },
    Row {
        key: "dangling-name-empty-only",
        aliases: &["danging-name-empty-only"],
        default: "false",
        exporters: IMAGES,
        doc: "Use `dangling-name-prefix` only for an image without a name.",
        field: Field::Flag(|output| &mut output.dangling_empty_only),
        ..PLAIN
    },
    Row {
        key: "name-canonical",
        default: "false",
        exporters: IMAGES,
        doc: "In the store, name the image by each name and its digest too.",
        field: Field::Flag(|output| &mut output.name_canonical),
        ..PLAIN
    },
    Row {
        key: "compression",
        choices: &["uncompressed", "gzip", "estargz", "zstd"],
        default: "gzip",
        doc: "How new layers are compressed. Layers that come compressed are kept as they are, unless `force-compression` is set.",
        field: Field::Other { kind: Kind::Choice, set: value::set_codec, print: value::print_codec },
        ..PLAIN
    },
    Row {
        key: "compression-level",
        choices: &["0..22"],
        doc: "0 to 9 for gzip and estargz: 0 stores, 1 is fastest, 9 is smallest, 4 is used when it is not given. 1 to 22 for zstd; 3 is \
              used for 0 and when it is not given. With `force-compression`, layers that are compressed this way already are compressed \
              again at this level.",
        field: Field::Other { kind: Kind::Number, set: value::set_level, print: value::print_level },
        ..PLAIN
    },
    Row {
        key: "force-compression",
        default: "false",
        doc: "Compress layers that are compressed otherwise too.",
        field: Field::Flag(|output| &mut output.force_compression),
        ..PLAIN
    },
    Row {
        key: "rewrite-timestamp",
        default: "false",
        doc: "In new layers, every time that is later than the epoch becomes the epoch. Without an epoch nothing is rewritten.",
        field: Field::Bool(|output| &mut output.rewrite_timestamp),
        ..PLAIN
    },
    Row {
        key: "source-date-epoch",
        choices: &["-62167219200..253402300799"],
        exporters: &Exporter::ALL,
        doc: "In seconds since 1970: no time in this output's documents is later. It goes before SOURCE_DATE_EPOCH; nothing behind the \
              `=` means that this output has no epoch.",
        field: Field::Other { kind: Kind::Number, set: value::set_epoch, print: value::print_epoch },
        ..PLAIN
    },
    Row {
        key: "oci-mediatypes",
        doc: "Whether documents and layers have OCI's media types or, with `false`, Docker's. When it is not given, \
              `compatibility-version` says.",
        field: Field::Given(|output| &mut output.oci_types_given),
        ..PLAIN
    },
    Row {
        key: "oci-artifact",
        doc: "Whether manifests of attestations are OCI artifacts. When it is not given, they are where documents have OCI's media types; \
              before `compatibility-version=30`, never.",
        field: Field::Given(|output| &mut output.oci_artifact_given),
        ..PLAIN
    },
    Row {
        key: "attestation-inline",
        default: "true",
        doc: "Attach also attestations that are marked as inline only; the image is an index then. `type=oci` and `type=docker` have false by \
              default.",
        field: Field::Bool(|output| &mut output.attestation_inline),
        ..PLAIN
    },
    Row {
        key: "prefer-nondist-layers",
        default: "false",
        doc: "Keep the media types and URLs of layers that must not be distributed. Without it such layers become like others.",
        field: Field::Bool(|output| &mut output.prefer_nondist),
        ..PLAIN
    },
    Row {
        key: "compatibility-version",
        choices: &["10", "20", "30"],
        default: "30",
        doc: "The generation of BuildKit whose defaults hold. 30: OCI's media types, attestations as OCI artifacts. 20, BuildKit 0.15 to 0.31: \
              Docker's media types, but for images with attestations and what only OCI's have. 10, BuildKit 0.13 and 0.14: the same, without zstd.",
        field: Field::Other { kind: Kind::Choice, set: value::set_compatibility, print: value::print_compatibility },
        ..PLAIN
    },
    Row {
        key: "unpack",
        default: "false",
        exporters: IMAGES,
        doc: "Unpack the stored image for the machine it is on.",
        field: Field::Flag(|output| &mut output.unpack),
        ..PLAIN
    },
    Row {
        key: "store",
        default: "true",
        exporters: IMAGES,
        doc: "Keep the image in the embedded store, under its names.",
        field: Field::Flag(|output| &mut output.store),
        ..PLAIN
    },
    Row {
        key: "annotation.<key>",
        aliases: &["annotation-manifest.<key>"],
        doc: "An annotation of the image's manifest. `annotation[OS/ARCH].KEY` is for that platform's manifest, and goes before one without \
              a platform. The key keeps its case.",
        field: Field::Other {
            kind: Kind::Text,
            set: |output, value| value::set_annotation(output, Level::Manifest, value),
            print: |output| value::print_annotations(output, Level::Manifest),
        },
        ..PLAIN
    },
    Row {
        key: "annotation-manifest-descriptor.<key>",
        doc: "An annotation of the manifest's descriptor in the index or the layout. `[OS/ARCH]` before `.KEY` as above.",
        field: Field::Other {
            kind: Kind::Text,
            set: |output, value| value::set_annotation(output, Level::ManifestDescriptor, value),
            print: |output| value::print_annotations(output, Level::ManifestDescriptor),
        },
        ..PLAIN
    },
    Row {
        key: "annotation-index.<key>",
        doc: "An annotation of the image index. An image without an index is an error.",
        field: Field::Other {
            kind: Kind::Text,
            set: |output, value| value::set_annotation(output, Level::Index, value),
            print: |output| value::print_annotations(output, Level::Index),
        },
        ..PLAIN
    },
    Row {
        key: "annotation-index-descriptor.<key>",
        doc: "An annotation of the index's descriptor in the layout; it never gets to a registry. An image without an index is an error.",
        field: Field::Other {
            kind: Kind::Text,
            set: |output, value| value::set_annotation(output, Level::IndexDescriptor, value),
            print: |output| value::print_annotations(output, Level::IndexDescriptor),
        },
        ..PLAIN
    },
    Row {
        key: "dest",
        default: "-",
        exporters: FILES,
        doc: "Where to write: a path, or `-` for standard output. `type=local` needs a path.",
        field: Field::Other { kind: Kind::Text, set: value::set_dest, print: value::print_dest },
        hints: &["output", "destination", "path", "file"],
        ..PLAIN
    },
    Row {
        key: "tar",
        default: "true",
        exporters: ARCHIVES,
        doc: "Write one tar. With `false`, `dest` is a directory, to whose images this one is added.",
        field: Field::Bool(|output| &mut output.tar),
        ..PLAIN
    },
];
