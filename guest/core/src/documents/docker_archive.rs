//! `manifest.json` of a docker archive: what `docker load` reads, as containerd's archives have it.

use super::json::Value;
use super::{MAX_WRITTEN, within};
use crate::error::Result;
use crate::reference::Reference;

/// The document for one image: compact. `config` and `layers` are paths in the archive, for example `blobs/sha256/…`, the bottom layer
/// first; `tags` are as [`repo_tag`] makes them, and null when there are none.
///
/// # Errors
/// `limit-exceeded` over [`MAX_WRITTEN`] bytes.
pub fn manifest(config: &str, tags: &[String], layers: &[String]) -> Result<Vec<u8>> {
    let list = |texts: &'_ [String]| if texts.is_empty() { Value::Null } else { Value::list(texts) }.compact();
    let (tags, layers) = (list(tags), list(layers));
    let members = vec![("Config", config.into()), ("RepoTags", Value::Raw(&tags)), ("Layers", Value::Raw(&layers))];
    within(Value::Array(vec![Value::Object(members)]).compact(), MAX_WRITTEN, "manifest.json")
}

/// A name as Docker shows it: without `docker.io/library/`, the tag `latest` when there is neither tag nor digest.
///
/// ```
/// use ocix_core::documents::docker_archive::repo_tag;
/// assert_eq!(repo_tag(&"docker.io/library/foo".parse()?), "foo:latest");
/// # Ok::<(), ocix_core::error::Error>(())
/// ```
pub fn repo_tag(name: &Reference) -> String {
    let name = name.clone().with_default_tag();
    let tag = name.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = name.digest().map(|digest| format!("@{digest}")).unwrap_or_default();
    format!("{}{tag}{digest}", familiar_name(&name))
}

/// Registry and repository without those that Docker takes for granted.
pub(super) fn familiar_name(name: &Reference) -> String {
    let repository = name.repository();
    match (name.registry(), repository.strip_prefix("library/").filter(|path| !path.contains('/'))) {
        ("docker.io", official) => official.unwrap_or(repository).to_owned(),
        (registry, _) => format!("{registry}/{repository}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_familiar() {
        for (name, tag) in [
            ("foo", "foo:latest"),
            ("docker.io/team/foo:v1", "team/foo:v1"),
            ("docker.io/library/a/b:v1", "library/a/b:v1"),
            ("example.com/library/foo:v1", "example.com/library/foo:v1"),
        ] {
            assert_eq!(repo_tag(&name.parse().unwrap()), tag);
        }
    }

    #[test]
    fn what_there_is_none_of_is_null() {
        let written = manifest("blobs/sha256/c", &[], &[]).unwrap();
        assert_eq!(written, br#"[{"Config":"blobs/sha256/c","RepoTags":null,"Layers":null}]"#);
    }
}
