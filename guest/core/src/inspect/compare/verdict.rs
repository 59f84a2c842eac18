//! What differences amount to, in words, and what would make both equal.

use std::collections::BTreeMap;

use serde::Serialize;

/// The verdict on two images, or two sets of images.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What the weightiest reason makes of it.
    pub verdict: Verdict,
    /// The same in words.
    pub sentence: String,
    /// Everything that is not equal, the weightiest first; empty for what is identical.
    pub reasons: Vec<Reason>,
}

/// What two images have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The same bytes.
    Identical,
    /// The same layers and the same config, but for how documents are written, what they note, or what is said about the image.
    SameImageOtherDocument,
    /// But for Docker's and the OCI's names for the same.
    OtherMediaTypes,
    /// The same tars, compressed otherwise.
    SameLayersOtherCompression,
    /// The same files, and another config.
    SameFilesOtherConfig,
    /// The same entries with the same values, in headers of other formats or with other things that show in no file.
    SameFilesOtherHeaders,
    /// The same entries in another order.
    SameFilesOtherOrder,
    /// The same files but for their times.
    SameFilesOtherTimes,
    /// The same merged files, of layers that are cut differently.
    SameFilesOtherLayers,
    /// Anything else.
    Different,
}

/// Something that is not equal.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// What.
    pub reason: Cause,
    /// In how many places.
    pub count: u64,
    /// The same in words.
    pub sentence: String,
    /// What would make it equal, in words; absent where there is nothing but to change what the images are made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The options of an output that do it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// What is not equal, the weightiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Images that only one side has.
    Platforms,
    /// Files: which there are, or what is in them, their type, mode, owner, attributes or link.
    Files,
    /// Blobs that are no layers.
    Blobs,
    /// Layers that both have, in another order, or beneath a file on one side and above it on the other: what a file is can differ.
    LayerOrder,
    /// Fields of the config that are neither times nor history.
    Config,
    /// Which layer a file is in, or what lower layers have that upper ones cover.
    LayerCut,
    /// Times of files.
    Times,
    /// The order of entries in a layer.
    EntryOrder,
    /// Formats of tar headers, or what shows in no file.
    TarHeaders,
    /// `created` of the config or its history.
    Created,
    /// Lines of the history.
    History,
    /// How layers are compressed.
    Compression,
    /// Docker's or the OCI's media types.
    MediaTypes,
    /// Other fields of the manifest.
    Manifest,
    /// Annotations.
    Annotations,
    /// Other fields of an index.
    Index,
    /// What an index lists beside images.
    Attestations,
    /// Order of members, white space and escapes of a document.
    Spelling,
}

/// Why two images are not the same, while they are compared.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    counts: BTreeMap<Cause, u64>,
    /// Documents differ in what follows from something else.
    derived: bool,
    /// The latest epoch that makes all times equal.
    epoch: Option<i64>,
}

impl Causes {
    /// So many places more.
    pub fn add(&mut self, cause: Cause, count: u64) {
        if count > 0 {
            let sum = self.counts.entry(cause).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// Two times differ, the earlier of which is this, in whole seconds.
    pub fn epoch(&mut self, earlier: i64) {
        self.epoch = Some(self.epoch.map_or(earlier, |epoch| epoch.min(earlier)));
    }

    /// A document differs, and so must something else.
    pub fn derived(&mut self) {
        self.derived = true;
    }

    /// All of another image's.
    pub fn all(&mut self, others: &Self) {
        others.counts.iter().for_each(|(cause, count)| self.add(*cause, *count));
        self.derived |= others.derived;
        others.epoch.into_iter().for_each(|epoch| self.epoch(epoch));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// What they amount to.
    pub fn finding(&self) -> Finding {
        let mut counts = self.counts.clone();
        if counts.is_empty() && self.derived {
            counts.insert(Cause::Manifest, 1);
        }
        let reasons: Vec<Reason> = counts.iter().map(|(cause, count)| self.reason(*cause, *count)).collect();
        let verdict = counts.keys().next().map_or(Verdict::Identical, |cause| cause.verdict());
        let sentence = match (verdict, reasons.first()) {
            (Verdict::Different, Some(first)) => format!("{}: {}", verdict.words(), first.sentence),
            _ => verdict.words().to_owned(),
        };
        Finding { verdict, sentence, reasons }
    }

    fn reason(&self, cause: Cause, count: u64) -> Reason {
        let (one, several, advice, options) = cause.words();
        let sentence = if count == 1 { one.to_owned() } else { several.replace('#', &count.to_string()) };
        let mut options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let mut advice = advice.to_owned();
        if let (Cause::Times, Some(epoch)) = (cause, self.epoch) {
            advice.push_str(&format!(" of {epoch} or earlier"));
            options.push(format!("source-date-epoch={epoch}"));
        }
        Reason { reason: cause, count, sentence, advice: Some(advice).filter(|advice| !advice.is_empty()), options }
    }
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::SameImageOtherDocument => "same image, other documents",
            Self::OtherMediaTypes => "same image, other media types",
            Self::SameLayersOtherCompression => "same layers, other compression",
            Self::SameFilesOtherConfig => "same files, other config",
            Self::SameFilesOtherHeaders => "same files, other tar headers",
            Self::SameFilesOtherOrder => "same files, other order",
            Self::SameFilesOtherTimes => "same files, other times",
            Self::SameFilesOtherLayers => "same files, other layers",
            Self::Different => "different",
        }
    }
}

impl Cause {
    fn verdict(self) -> Verdict {
        match self {
            Self::Platforms | Self::Files | Self::Blobs | Self::LayerOrder => Verdict::Different,
            Self::LayerCut => Verdict::SameFilesOtherLayers,
            Self::Times => Verdict::SameFilesOtherTimes,
            Self::EntryOrder => Verdict::SameFilesOtherOrder,
            Self::TarHeaders => Verdict::SameFilesOtherHeaders,
            Self::Config | Self::Created | Self::History => Verdict::SameFilesOtherConfig,
            Self::Compression => Verdict::SameLayersOtherCompression,
            Self::MediaTypes => Verdict::OtherMediaTypes,
            Self::Manifest | Self::Annotations | Self::Index | Self::Attestations | Self::Spelling => {
                Verdict::SameImageOtherDocument
            }
        }
    }

    /// For one place, for `#` places, the advice, the options.
    fn words(self) -> (&'static str, &'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::Platforms => (
                "an image of one side has none for its platform on the other",
                "# images have none for their platform on the other side",
                "compare one platform with --platform",
                &[],
            ),
            Self::Files => ("1 path differs", "# paths differ", "", &[]),
            Self::Blobs => ("a blob that is no layer differs", "# blobs that are no layers differ", "", &[]),
            Self::LayerOrder => (
                "a layer that both have stands in another place among the others",
                "layers that both have stand in another order",
                "put the layers together in the same order",
                &[],
            ),
            Self::LayerCut => (
                "files are cut into layers differently",
                "files are cut into layers differently",
                "write each with `--output type=tar`, which merges the layers, and export the tars",
                &["type=tar"],
            ),
            Self::Times => (
                "1 file has another time",
                "# files have other times",
                "export both with `rewrite-timestamp=true` and the same SOURCE_DATE_EPOCH",
                &["rewrite-timestamp=true"],
            ),
            Self::EntryOrder => (
                "the entries of a layer stand in another order",
                "the entries of # layers stand in another order",
                "no option sorts a layer: make both from the files, whose order is then that of their names",
                &[],
            ),
            Self::TarHeaders => (
                "1 entry has another tar header, or what shows in no file differs",
                "# entries have other tar headers, or what shows in no file differs",
                "make both from the files with the same exporter, or export both with `rewrite-timestamp=true`, which \
                 writes every header anew and drops what stands behind a tar's end",
                &["rewrite-timestamp=true"],
            ),
            Self::Config => ("1 field of the config differs", "# fields of the config differ", "", &[]),
            Self::Created => (
                "`created` differs in the config or its history",
                "`created` differs in the config and its history, # times",
                "export both with the same SOURCE_DATE_EPOCH, one that no `created` is earlier than",
                &["source-date-epoch"],
            ),
            Self::History => ("the history differs", "the history differs in # fields", "", &[]),
            Self::Compression => (
                "1 layer is compressed otherwise",
                "# layers are compressed otherwise",
                "export both with the same `compression` and `compression-level`, and `force-compression=true`: the \
                 codec profile then gives the same bytes",
                &["compression", "compression-level", "force-compression=true"],
            ),
            Self::MediaTypes => (
                "1 media type is Docker's on one side and the OCI's on the other, or another one",
                "# media types are Docker's on one side and the OCI's on the other, or other ones",
                "export both with the same `oci-mediatypes`",
                &["oci-mediatypes"],
            ),
            Self::Manifest => {
                ("the manifest differs in another field", "the manifest differs in # other fields", "", &[])
            }
            Self::Annotations => (
                "1 annotation differs",
                "# annotations differ",
                "export both with the same annotations",
                &["annotation.<key>"],
            ),
            Self::Index => ("the index differs in another field", "the index differs in # other fields", "", &[]),
            Self::Attestations => (
                "what is said about the images differs in 1 field: attestations or other artifacts",
                "what is said about the images differs in # fields: attestations or other artifacts",
                "compare one platform with --platform, or make both images without attestations",
                &[],
            ),
            Self::Spelling => (
                "a document has the same content, and another order of members or other white space",
                "# documents have the same content, and another order of members or other white space",
                "export both with the same exporter: documents are then written alike",
                &[],
            ),
        }
    }
}
