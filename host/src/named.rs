//! The hosts that the user named in a job: what stands before the first slash of anything that may be an image's name.

use std::collections::BTreeSet;

use crate::job::{Content, Job};
use crate::source::Source;

/// Each perhaps with a port. Also what is no host at all: nothing is at an address of such a name.
pub fn hosts(job: &Job) -> BTreeSet<String> {
    let contents = job.contents.iter().chain(&job.base).filter_map(name);
    hosts_of(job.outputs.iter().chain(&job.tags).chain(contents))
}

/// The name of a content that may be one.
pub fn name(Content { source, .. }: &Content) -> Option<&String> {
    match source {
        Source::Registry(name) | Source::Stored(name) | Source::Named(name) => Some(name),
        Source::Archive(_) | Source::Directory(_) | Source::Layout(_) | Source::Stdin => None,
    }
}

/// The same of any texts with names in them.
pub fn hosts_of<'t>(texts: impl Iterator<Item = &'t String>) -> BTreeSet<String> {
    let words = texts.flat_map(|text| text.split([',', '=', '"', ' ', '\t', '\n']));
    let mut hosts: BTreeSet<String> =
        words.filter_map(|word| word.split_once('/')).map(|(host, _)| host.to_ascii_lowercase()).collect();
    // Where names without a host are.
    hosts.insert("registry-1.docker.io".to_owned());
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_what_names_begin_with() {
        let job = Job {
            contents: vec![
                Source::Registry("A.example/x:1".into()).into(),
                Source::Layout("l.example/x".into()).into(),
            ],
            base: Some(Source::Stored("[::1]:5000/y@sha256:00".into()).into()),
            outputs: vec!["type=registry,\"name=10.0.0.5:5000/a:b,c.example/d\"".into(), "out/dir".into()],
            tags: vec!["e.example:1/f/g".into(), "site:v1".into()],
            ..Job::default()
        };
        let expected =
            ["10.0.0.5:5000", "[::1]:5000", "a.example", "c.example", "e.example:1", "out", "registry-1.docker.io"];
        assert_eq!(hosts(&job).into_iter().collect::<Vec<_>>(), expected);
    }
}
