//! Docker archives, layouts in a tar, lone layers and documents: good ones, and such with a fault.

use serde_json::{Value, json};

use super::image::{self, Edit, INDEX, Part, config, entries, gzip, zstd};
use super::tar::{END, file, link};
use super::{Broken, Content};

/// Name, code, bytes.
type Row = (&'static str, Option<&'static str>, Vec<u8>);

/// All of them.
pub fn all() -> impl Iterator<Item = Broken> {
    let broken =
        |(name, code, bytes): Row| Broken { name: name.to_owned(), code, also: &[], content: Content::File(bytes) };
    docker().into_iter().chain(layouts()).chain(alone()).map(broken)
}

/// What `docker save` writes, of one layer.
fn docker() -> Vec<Row> {
    let layer = [entries(), END.to_vec()].concat();
    let good = members(listing(), &layer, &layer);
    let with = |more: Vec<u8>| archive(&[&good[..], &[more]].concat());
    let listed = |listing: Value| archive(&members(listing, &layer, &layer));
    vec![
        ("docker-good.tar", None, archive(&good)),
        ("docker-good-gzip.tar", None, archive(&members(listing(), &gzip(&layer), &layer))),
        ("docker-other-layer.tar", Some("digest-mismatch"), archive(&members(listing(), &layer, b"another"))),
        ("docker-other-tar.tar", Some("diff-id-mismatch"), archive(&members(listing(), &gzip(&layer), b"another"))),
        ("docker-lists-nothing.tar", Some("content-missing"), listed(json!([]))),
        ("docker-layer-missing.tar", Some("content-missing"), archive(&[&good[..1], &good[2..]].concat())),
        ("docker-no-layers.tar", Some("layer-count"), listed(json!([{ "Config": "c.json", "Layers": [] }]))),
        (
            "docker-config-is-no-config.tar",
            Some("config-malformed"),
            listed(json!([{ "Config": "l.tar", "Layers": ["l.tar"] }])),
        ),
        (
            "docker-config-twice.tar",
            Some("archive-listing"),
            listed(json!([{ "Config": "c.json", "config": "d.json", "Layers": ["l.tar"] }])),
        ),
        ("docker-layer-twice.tar", Some("archive-member"), with(file(b"l.tar", b"another"))),
        ("docker-leads-out.tar", Some("archive-member"), with(file(b"../x", b""))),
        (
            "docker-layer-is-a-link.tar",
            Some("archive-member"),
            archive(&[&good[..1], &[link(b"l.tar", b'2', b"/etc/passwd")], &good[2..]].concat()),
        ),
    ]
}

fn layouts() -> Vec<Row> {
    let layout = |part, edit| {
        let members: Vec<_> =
            image::layout(part, edit).iter().rev().map(|(path, bytes)| file(path.as_bytes(), bytes)).collect();
        archive(&members)
    };
    let missing = Edit::Layout(|files, names| drop(files.remove(&names.layers[0])));
    let flipped = Edit::Layout(|files, names| files.get_mut(&names.layers[0]).unwrap()[50] ^= 1);
    vec![
        ("layout-good.tar", None, layout(Part::Files, Edit::Nothing)),
        ("layout-layer-missing.tar", Some("blob-missing"), layout(Part::Files, missing)),
        ("layout-layer-flipped.tar", Some("digest-mismatch"), layout(Part::Files, flipped)),
    ]
}

/// Layers and documents without an image.
fn alone() -> Vec<Row> {
    let good = [entries(), END.to_vec()].concat();
    let odd = [entries(), file(b"../x", b""), END.to_vec()].concat();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }).to_string();
    vec![
        ("layer-good.tar", None, good.clone()),
        ("layer-good.tar.gz", None, gzip(&good)),
        ("layer-good.tar.zst", None, zstd(&good)),
        ("layer-of-text.tar", Some("tar-none"), b"#!/bin/sh\n".repeat(99)),
        ("layer-cut.tar", Some("tar-cut-short"), good[..good.len() - 1500].to_vec()),
        ("layer-cut.tar.gz", Some("gzip-cut-short"), gzip(&good)[..200].to_vec()),
        ("layer-cut.tar.zst", Some("zstd-cut-short"), zstd(&good)[..200].to_vec()),
        ("layer-leads-out.tar.gz", Some("path-parent"), gzip(&odd)),
        ("document-alone.json", Some("document-alone"), index.clone().into_bytes()),
        (
            "document-twice.json",
            Some("json-duplicate-name"),
            index.replace("\"manifests\"", "\"manifests\":[1],\"manifests\"").into_bytes(),
        ),
    ]
}

fn listing() -> Value {
    json!([{ "Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l.tar"] }])
}

/// Its config says that the layer's tar is another one, perhaps.
fn members(listing: Value, layer: &[u8], said: &[u8]) -> Vec<Vec<u8>> {
    vec![
        file(b"manifest.json", listing.to_string().as_bytes()),
        file(b"l.tar", layer),
        file(b"c.json", config(&[said]).to_string().as_bytes()),
    ]
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), END.to_vec()].concat()
}
