//! The option table: one row an option. Help, documentation, completion and forms are rendered from it, and parsing is driven by it.

/// One option of `--output`.
#[derive(Debug)]
pub struct Row {
    /// As written before `=`; in `annotation.<key>` the user's own words take the place of `<key>`.
    pub key: &'static str,
    /// How a value is written.
    pub kind: Kind,
    /// For a choice, the values; for a number, `least..most`.
    pub choices: &'static [&'static str],
    /// What holds when the key is not given; empty when nothing does.
    pub default: &'static str,
    /// The values of `type` that know this key.
    pub exporters: &'static [&'static str],
    /// One sentence or two.
    pub doc: &'static str,
}

impl Row {
    /// The user's own words in `key` when it is this row's: nothing, but for `annotation.<key>`. Keys are compared without regard to case,
    /// as docker buildx lower-cases them; own words keep theirs.
    pub(super) fn own_words<'a>(&self, key: &'a str) -> Option<&'a str> {
        match self.key.strip_suffix(OWN) {
            None => key.eq_ignore_ascii_case(self.key).then_some(""),
            Some(prefix) => {
                let (head, own) = key.split_at_checked(prefix.len())?;
                head.eq_ignore_ascii_case(prefix).then_some(own)
            }
        }
    }

    /// The key as it is to be written, with the user's own words in it.
    pub(super) fn written(&self, own: &str) -> String {
        self.key.replace(OWN, own)
    }

    /// Whether the key holds words of the user's own.
    pub(super) fn has_own_words(&self) -> bool {
        self.key.ends_with(OWN)
    }

    /// Choices that BuildKit has and this version does not.
    pub(super) fn later(&self) -> &'static [&'static str] {
        match self.key {
            "type" => &["oci", "docker", "tar", "local", "cacheonly"],
            "compression" => &["estargz", "zstd"],
            _ => &[],
        }
    }
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false` in Go's spellings; the key alone means true.
    Flag,
    /// Any text.
    Text,
    /// A whole number.
    Number,
    /// One of the choices.
    Choice,
    /// A list of texts, in one field that CSV quotes.
    Texts,
}

/// The table, in the order in which people read it.
pub fn table() -> &'static [Row] {
    &TABLE
}

/// What stands in a row's key for the user's own words.
const OWN: &str = "<key>";

const IMAGES: &[&str] = &["image", "registry"];

static TABLE: [Row; 7] = [
    Row {
        key: "type",
        kind: Kind::Choice,
        choices: &["image", "registry"],
        default: "",
        exporters: IMAGES,
        doc: "What is made. `registry` is `image` with `push=true`.",
    },
    Row {
        key: "name",
        kind: Kind::Texts,
        choices: &[],
        default: "",
        exporters: IMAGES,
        doc: "The image's names. Several go into one quoted field: `\"name=a,b\"`.",
    },
    Row {
        key: "push",
        kind: Kind::Flag,
        choices: &[],
        default: "false",
        exporters: IMAGES,
        doc: "Push to the registry of every name. `type=registry` has it by default.",
    },
    Row {
        key: "store",
        kind: Kind::Flag,
        choices: &[],
        default: "true",
        exporters: IMAGES,
        doc: "Keep the image in the embedded store, under its names.",
    },
    Row {
        key: "compression",
        kind: Kind::Choice,
        choices: &["uncompressed", "gzip"],
        default: "gzip",
        exporters: IMAGES,
        doc: "How new layers are compressed. Layers that come compressed are kept as they are.",
    },
    Row {
        key: "compression-level",
        kind: Kind::Number,
        choices: &["0..9"],
        default: "",
        exporters: IMAGES,
        doc: "The level of gzip: 0 stores, 1 is fastest, 9 is smallest. When it is not given, 4 is used.",
    },
    Row {
        key: "annotation.<key>",
        kind: Kind::Text,
        choices: &[],
        default: "",
        exporters: IMAGES,
        doc: "An annotation of the image's manifest. The key keeps its case.",
    },
];
