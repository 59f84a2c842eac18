//! One output, ready to be used: every default is in place, and what is in it goes together.

use std::fmt;

use super::annotation::{Annotation, Level};
use super::csv;
use super::table::table;
use crate::layer::{Codec, DEFAULT_GZIP_LEVEL};
use crate::reference::Reference;

/// One output. Displayed, it is the text that [`super::parse`] makes the same output of: `type` and what differs from the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What is made.
    pub exporter: Exporter,
    /// Under each of these the image is stored, pushed or listed.
    pub names: Vec<Name>,
    /// Push to the registry of every name.
    pub push: bool,
    /// Push without a tag.
    pub push_by_digest: bool,
    /// `registry.insecure`: the push may use plain HTTP and certificates that nobody vouches for.
    pub insecure: bool,
    /// A name without tag and digest: the image is also named by this and its digest.
    pub dangling_prefix: Option<Reference>,
    /// The prefix is for images without a name only.
    pub dangling_empty_only: bool,
    /// In the store, name the image also by each name and its digest.
    pub name_canonical: bool,
    /// How new layers are compressed; the level is resolved.
    pub codec: Codec,
    /// Whether the user gave the level.
    pub level_given: bool,
    /// Compress layers that are compressed otherwise too.
    pub force_compression: bool,
    /// No time in a new layer is later than the epoch.
    pub rewrite_timestamp: bool,
    /// What was written for `oci-mediatypes`; see [`Output::docker_types`].
    pub oci_types_given: Option<bool>,
    /// What was written for `oci-artifact`; see [`Output::oci_artifact`].
    pub oci_artifact_given: Option<bool>,
    /// Unpack the stored image for the machine it is on.
    pub unpack: bool,
    /// Keep the image in the embedded store. Only of `image` and `registry`.
    pub store: bool,
    /// Sorted; no two have level, platform and key in common.
    pub annotations: Vec<Annotation>,
    /// Attach attestations also where they are meant only for the result of the job.
    pub attestation_inline: bool,
    /// Keep the media types of layers that must not be distributed.
    pub prefer_nondist: bool,
    /// The epoch of this output.
    pub epoch: Epoch,
    /// The generation of BuildKit whose defaults hold: 10, 20 or 30.
    pub compatibility: u8,
    /// A path, or `-` for standard output; `None` for exporters that make no file, and where a container engine takes it.
    pub dest: Option<String>,
    /// One archive, not a directory. Of `oci` and `docker`.
    pub tar: bool,
}

impl Output {
    /// The output of which nothing but the type is given.
    pub(super) fn of(exporter: Exporter) -> Self {
        let image = matches!(exporter, Exporter::Image | Exporter::Registry);
        let file = matches!(exporter, Exporter::Oci | Exporter::Docker | Exporter::Tar);
        Self {
            exporter,
            names: Vec::new(),
            push: exporter == Exporter::Registry,
            push_by_digest: false,
            insecure: false,
            dangling_prefix: None,
            dangling_empty_only: false,
            name_canonical: false,
            codec: Codec::Gzip { level: DEFAULT_GZIP_LEVEL },
            level_given: false,
            force_compression: false,
            rewrite_timestamp: false,
            oci_types_given: None,
            oci_artifact_given: None,
            unpack: false,
            store: image,
            annotations: Vec::new(),
            attestation_inline: image || exporter == Exporter::CacheOnly,
            prefer_nondist: false,
            epoch: Epoch::OfJob,
            compatibility: 30,
            dest: file.then(|| STANDARD_OUTPUT.into()),
            tar: true,
        }
    }

    /// What `--load` adds: an image for a container engine.
    pub(super) fn load() -> Self {
        Self { dest: None, ..Self::of(Exporter::Docker) }
    }

    /// Whether a container engine takes it.
    pub fn is_loaded(&self) -> bool {
        self.exporter == Exporter::Docker && self.dest.is_none()
    }

    /// Whether documents have Docker's media types: as asked for, else OCI's. Before compatibility version 30 Docker's were the default,
    /// but for an image with attestations or something else that only OCI's have.
    pub fn docker_types(&self, attestations: bool) -> bool {
        let only_oci = attestations
            || matches!(self.codec, Codec::Estargz { .. })
            || self.oci_artifact_given == Some(true)
            || self.annotations.iter().any(|annotation| annotation.level != Level::Manifest);
        self.oci_types_given.map_or(self.compatibility < 30 && !only_oci, |oci| !oci)
    }

    /// Whether manifests of attestations are OCI artifacts: as asked for, else wherever documents have OCI's media types. Before
    /// compatibility version 30 they were not by default.
    pub fn oci_artifact(&self, attestations: bool) -> bool {
        self.oci_artifact_given.unwrap_or(self.compatibility >= 30 && !self.docker_types(attestations))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut output, mut default) = (self.clone(), Self::of(self.exporter));
        let mut comma = "";
        for row in table() {
            for (own, value) in row.print(&mut output, &mut default) {
                write!(f, "{comma}{}", csv::quoted(&format!("{}={value}", row.written(&own))))?;
                comma = ",";
            }
        }
        Ok(())
    }
}

/// A value of `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exporter {
    /// An image, stored and, when asked for, pushed.
    Image,
    /// An image that is pushed by default.
    Registry,
    /// An OCI image layout, as an archive or a directory.
    Oci,
    /// An archive that `docker load` reads.
    Docker,
    /// A tar of the merged root file system.
    Tar,
    /// A directory of the merged root file system.
    Local,
    /// Nothing: everything is checked.
    CacheOnly,
}

impl Exporter {
    /// All, in the order in which people read them.
    pub const ALL: [Self; 7] =
        [Self::Image, Self::Registry, Self::Oci, Self::Docker, Self::Tar, Self::Local, Self::CacheOnly];

    /// As written behind `type=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Registry => "registry",
            Self::Oci => "oci",
            Self::Docker => "docker",
            Self::Tar => "tar",
            Self::Local => "local",
            Self::CacheOnly => "cacheonly",
        }
    }
}

/// A name of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// The user's own.
    Given(Reference),
    /// `*`: the names of the source.
    OfSource,
}

impl Name {
    /// The name itself, when the user gave it.
    pub fn given(&self) -> Option<&Reference> {
        match self {
            Self::Given(reference) => Some(reference),
            Self::OfSource => None,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.given().map_or(OF_SOURCE, Reference::as_given))
    }
}

/// A value of `source-date-epoch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epoch {
    /// The job's.
    OfJob,
    /// None, whatever the job says.
    None,
    /// Seconds since 1970.
    At(i64),
}

/// How the name of the source is written.
pub(super) const OF_SOURCE: &str = "*";

/// How standard output is written.
pub(super) const STANDARD_OUTPUT: &str = "-";
