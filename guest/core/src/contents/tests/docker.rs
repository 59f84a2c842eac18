//! Images of docker archives: manifests made for them, packed layers, links among members.

use super::{Way, config, content, digests, gzip, images, open, pack, pack_members, wait, zstd};
use crate::contents::{Archived, Form};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::manifest::Manifest;
use crate::error::Code;
use crate::media::Kind;
use crate::media_type;
use crate::memory::Memory;

/// An archive of one image, `layers` of it by their members' names.
fn listing(layers: &[&str]) -> Vec<u8> {
    format!(r#"[{{"Config":"c.json","RepoTags":["team/a:1","team/a:2"],"Layers":{layers:?},"Other":1}}]"#).into_bytes()
}

#[test]
fn layers_may_be_packed() {
    let layer = pack(&[("etc/x", b"x")]);
    let (gz, zst) = (gzip(&layer), zstd(&layer));
    let bytes = pack(&[
        ("c.json", &config(&[&layer, &layer, &layer, &layer])),
        ("a.tar", &layer),
        ("b.tar", &gz),
        ("c.tar", &zst),
        ("manifest.json", &listing(&["a.tar", "b.tar", "./c.tar", "a.tar"])),
    ]);
    let media = Memory::default();
    for way in [Way::AtRest, Way::Piped] {
        let Ok(Archived::Images(images)) = open(&media, &bytes, way, Form::Image) else { panic!("images") };
        let roots = wait(images.roots(None)).expect("one");
        assert_eq!(images.name(&roots[0]).as_deref(), Some("team/a:1"));
        let document = wait(images.document(&roots[0])).expect("a manifest");
        assert_eq!((roots[0].digest.clone(), roots[0].size), (Digest::of(&document), document.len() as u64));
        let manifest = Manifest::parse(&document, media_type::MANIFEST).expect("a manifest");
        assert_eq!(manifest.config, Descriptor::of(media_type::CONFIG, &config(&[&layer, &layer, &layer, &layer])));
        assert_eq!(wait(images.document(&manifest.config)), Ok(config(&[&layer, &layer, &layer, &layer])));
        let expected = [
            (media_type::LAYER, &layer),
            (media_type::LAYER_GZIP, &gz),
            (media_type::LAYER_ZSTD, &zst),
            (media_type::LAYER, &layer),
        ];
        assert_eq!(manifest.layers, expected.map(|(kind, bytes)| Descriptor::of(kind, bytes)));
        for (layer, (_, bytes)) in manifest.layers.iter().zip(expected) {
            assert!(content(&wait(images.blob(layer)).expect("a layer")) == *bytes);
            let short = Descriptor { size: 1, ..layer.clone() };
            assert_eq!(wait(images.blob(&short)).err().map(|error| error.code), Some(Code::SizeMismatch(layer.size)));
        }
        let other = Descriptor::of(media_type::LAYER, b"other");
        assert_eq!(wait(images.blob(&other)).err().map(|error| error.code), Some(Code::NotFound));
        for name in ["team/a:2", "docker.io/team/a:1", "2"] {
            assert_eq!(digests(&wait(images.roots(Some(name))).expect(name)), digests(&roots), "{name}");
        }
    }
}

/// As `docker save` wrote a layer that two images have.
#[test]
fn links_are_followed_once() {
    let layer = pack(&[("etc/x", b"x")]);
    let (size, config) = (layer.len() as u64, config(&[&layer]));
    let link = |kind: Kind| {
        let listing = listing(&["b/layer.tar"]);
        pack_members(&[
            ("c.json", Kind::Regular(config.len() as u64), &config),
            ("a/layer.tar", Kind::Regular(size), &layer),
            ("a/link", Kind::Symlink(b"layer.tar".to_vec()), b""),
            ("a/folder", Kind::Directory, b""),
            ("b/layer.tar", kind, b""),
            ("manifest.json", Kind::Regular(listing.len() as u64), &listing),
        ])
    };
    let symbolic = |text: &str| Kind::Symlink(text.into());
    let hard = |name: &str| Kind::HardLink(name.into());
    for (kind, good) in [
        (symbolic("../a/layer.tar"), true),
        (symbolic(".././a/../a//layer.tar"), true),
        (hard("a/layer.tar"), true),
        (hard("./a/layer.tar"), true),
        (symbolic("../a/link"), false),
        (symbolic("layer.tar"), false),
        (symbolic("../../a/layer.tar"), false),
        (symbolic("/a/layer.tar"), false),
        (symbolic("../a/folder"), false),
        (symbolic("../a/gone"), false),
        (hard("../a/layer.tar"), false),
        (hard("layer.tar"), false),
        (Kind::Fifo, false),
    ] {
        let media = Memory::default();
        let images = images(&media, &link(kind.clone())).expect("images");
        match wait(images.roots(None)) {
            Ok(roots) => {
                let document = wait(images.document(&roots[0])).expect("a manifest");
                let manifest = Manifest::parse(&document, media_type::MANIFEST).expect("a manifest");
                assert!(good && content(&wait(images.blob(&manifest.layers[0])).expect("a layer")) == layer);
            }
            Err(error) => {
                assert!(!good && error.message.contains("`b/layer.tar` in the archive"), "{kind:?}: {error}");
                assert_eq!(error.code, Code::Malformed("image archive".into()));
            }
        }
    }
}
