//! Small stacks: what is listed, what they give together, what each layer did, what is in files.

mod hostile;
mod run;
mod table;
mod waste;

use super::*;
use crate::contents::Form;
use crate::digest::Digest;
use crate::export::{Content as Given, Source};
use crate::inspect::{Limits, Settings, path_text};
use crate::layer::tar;
use crate::layer::trial::{entry, wait};
use crate::media::Kind as What;
use crate::memory::{Directory, Memory};
use crate::store::Layout;

/// A layer: entries separated by blanks. `d/` is a directory, `f=x` a file that holds `x`, `f` an empty one, `s>t` a symlink, `h:t` a
/// hard link.
fn layer(words: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in words.split_whitespace() {
        let mut content = "";
        let entry = if let Some(path) = word.strip_suffix('/') {
            entry(path, What::Directory)
        } else if let Some((path, link)) = word.split_once('>') {
            entry(path, What::Symlink(link.into()))
        } else if let Some((path, link)) = word.split_once(':') {
            entry(path, What::HardLink(link.into()))
        } else {
            let (path, text) = word.split_once('=').unwrap_or((word, ""));
            content = text;
            entry(path, What::Regular(text.len() as u64))
        };
        tar::append(&mut bytes, &entry, true).unwrap();
        bytes.extend(content.as_bytes());
        tar::pad(&mut bytes, content.len() as u64);
    }
    bytes.extend(tar::END);
    bytes
}

/// A docker archive of these layers.
fn archive(layers: &[Vec<u8>]) -> Vec<u8> {
    let quoted = |texts: Vec<String>| texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(",");
    let ids = quoted(layers.iter().map(|layer| Digest::of(layer).to_string()).collect());
    let names = quoted((0..layers.len()).map(|number| format!("{number}.tar")).collect());
    let config = format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[{ids}]}}}}"#);
    let manifest = format!(r#"[{{"Config":"c.json","RepoTags":["a:b"],"Layers":[{names}]}}]"#);
    let mut out = Vec::new();
    let files = [("manifest.json".to_owned(), manifest.into_bytes()), ("c.json".to_owned(), config.into_bytes())];
    let layers = layers.iter().enumerate().map(|(number, layer)| (format!("{number}.tar"), layer.clone()));
    for (name, content) in files.into_iter().chain(layers) {
        tar::append(&mut out, &entry(&name, What::Regular(content.len() as u64)), true).unwrap();
        out.extend_from_slice(&content);
        tar::pad(&mut out, content.len() as u64);
    }
    out.extend(tar::END);
    out
}

fn open(bytes: Vec<u8>, limits: Limits) -> Image<'static, Memory> {
    looked_at(Source::Archive(bytes.into()), limits)
}

fn looked_at(source: Source<Memory>, limits: Limits) -> Image<'static, Memory> {
    let media: &'static Memory = Box::leak(Box::default());
    let content = Given { source, form: Form::Detect, name: None, platform: None };
    let settings = Settings { limits, insecure: false, native: "linux/amd64".parse().unwrap() };
    wait(Image::open(media, content, &Layout::store(Directory::default()), settings)).unwrap()
}

/// gzip members of so many bytes each.
fn gzip(bytes: &[u8], size: usize) -> Vec<u8> {
    let member = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    bytes.chunks(size).flat_map(member).collect()
}

fn stack(layers: &[&str]) -> Image<'static, Memory> {
    open(archive(&layers.iter().map(|words| layer(words)).collect::<Vec<_>>()), Limits::default())
}

fn paths(listing: &Listing) -> String {
    listing.entries.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>().join(" ")
}

fn tree(image: &Image<'_, Memory>) -> String {
    paths(&wait(image.tree(b"", true, 0, 1000)).unwrap())
}

fn text(image: &Image<'_, Memory>, path: &str) -> Result<String> {
    wait(image.read(None, path.as_bytes(), 0, 1000)).map(|content| String::from_utf8(content.bytes).unwrap())
}

/// OCI layer.md.
#[test]
fn layers_are_put_on_each_other() {
    for (layers, together) in [
        (&["a b/ b/c", "b/d"][..], "a b b/c b/d"),
        (&["a b/ b/c", "b/.wh.c"], "a b"),
        (&["a b/ b/c b/d", ".wh.b"], "a"),
        (&["b/ b/c b/d/ b/d/e", "b/ b/.wh..wh..opq b/f"], "b b/f"),
        // Whiteouts hide lower layers only, wherever they stand.
        (&["a", ".wh.a a=new"], "a"),
        (&["a", "a=new .wh.a"], "a"),
        (&["b/ b/c", "b/d b/.wh..wh..opq"], "b b/d"),
        // What is no directory takes the place of one, with all that is in it.
        (&["b/ b/c", "b=file"], "b"),
        (&["b/ b/c", "b/"], "b b/c"),
        (&["b=file", "b/c"], "b b/c"),
        // Siblings stand in order of their names, and parents before what is in them.
        (&["a/b a-b a", "a/b/ a/c"], "a a/b a/c a-b"),
        (&["../x /y a/../z ./w"], "w x y z"),
        (&[".wh..wh.plnk/ .wh..wh.aufs a"], "a"),
        (&["a .wh.. .wh..."], "a"),
        (&[], ""),
    ] {
        assert_eq!(tree(&stack(layers)), together, "{layers:?}");
    }
}

#[test]
fn pages_of_every_size_are_the_same() {
    let image = stack(&["a b/ b/c=x s>a .wh.q", "b/.wh..wh..opq h:a"]);
    let whole = wait(image.entries(0, 0, 1000)).unwrap();
    assert_eq!(paths(&whole), "a b b/c s .wh.q");
    let kinds: Vec<_> = whole.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Kind::File, Kind::Directory, Kind::File, Kind::Symlink, Kind::Whiteout]);
    let everything = wait(image.tree(b"", true, 0, 1000)).unwrap();
    for size in 1..7 {
        for (whole, layer) in [(&whole, Some(0)), (&everything, None)] {
            let (mut pages, mut first) = (Vec::new(), 0);
            loop {
                let page = match layer {
                    Some(layer) => wait(image.entries(layer, first, size)).unwrap(),
                    None => wait(image.tree(b"", true, first, size)).unwrap(),
                };
                first += page.entries.len() as u64;
                pages.extend(page.entries);
                if !page.more {
                    break;
                }
            }
            assert_eq!(pages, whole.entries, "{size}");
        }
    }
    // In any order.
    assert_eq!(paths(&wait(image.entries(0, 3, 1)).unwrap()), "s");
    assert_eq!(paths(&wait(image.entries(0, 1, 1)).unwrap()), "b");
    assert_eq!(paths(&wait(image.entries(1, 0, 9)).unwrap()), "b/.wh..wh..opq h");
    assert_eq!(wait(image.entries(0, 99, 1)).unwrap(), Listing::default());
    assert_eq!(wait(image.entries(2, 0, 1)).unwrap_err().code, Code::NotFound);
}

#[test]
fn folders_are_listed_by_themselves() {
    let image = stack(&["a b/ b/c b/d/ b/d/e t>b"]);
    let of = |path: &str, recursive| paths(&wait(image.tree(path.as_bytes(), recursive, 0, 100)).unwrap());
    assert_eq!(of("", false), "a b t");
    assert_eq!(of("b", false), "b/c b/d");
    assert_eq!(of("/b/", true), "b/c b/d b/d/e");
    assert_eq!(of("t", false), "b/c b/d");
    assert_eq!(of("a", false), "a");
    assert_eq!(wait(image.tree(b"nowhere", false, 0, 100)).unwrap_err().code, Code::NotFound);
}

#[test]
fn content_is_found_behind_links() {
    let image = stack(&[
        "etc/ etc/a=one usr/ usr/lib/ usr/lib/r=release etc/r>../usr/lib/r abs>/etc/r lib>usr/lib loop>loop up>../../etc/a",
        "etc/a=two h:usr/lib/r",
        ".wh.usr",
        "gone>usr/lib/r",
    ]);
    for (path, content) in
        [("etc/a", "two"), ("/etc/a", "two"), ("up", "two"), ("h", "release"), ("etc/../h", "release")]
    {
        assert_eq!(text(&image, path).unwrap(), content, "{path}");
    }
    for path in ["etc/r", "abs", "gone", "nowhere", "lib/r"] {
        assert_eq!(text(&image, path).unwrap_err().code, Code::NotFound, "{path}");
    }
    for (path, why) in [("etc", "a directory"), ("loop", "more than 40 links")] {
        assert!(text(&image, path).unwrap_err().message.contains(why), "{path}");
    }
    let lowest = wait(image.read(Some(0), b"abs", 0, 100)).unwrap();
    assert_eq!((lowest.bytes.as_slice(), path_text(&lowest.path).as_str()), (&b"release"[..], "usr/lib/r"));
    assert_eq!(wait(image.read(Some(0), b"etc/a", 0, 100)).unwrap().bytes, b"one");
}

#[test]
fn parts_in_any_order_are_the_same() {
    let content: String = (0..50_000).map(|number| char::from(b'a' + (number % 23) as u8)).collect();
    let image = stack(&[&format!("a=before big={content} z=behind")]);
    let part = |offset, max| wait(image.read(None, b"big", offset, max)).unwrap();
    for (offset, max) in
        [(0, 10), (10, 1000), (1010, 1), (5000, 20_000), (7, 7), (49_990, 100), (50_000, 1), (99_999, 5), (0, 60_000)]
    {
        let start = (offset as usize).min(content.len());
        let end = (start + max as usize).min(content.len());
        let part = part(offset, max);
        assert_eq!(part.bytes, content.as_bytes()[start..end], "{offset} {max}");
        assert_eq!(part.size, 50_000);
    }
    assert_eq!(text(&image, "z").unwrap(), "behind");
    assert_eq!(text(&image, "a").unwrap(), "before");
}

#[test]
fn bytes_look_like_something() {
    for (bytes, kind) in [
        (&b""[..], "empty"),
        (b"text\n\tmore", "text"),
        ("Gr\u{fc}\u{df}e".as_bytes(), "text"),
        (&"Gr\u{fc}\u{df}e".as_bytes()[..3], "text"),
        (b" {\"a\":1}", "json"),
        (b"\x7fELF\x02", "elf"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"a\0b", "binary"),
        (b"\xff\xfe", "binary"),
        (b"a\x1b[2J", "binary"),
    ] {
        assert_eq!(FileKind::of(bytes).to_string(), kind);
    }
}

#[test]
fn what_a_layer_did_path_by_path() {
    let image = stack(&["a b/ b/c b/d", "a=x b/.wh..wh..opq b/e .wh.nothing"]);
    let all = wait(image.layer_changes(1, 0, 100)).unwrap();
    let told: Vec<_> = all.changes.iter().map(|it| (it.path.as_str(), it.change)).collect();
    use Changed::{Added, Changed as Other, Removed};
    assert_eq!(told, [("b/c", Removed), ("b/d", Removed), ("a", Other), ("b/e", Added)]);
    let page = wait(image.layer_changes(1, 1, 2)).unwrap();
    assert_eq!((page.changes.as_slice(), page.more), (&all.changes[1..3], true));
    assert!(!wait(image.layer_changes(1, 3, 2)).unwrap().more);
}

#[test]
fn limits_are_kept() {
    let words: String = (0..1000).map(|number| format!("file-{number} ")).collect();
    let tar = layer(&words);
    let limited = |limits| open(tar.clone(), limits);
    let usual = Limits::default();
    let small = limited(Limits { index: 10_000, ..usual });
    let error = wait(small.tree(b"", true, 0, 1)).unwrap_err();
    assert_eq!(error.code, Code::LimitExceeded("index".into()));
    // A layer's entries take no memory.
    assert_eq!(wait(small.entries(0, 0, 2000)).unwrap().entries.len(), 1000);
    let few = limited(Limits { layer: crate::layer::Limits { entries: 10, ..usual.layer }, ..usual });
    assert_eq!(wait(few.entries(0, 0, 2000)).unwrap_err().code, Code::LimitExceeded("entries".into()));
}
