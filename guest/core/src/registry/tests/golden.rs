//! The requests that BuildKit made to a registry, asked again: same image, same answers, same requests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::double::{Answer, Asked, Double, File};
use super::push_image;
use crate::contents::Bytes;
use crate::descriptor::Descriptor;
use crate::media_type::{is_index, is_manifest};
use crate::registry::{Image, Places, Target};

/// A recorded request: `METHOD path type`, and the status that it was answered with. Uploads have no name of their own.
fn recorded(line: &str) -> (String, u16) {
    let mut words = line.split(' ');
    let mut word = || words.next().expect("a word");
    let (status, method, path, content) = (word(), word(), word(), word());
    (nameless(method, path, content.trim_start_matches("ct=")), status.parse().expect("a status"))
}

fn asked(asked: &Asked) -> String {
    let (_, path) = asked.request.url.split_once("/v2/").expect("a path");
    nameless(&asked.request.method, &format!("/v2/{path}"), asked.header("content-type").unwrap_or("-"))
}

fn nameless(method: &str, path: &str, content: &str) -> String {
    let path = match path.split_once("/blobs/uploads/") {
        Some((repository, upload)) if !upload.is_empty() => {
            format!("{repository}/blobs/uploads/…{}", &upload[upload.find("digest=").expect("a digest")..])
        }
        _ => path.to_owned(),
    };
    format!("{method} {path} {content}")
}

#[test]
fn same_requests_as_buildkit() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden/cases");
    let mut replayed = 0;
    for case in fs::read_dir(&folder).expect("the recorded data").map(|case| case.expect("a case").path()) {
        let document: Value = serde_json::from_slice(&fs::read(case.join("case.json")).expect("a case")).expect("JSON");
        let lines: Vec<&str> =
            document["registry_requests"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let expected: Vec<(String, u16)> = lines.iter().copied().map(recorded).collect();
        let repository = |line: &str| {
            line.split("/v2/").nth(1).and_then(|path| path.split_once('/')).map(|(name, _)| name.to_owned())
        };
        let repositories: BTreeSet<_> = expected.iter().filter_map(|(line, _)| repository(line)).collect();
        let names = expected.iter().filter_map(|(line, _)| line.split("/manifests/").nth(1)?.split(' ').next());
        let tags: BTreeSet<&str> = names.filter(|name| !name.contains(':')).collect();
        // Left out: pushes to several places, one that failed, and two without a record of what was pushed.
        let known = document["tree"].as_array().is_some_and(|tree| !tree.is_empty()) && document["exit"] == 0;
        let (Some(repository), 1, 0..=1, true) = (repositories.first().cloned(), repositories.len(), tags.len(), known)
        else {
            continue;
        };
        replayed += 1;
        let (requests, root) = replay(&case, &document, &expected, &repository, tags.first().copied());
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        let wanted: Vec<String> = expected.iter().map(|(line, _)| line.clone()).collect();
        assert_eq!(sorted(requests.clone()), sorted(wanted), "{}", case.display());
        // Blobs, then manifests by digest, then the root by the tag or its digest.
        let rank = |line: &String| {
            if line.contains(&format!("/manifests/{root}")) { 2 } else { u8::from(line.contains("/manifests/")) }
        };
        assert!(requests.is_sorted_by_key(rank), "{}: {requests:#?}", case.display());
    }
    assert!(replayed >= 54, "{replayed} cases were replayed");
}

/// Pushes the image of a case to a registry that answers as the recorded one did.
fn replay(
    case: &Path,
    document: &Value,
    expected: &[(String, u16)],
    repository: &str,
    tag: Option<&str>,
) -> (Vec<String>, String) {
    let (mut blobs, mut manifests) = (Vec::new(), Vec::new());
    for node in document["tree"].as_array().expect("a tree") {
        let digest = node["digest"].as_str().and_then(|digest| digest.parse().ok()).expect("a digest");
        let size = node["size"].as_u64().expect("a size");
        let descriptor = Descriptor::new(node["mediaType"].as_str().expect("a media type"), digest, size);
        if is_index(&descriptor.media_type) || is_manifest(&descriptor.media_type) {
            let name = format!("{}.json", &descriptor.digest.hex()[..12]);
            manifests.push((descriptor, fs::read(case.join(name)).expect("a document")));
        } else {
            blobs.push((descriptor, Bytes::file(File::from(vec![0; size as usize]))));
        }
    }
    // The tree has the root first.
    manifests.reverse();
    let root = manifests.last().map(|(manifest, _)| manifest.digest.to_string()).expect("a root");
    let (answers, same) = (expected.to_vec(), root.clone());
    let media = Double::new(move |request| {
        let line = asked(request);
        let (_, status) =
            answers.iter().find(|(known, _)| *known == line).unwrap_or_else(|| panic!("{line} was not recorded"));
        let answer = Answer::new(*status);
        // What is put after it was asked for was another one.
        let put = line.replacen("HEAD", "PUT", 1).replace(" -", "");
        let other = line.starts_with("HEAD") && answers.iter().any(|(known, _)| known.starts_with(&put));
        Some(match request.request.method.as_str() {
            "POST" => answer.with("location", &format!("{}7?_state=x", request.request.url)),
            // BuildKit leaves it to the registry what refers to an image.
            _ if line.contains("/manifests/sha256:") => answer.with("oci-subject", &same),
            _ if line.contains("/manifests/") => {
                let zeros = format!("sha256:{}", "0".repeat(64));
                answer.with("docker-content-digest", if other { &zeros } else { &same })
            }
            _ => answer,
        })
    });
    let image = Image { blobs, manifests, places: Places::new() };
    let target = Target {
        registry: "r.example".into(),
        repository: repository.into(),
        tag: tag.map(Into::into),
        insecure: false,
    };
    push_image(&media, &image, &target).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    (media.asked().iter().map(asked).collect(), tag.map_or(root, Into::into))
}
