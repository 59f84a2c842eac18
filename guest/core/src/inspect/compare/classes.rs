//! Why a field of a document differs. Most fields follow from something else, which tells more: digests and sizes from what they are of.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use super::documents::{Besides, Step};
use super::lists::Couple;
use super::verdict::Cause;
use crate::layer::{TAR_SIZE, TOC_DIGEST};
use crate::media_type;

/// What a field that differs is a sign of; none when it follows from what is compared elsewhere. `a` and `b` are JSON texts.
pub fn cause(besides: &Besides, path: &[Step], a: Option<&str>, b: Option<&str>) -> Option<Cause> {
    let names: Vec<&str> = path
        .iter()
        .map(|step| match step {
            Step::Name(name) => name.as_str(),
            Step::Item(_) => "",
        })
        .collect();
    match besides {
        Besides::Layers => config(&names),
        Besides::Config(configs) => manifest(&names, *configs, a, b),
        Besides::Images(images_a, images_b) => {
            let a = |(a, _): &Couple| a.is_some_and(|a| images_a.contains(&a));
            let b = |(_, b): &Couple| b.is_some_and(|b| images_b.contains(&b));
            match (names.as_slice(), path.get(1)) {
                (["manifests", ""], Some(Step::Item(couple))) if a(couple) || b(couple) => None,
                (["manifests", ..], Some(Step::Item(couple))) if !(a(couple) && b(couple)) => Some(Cause::Attestations),
                (["manifests", "", "digest" | "size"], _) => None,
                _ => Some(index(&names)),
            }
        }
    }
}

fn config(names: &[&str]) -> Option<Cause> {
    match names {
        ["rootfs", "diff_ids", ..] => None,
        ["created"] | ["history", "", "created"] => Some(Cause::Created),
        ["history", ..] => Some(Cause::History),
        _ => Some(Cause::Config),
    }
}

fn manifest(names: &[&str], configs: bool, a: Option<&str>, b: Option<&str>) -> Option<Cause> {
    match names {
        // Where the numbers of layers differ, that is told of the layers.
        ["layers"] | ["layers", ""] | ["layers", "", "digest" | "size" | "data"] => None,
        ["layers", "", "mediaType"] => layer(a, b),
        ["layers", "", "annotations", key] if FOLLOWING.contains(key) => None,
        ["layers", "", "annotations"] if following(a) && following(b) => None,
        ["layers", "", "annotations", ..] | ["annotations", ..] | ["config", "annotations", ..] => {
            Some(Cause::Annotations)
        }
        ["config", "digest" | "size" | "data"] if configs => None,
        ["config", "digest" | "size" | "data"] => Some(Cause::Config),
        ["mediaType"] | ["config", "mediaType"] => Some(Cause::MediaTypes),
        _ => Some(Cause::Manifest),
    }
}

fn index(names: &[&str]) -> Cause {
    match names {
        ["mediaType"] | ["manifests", "", "mediaType"] => Cause::MediaTypes,
        ["annotations", ..] | ["manifests", "", "annotations", ..] => Cause::Annotations,
        _ => Cause::Index,
    }
}

/// How layers are packed is told of the layers.
fn layer(a: Option<&str>, b: Option<&str>) -> Option<Cause> {
    let read = |text: Option<&str>| serde_json::from_str::<String>(text?).ok();
    let (Some(a), Some(b)) = (read(a), read(b)) else { return Some(Cause::Manifest) };
    match (media_type::packing(&a), media_type::packing(&b)) {
        (Some(one), Some(other)) if one != other => None,
        (Some(_), Some(_)) if media_type::is_distributable(&a) == media_type::is_distributable(&b) => {
            Some(Cause::MediaTypes)
        }
        _ => Some(Cause::Manifest),
    }
}

/// Whether these annotations of a layer follow from its bytes.
fn following(annotations: Option<&str>) -> bool {
    let read = |text| serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text).ok();
    annotations.is_none_or(|text| read(text).is_some_and(|all| all.keys().all(|key| FOLLOWING.contains(&key.as_str()))))
}

/// Annotations of a layer that follow from its bytes: that it is eStargz, that its times were rewritten.
const FOLLOWING: [&str; 3] = [TOC_DIGEST, TAR_SIZE, "buildkit/rewritten-timestamp"];
