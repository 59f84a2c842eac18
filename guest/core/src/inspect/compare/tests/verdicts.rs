//! One pair of images for each verdict, and for each way in which files differ.

use super::*;
use crate::inspect::compare::{Changed, Counts, Likeness, Relation, What};
use crate::media::Device;

fn base() -> Vec<u8> {
    files(&[("etc/", ""), ("etc/base", "base")])
}

fn app() -> Vec<u8> {
    files(&[("app/", ""), ("app/one", "1"), ("app/two", "2")])
}

#[test]
fn each_verdict_has_its_reasons_and_options() {
    let plain = Made::of(&[base(), app()]);
    let later = pack(&[file("app/", "", 5), file("app/one", "1", 9), file("app/two", "2", 7)]);
    let order = files(&[("app/", ""), ("app/two", "2"), ("app/one", "1")]);
    let dotted = {
        let mut tar = app();
        // `./app/` for `app/`, its checksum put right: two characters more.
        let sum: u32 = u32::from(b'.') + u32::from(b'/');
        let before = u32::from_str_radix(std::str::from_utf8(&tar[148..154]).unwrap(), 8).unwrap();
        tar[..6].copy_from_slice(b"./app/");
        tar[148..154].copy_from_slice(format!("{:06o}", before + sum).as_bytes());
        tar
    };
    let padded = [app(), vec![0; 1024]].concat();
    let cut = [base(), files(&[("app/", ""), ("app/one", "1")]), files(&[("app/two", "2")])];
    let covered = files(&[("app/", ""), ("app/one", "1"), ("app/two", "old"), ("app/two", "2")]);
    let env = plain.clone().config(json!({ "config": { "Env": ["A=1", "B=2"] } }));
    let docker = |made: &Made| Made { docker: true, ..made.clone() };
    let noted = Made { manifest: json!({ "annotations": { "a.b": "c" } }), ..plain.clone() };
    let history = |time: &str| plain.clone().config(json!({ "created": time, "history": [{ "created": time }] }));
    let (past, present) = (history("2020-01-01T00:00:00Z"), history("2021-01-01T00:00:00Z"));
    for (name, one, other, expected, why, option) in [
        ("itself", &plain, &plain, "identical", "", ""),
        ("white space", &plain, &Made { pretty: true, ..plain.clone() }, "same-image-other-document", "spelling", ""),
        ("annotation", &plain, &noted, "same-image-other-document", "annotations", "annotation.<key>"),
        ("docker", &plain, &docker(&plain), "other-media-types", "media-types", "oci-mediatypes"),
        (
            "gzip",
            &plain,
            &plain.clone().gzip(6),
            "same-layers-other-compression",
            "compression",
            "compression compression-level force-compression=true",
        ),
        (
            "level",
            &plain.clone().gzip(9),
            &plain.clone().gzip(0),
            "same-layers-other-compression",
            "compression",
            "compression compression-level force-compression=true",
        ),
        (
            "docker's gzip",
            &plain.clone().zstd(),
            &docker(&plain.clone().gzip(6)),
            "same-layers-other-compression",
            "compression media-types",
            "compression compression-level force-compression=true oci-mediatypes",
        ),
        ("created", &past, &present, "same-files-other-config", "created", "source-date-epoch"),
        ("environment", &plain, &env, "same-files-other-config", "config", ""),
        (
            "times",
            &plain,
            &Made::of(&[base(), later.clone()]),
            "same-files-other-times",
            "times",
            "rewrite-timestamp=true source-date-epoch=5",
        ),
        (
            "times and environment",
            &env,
            &Made::of(&[base(), later.clone()]).zstd(),
            "same-files-other-config",
            "config times compression",
            "rewrite-timestamp=true source-date-epoch=5 compression compression-level force-compression=true",
        ),
        ("order", &plain, &Made::of(&[base(), order]), "same-files-other-order", "entry-order", ""),
        (
            "dots",
            &plain,
            &Made::of(&[base(), dotted]),
            "same-files-other-headers",
            "tar-headers",
            "rewrite-timestamp=true",
        ),
        (
            "zeros",
            &plain,
            &Made::of(&[base(), padded]),
            "same-files-other-headers",
            "tar-headers",
            "rewrite-timestamp=true",
        ),
        ("cut", &plain, &Made::of(&cut), "same-files-other-layers", "layer-cut", "type=tar"),
        ("covered", &plain, &Made::of(&[base(), covered]), "same-files-other-layers", "layer-cut", "type=tar"),
        ("swapped", &plain, &Made::of(&[app(), base()]), "different", "layer-order", ""),
        (
            "another file",
            &plain,
            &Made::of(&[base(), files(&[("app/", ""), ("app/one", "1")])]),
            "different",
            "files",
            "",
        ),
    ] {
        let comparison = layouts(&one.layout(), &other.layout());
        assert_eq!(verdict(&comparison), expected, "{name}: {}", inspect::json(&comparison));
        assert_eq!(reasons(&comparison).join(" "), why, "{name}");
        let options: Vec<_> =
            comparison.finding.reasons.iter().flat_map(|reason| &reason.options).map(String::as_str).collect();
        assert_eq!(options.join(" "), option, "{name}");
    }
}

#[test]
fn fields_of_documents_are_told_by_their_paths() {
    let (mut one, mut other) = (Made::of(&[base()]), Made::of(&[base()]));
    one.config = json!({ "config": { "Env": ["A=1", "B=2"], "Labels": { "a.b": "c" } }, "author": "me" });
    other.config = json!({ "config": { "Env": ["A=1", "B=3", "C=4"], "Labels": { "a.b": "d" } } });
    one.manifest = json!({ "annotations": { "x": "1" } });
    let comparison = layouts(&one.layout(), &other.layout());
    let documents = &comparison.images[0].documents;
    assert_eq!(documents.iter().map(|document| word(&document.document)).collect::<Vec<_>>(), ["manifest", "config"]);
    assert!(documents.iter().all(|document| document.likeness == Likeness::Different));
    let fields: Vec<String> = documents.iter().flat_map(|document| &document.fields).map(inspect::json).collect();
    let digests = fields.iter().filter(|field| field.contains("sha256:")).count();
    assert_eq!(digests, 1);
    for (field, expected) in
        fields.iter().filter(|field| !field.starts_with(r#"{"path":"config."#) || field.contains('[')).zip([
            r#"{"path":"annotations","a":{"x":"1"}}"#,
            r#"{"path":"author","a":"me"}"#,
            r#"{"path":"config.Env[1]","a":"B=2","b":"B=3"}"#,
            r#"{"path":"config.Env[2]","b":"C=4"}"#,
            r#"{"path":"config.Labels[\"a.b\"]","a":"c","b":"d"}"#,
        ])
    {
        assert_eq!(field, expected);
    }
    let pretty = Made { pretty: true, ..one.clone() };
    let comparison = layouts(&one.layout(), &pretty.layout());
    assert_eq!(word(&comparison.images[0].documents[1].likeness), "other-spelling");
    assert_eq!(comparison.images[0].documents[1].count, 0);
}

#[test]
fn files_are_told_by_what_differs() {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    let mut put = |path: &str, first: &dyn Fn(&mut Entry), second: &dyn Fn(&mut Entry)| {
        let (mut a, mut b) = (file(path, "content", 5), file(path, "content", 5));
        first(&mut a.0);
        second(&mut b.0);
        for (entry, content) in [&mut a, &mut b] {
            if !matches!(entry.kind, Kind::Regular(_)) {
                content.clear();
            }
        }
        one.push(a);
        other.push(b);
    };
    let device = |minor| Kind::Character(Device { major: 1, minor });
    put("device", &|entry| entry.kind = device(3), &|entry| entry.kind = device(5));
    put("hard", &|_| {}, &|entry| entry.kind = Kind::HardLink("device".into()));
    put("link", &|entry| entry.kind = Kind::Symlink("a".into()), &|entry| entry.kind = Kind::Symlink("b".into()));
    put("mode", &|_| {}, &|entry| entry.mode = 0o4755);
    put("owner", &|_| {}, &|entry| entry.gid = 7);
    put("same", &|_| {}, &|_| {});
    put("time", &|_| {}, &|entry| entry.modified.seconds = -3);
    put("xattr", &|_| {}, &|entry| entry.xattrs = vec![("user.a".into(), b"b".to_vec())]);
    one.push(file("content", "one", 5));
    other.push(file("content", "two", 5));
    one.push(file("size", "one", 5));
    other.push(file("size", "three", 5));
    one.push(file("gone", "x", 5));
    other.push(file("new\\", "x", 5));
    let comparison = layouts(&Made::of(&[pack(&one)]).layout(), &Made::of(&[pack(&other)]).layout());
    let files = comparison.images[0].files.as_ref().unwrap();
    let told: Vec<_> =
        files.changes.iter().map(|change| (change.path.as_str(), change.change, &change.differs[..])).collect();
    let changed = Changed::Changed;
    assert_eq!(
        told,
        [
            ("content", changed, &[What::Content][..]),
            ("device", changed, &[What::Device]),
            ("gone", Changed::Removed, &[]),
            ("hard", changed, &[What::Type]),
            ("link", changed, &[What::Link]),
            ("mode", changed, &[What::Mode]),
            ("new\\\\", Changed::Added, &[]),
            ("owner", changed, &[What::Owner]),
            ("size", changed, &[What::Content, What::Size]),
            ("time", changed, &[What::Time]),
            ("xattr", changed, &[What::Xattrs]),
        ]
    );
    let expected = Counts { same: 1, added: 1, removed: 1, changed: 9, times_only: 1, ..Counts::default() };
    assert_eq!(files.counts, expected);
    assert_eq!(verdict(&comparison), "different");
    assert_eq!(comparison.finding.sentence, "different: 10 paths differ");
    let shared = Made::of(&[base(), pack(&one)]);
    let comparison = layouts(&shared.layout(), &Made::of(&[base(), pack(&other)]).layout());
    let files = comparison.images[0].files.as_ref().unwrap();
    assert!(files.shared_layers);
    assert_eq!((files.counts.only_a, files.counts.only_b, files.counts.added), (1, 1, 0));
}

#[test]
fn names_of_an_inode_may_come_in_any_order() {
    let link = |path: &str, to: &str| (Entry { kind: Kind::HardLink(to.into()), ..file(path, "", 5).0 }, Vec::new());
    let one = pack(&[file("a", "x", 5), link("b", "a")]);
    let other = pack(&[file("b", "x", 5), link("a", "b")]);
    let copies = pack(&[file("a", "x", 5), file("b", "x", 5)]);
    let image = |tar: &Vec<u8>| Made::of(std::slice::from_ref(tar)).layout();
    assert_eq!(verdict(&layouts(&image(&one), &image(&other))), "same-files-other-order");
    let comparison = layouts(&image(&one), &image(&copies));
    let files = comparison.images[0].files.as_ref().unwrap();
    assert_eq!((files.changes[0].path.as_str(), &files.changes[0].differs[..]), ("b", &[What::Link][..]));
}

#[test]
fn whiteouts_count_where_something_may_be_beneath() {
    let gone = files(&[("etc/", ""), ("etc/.wh.base", "")]);
    let other = files(&[("etc/", "")]);
    let (one, two) = (Made::of(&[base(), gone.clone()]), Made::of(&[base(), other.clone()]));
    let comparison = layouts(&one.layout(), &two.layout());
    let change = &comparison.images[0].files.as_ref().unwrap().changes[0];
    assert_eq!((change.path.as_str(), change.change), ("etc/.wh.base", Changed::OnlyA));
    assert_eq!(word(&change.a.as_ref().unwrap().kind), "whiteout");
    // All layers are read: what is removed again was never there.
    let (one, two) = (Made::of(&[base(), gone]), Made::of(&[other]));
    assert_eq!(verdict(&layouts(&one.layout(), &two.layout())), "same-files-other-layers");
}

#[test]
fn layers_are_matched_wherever_they_stand() {
    let tars: Vec<Vec<u8>> = (0..6).map(|number| files(&[(&number.to_string(), "x")])).collect();
    let made = |numbers: &[usize]| Made::of(&numbers.iter().map(|number| tars[*number].clone()).collect::<Vec<_>>());
    for (one, other, expected) in [
        (&[0, 1, 2][..], &[0, 3, 2][..], "same-blob replaced same-blob"),
        (&[0, 1, 2], &[0, 2], "same-blob only-a same-blob"),
        (&[0, 2], &[0, 1, 2, 3], "same-blob same-blob only-b only-b"),
        (&[5, 0, 5], &[0, 5], "only-a same-blob same-blob"),
        (&[0, 1], &[1, 0], "same-blob same-blob"),
        (&[0, 1, 2], &[3, 4], "replaced replaced only-a"),
        (&[], &[], ""),
    ] {
        let (one, other) = (made(one), made(other));
        let media = Memory::default();
        let image = |made: &Made| open(&media, Source::Layout(made.layout()), Limits::default(), Directory::default());
        let comparison = wait(compare(&image(&one), &image(&other))).unwrap();
        let relations: Vec<_> = comparison.images[0].layers.iter().map(|pair| word(&pair.relation)).collect();
        assert_eq!(relations.join(" "), expected);
        let moved = comparison.images[0].layers.iter().any(|pair| pair.moved);
        assert_eq!(moved, reasons(&comparison).contains(&"layer-order".to_owned()));
        assert!(comparison.images[0].layers.iter().all(|pair| pair.relation != Relation::SameTar));
    }
}

#[test]
fn images_are_matched_by_platform() {
    let (one, two) = (Made::of(&[base()]), Made::of(&[app()]));
    let both = index(&[(&one, "amd64"), (&two, "arm64")]);
    assert_eq!(verdict(&layouts(&both, &both)), "identical");
    let comparison = layouts(&both, &index(&[(&two.clone().zstd(), "arm64"), (&one, "amd64")]));
    assert_eq!(reasons(&comparison), ["compression", "index"], "{}", inspect::json(&comparison));
    let verdicts: Vec<_> =
        comparison.images.iter().map(|pair| (pair.platform.as_deref(), word(&pair.finding.verdict))).collect();
    assert_eq!(
        verdicts,
        [
            (Some("linux/amd64"), "identical".to_owned()),
            (Some("linux/arm64"), "same-layers-other-compression".to_owned())
        ]
    );
    let comparison = layouts(&both, &index(&[(&two, "arm64"), (&one, "s390x")]));
    assert_eq!(verdict(&comparison), "different");
    assert_eq!(comparison.only_a[0].platform.as_deref(), Some("linux/amd64"));
    assert_eq!(comparison.only_b[0].platform.as_deref(), Some("linux/s390x"));
    // One image, and an index: what belongs together.
    let lone = two.clone().config(json!({ "architecture": "arm64" })).layout();
    let comparison = layouts(&both, &lone);
    assert_eq!(word(&comparison.images[0].finding.verdict), "identical");
    assert_eq!(reasons(&comparison), ["platforms"]);
}
