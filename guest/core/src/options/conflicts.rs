//! Options that exclude each other: all of them are here.

use std::fmt;

use super::annotation::Level;
use super::output::{Name, Output};
use crate::error::{Code, Error, Fault, Result};
use crate::layer::Codec;

/// Two options that exclude each other. Displayed, it is `A conflicts with B`.
pub(super) struct Conflict {
    /// A key, with the value that matters.
    one: &'static str,
    /// Another.
    other: &'static str,
    /// What is in the way.
    why: &'static str,
    /// Whether the output has both.
    holds: fn(&Output) -> bool,
}

impl Conflict {
    /// Whether the key is one of the two.
    pub fn concerns(&self, key: &str) -> bool {
        [self.one, self.other].map(key_of).contains(&key)
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} conflicts with {}", self.one, self.other)
    }
}

/// All of them.
pub(super) fn conflicts() -> &'static [Conflict] {
    &CONFLICTS
}

/// Fails with `conflict` and both keys when the output has one.
pub(super) fn refuse(output: &Output) -> Result<()> {
    match conflicts().iter().find(|conflict| (conflict.holds)(output)) {
        None => Ok(()),
        Some(conflict) => {
            let code = Code::Conflict(key_of(conflict.one).into(), key_of(conflict.other).into());
            let message = format!("{conflict}: {}; leave one of them out", conflict.why);
            Err(Error::new(Fault::Request, code, message))
        }
    }
}

fn key_of(option: &'static str) -> &'static str {
    option.split_once('=').map_or(option, |(key, _)| key)
}

fn docker_types(output: &Output) -> bool {
    output.oci_types_given == Some(false)
}

fn has(output: &Output, level: Level) -> bool {
    output.annotations.iter().any(|annotation| annotation.level == level)
}

const ONLY_OCI: &str = "Docker's media types have no place for it";

static CONFLICTS: [Conflict; 9] = [
    Conflict {
        one: "compression=uncompressed",
        other: "compression-level",
        why: "it has no levels",
        holds: |output| output.codec == Codec::Uncompressed && output.level_given,
    },
    Conflict {
        one: "compression=estargz",
        other: "oci-mediatypes=false",
        why: ONLY_OCI,
        holds: |output| matches!(output.codec, Codec::Estargz { .. }) && docker_types(output),
    },
    Conflict {
        one: "compression=zstd",
        other: "compatibility-version=10",
        why: "there was no zstd then",
        holds: |output| matches!(output.codec, Codec::Zstd { .. }) && output.compatibility == 10,
    },
    Conflict {
        one: "oci-artifact=true",
        other: "oci-mediatypes=false",
        why: ONLY_OCI,
        holds: |output| output.oci_artifact_given == Some(true) && docker_types(output),
    },
    Conflict {
        one: "annotation-manifest-descriptor.<key>",
        other: "oci-mediatypes=false",
        why: ONLY_OCI,
        holds: |output| has(output, Level::ManifestDescriptor) && docker_types(output),
    },
    Conflict {
        one: "annotation-index.<key>",
        other: "oci-mediatypes=false",
        why: ONLY_OCI,
        holds: |output| has(output, Level::Index) && docker_types(output),
    },
    Conflict {
        one: "annotation-index-descriptor.<key>",
        other: "oci-mediatypes=false",
        why: ONLY_OCI,
        holds: |output| has(output, Level::IndexDescriptor) && docker_types(output),
    },
    Conflict {
        one: "unpack=true",
        other: "rewrite-timestamp=true",
        why: "what is unpacked would not be what is exported",
        holds: |output| output.unpack && output.store && output.rewrite_timestamp,
    },
    Conflict {
        one: "push-by-digest=true",
        other: "name=NAME:TAG",
        why: "what is pushed by its digest gets no tag",
        holds: |output| {
            let tagged = |name: &Name| name.given().is_some_and(|name| name.tag().is_some());
            output.push && output.push_by_digest && output.names.iter().any(tagged)
        },
    },
];
