//! Where a registry may already have a blob: other repositories of its own, the likeliest first.

use std::cmp::Reverse;

use super::{Places, Policy, Target};
use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::media::Media;
use crate::reference::Reference;
use crate::text::shown;

/// Repositories of the target's registry that may have the blob: those that the user named, then where it comes from, then those where it is
/// known to be, the ones with the most of the target's name first.
///
/// # Errors
/// `invalid-option` for what the user named and is not a repository.
pub fn candidates<M: Media>(
    blob: &Descriptor,
    bytes: &Bytes<'_, M>,
    target: &Target,
    policy: &Policy,
    places: &Places,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for named in &policy.mount_from {
        let place = repository(named)?;
        if place.registry() == target.registry {
            found.push(place.repository().to_owned());
        }
    }
    if let Bytes::Remote { repository, .. } = bytes {
        found.extend(repository.name_in(&target.registry).map(str::to_owned));
    }
    let said = blob.annotations.get(&format!("{DISTRIBUTION_SOURCE}{}", target.registry));
    let said = said.into_iter().flat_map(|names| names.split(',')).map(|name| format!("{}/{name}", target.registry));
    let kept = places.get(blob.digest.as_str()).into_iter().flatten().cloned();
    let known = said.chain(kept).filter_map(|place| repository(&place).ok());
    let here = known.filter(|place| place.registry() == target.registry);
    let mut known: Vec<String> = here.map(|place| place.repository().to_owned()).collect();
    known.sort_by_key(|name| Reverse(alike(name, &target.repository)));
    found.extend(known);
    let mut candidates: Vec<String> = Vec::new();
    for name in found.into_iter().filter(|name| policy.mounts && *name != target.repository) {
        if candidates.len() < MOST && !candidates.contains(&name) {
            candidates.push(name);
        }
    }
    Ok(candidates)
}

/// A repository with its registry, without tag and digest.
pub fn repository(named: &str) -> Result<Reference> {
    let place = named.parse::<Reference>().ok().filter(|place| place.tag().is_none() && place.digest().is_none());
    place.ok_or_else(|| {
        let message = format!("`{}` is not a repository: write for example example.com/team/base", shown(named));
        Error::invalid_option("mount-from", message)
    })
}

/// How many parts two names have in common, from the start.
fn alike(one: &str, other: &str) -> usize {
    one.split('/').zip(other.split('/')).take_while(|(one, other)| one == other).count()
}

/// Which repositories of a registry a blob came from, as containerd notes it.
/// Before the registry in the key of a label or annotation that names repositories of it, joined by commas.
pub const DISTRIBUTION_SOURCE: &str = "containerd.io/distribution.source.";
/// Each is a request that may be in vain.
const MOST: usize = 3;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::media_type;
    use crate::memory::Memory;

    #[test]
    fn the_likeliest_first() {
        let blob = Descriptor::of(media_type::LAYER, b"layer");
        let target =
            Target { registry: "r.example".into(), repository: "team/site/web".into(), tag: None, insecure: false };
        let set = |places: &[&str]| places.iter().map(|&place| place.to_owned()).collect::<BTreeSet<_>>();
        let known = set(&["r.example/a", "r.example/team/base", "other.example/team/site/x", "r.example/team/site/y"]);
        let places = Places::from([(blob.digest.to_string(), known)]);
        let all = |policy: &Policy, blob: &Descriptor| {
            let bytes = Bytes::<Memory>::Memory(b"layer"[..].into());
            candidates(blob, &bytes, &target, policy, &places)
        };
        let policy = Policy::default();
        assert_eq!(all(&policy, &blob).unwrap(), ["team/site/y", "team/base", "a"]);
        let from = |names: &[&str]| Policy {
            mount_from: names.iter().map(|&name| name.to_owned()).collect(),
            ..Policy::default()
        };
        let named = from(&["r.example/z", "other.example/q", "r.example/team/site/web"]);
        assert_eq!(all(&named, &blob).unwrap(), ["z", "team/site/y", "team/base"]);
        assert!(all(&Policy { mounts: false, ..named }, &blob).unwrap().is_empty());
        let mut noted = blob.clone();
        noted.annotations.insert(format!("{DISTRIBUTION_SOURCE}r.example"), "team/site/n,BAD NAME".into());
        assert_eq!(all(&policy, &noted).unwrap(), ["team/site/n", "team/site/y", "team/base"]);
        for wrong in ["", "r.example/a:tag", "UPPER/case x"] {
            assert_eq!(
                all(&from(&[wrong]), &blob).unwrap_err().code,
                crate::error::Code::InvalidOption("mount-from".into())
            );
        }
    }
}
