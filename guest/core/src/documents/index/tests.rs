//! Names, and what others wrote.

use super::*;

fn image(content: &str, platform: &str) -> Descriptor {
    let mut image = Descriptor::of(media_type::MANIFEST, content.as_bytes());
    image.platform = platform.parse().ok();
    image
}

fn name(full: &str) -> Name {
    Name { full: full.into(), tag: full.rsplit_once(':').map(|(_, tag)| tag.into()) }
}

fn listed(index: &Index) -> Vec<(Option<String>, String)> {
    let image = |image: &Descriptor| (image.annotations.get(NAME).cloned(), image.digest.to_string());
    index.manifests().map(image).collect()
}

#[test]
fn a_name_is_one_entry() {
    let (one, two) = (image("1", "linux/amd64"), image("2", "linux/amd64"));
    let mut index = Index::default();
    for (full, image) in [
        (Some("a:1"), &one),
        (Some("b:1"), &one),
        (None, &one),
        (Some("a:1"), &two),
        (None, &one),
        (None, &two),
        (None, &two),
    ] {
        index.put(&[(full.map(name), image.clone())]);
    }
    let entries = [(Some("b:1"), &one), (None, &one), (Some("a:1"), &two), (None, &two)];
    let entries: Vec<_> =
        entries.into_iter().map(|(name, image)| (name.map(str::to_owned), image.digest.to_string())).collect();
    assert_eq!(listed(&index), entries);
    let again = index.to_bytes().and_then(|bytes| Index::parse(&bytes, None));
    assert_eq!(again.as_ref().map(listed), Ok(entries));
    assert_eq!(again.map(|index| index.named("a:1").map(|image| image.digest.clone())), Ok(Some(two.digest)));
}

#[test]
fn a_tag_alone_is_one_entry_too() {
    let (one, two) = (image("1", "linux/amd64"), image("2", "linux/amd64"));
    let mut index = Index::default();
    index.put(&[(Some(name("a:1")), one.clone())]);
    index.put(&[(None, tagged(one.clone(), Some("1")))]);
    index.put(&[(None, tagged(one.clone(), None))]);
    index.put(&[(None, tagged(two.clone(), Some("1")))]);
    let listed: Vec<_> = index.manifests().map(|image| (name_of(image), tag_of(image), &image.digest)).collect();
    let expected = [(Some("a:1"), Some("1"), &one.digest), (None, None, &one.digest), (None, Some("1"), &two.digest)];
    assert_eq!(listed, expected);
}

#[test]
fn what_others_wrote_survives() -> Result<()> {
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let foreign = [
        format!(r#"{{"digest":"{digest}","size":2,"mediaType":"a/b","x":[1.0,{{"y":null}}],"urls":["https://e.org/\u0041"],"annotations":{{"{TAG}":"v1"}}}}"#),
        r#"{"mediaType":"a/b","digest":"sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564=","size":1,"platform":{"os":"windows","architecture":"amd64","os.version":"10.0"}}"#.into(),
        format!(r#"{{"mediaType":"{}","digest":"{digest}","size":3,"artifactType":"a/b"}}"#, media_type::MANIFEST),
        format!(r#"{{"mediaType":"{}","digest":"sha512+x:00","size":3,"annotations":{{"{NAME}":"gone:1"}}}}"#, media_type::MANIFEST),
    ];
    let [first, second, third, gone] = &foreign;
    let head = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#;
    let tail = r#""annotations":{"k":"v"},"unknown":{"a":[1e2]}}"#;
    let source = format!(
        "{{ \"unknown\":{{ \"a\":[ 1e2 ]}},\n\"manifests\": [{first},\n {second}, {third}, {gone}], \"annotations\":{{\"k\":\"v\"}}, \"schemaVersion\":2}}\n"
    );
    let mut index = Index::parse(source.as_bytes(), None)?;
    assert_eq!(index.manifests().count(), 1);
    let own = image("1", "linux/arm/v6");
    index.put(&[(Some(Name { full: "gone:1".into(), tag: None }), own.clone())]);
    let own = format!(
        r#"{{"mediaType":"{}","digest":"{}","size":1,"annotations":{{"{NAME}":"gone:1"}},"platform":{{"architecture":"arm","os":"linux","variant":"v6"}}}}"#,
        media_type::MANIFEST,
        own.digest
    );
    let tail = tail.split_once(",\"unknown\"").map_or("", |(annotations, _)| annotations);
    let expected = format!("{head}{first},{second},{third},{own}],\"unknown\":{{\"a\":[1e2]}},{tail}}}");
    assert_eq!(index.to_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()), Ok(expected));
    Ok(())
}

#[test]
fn what_is_not_an_index_is_refused() {
    let parse = |members: &str, kind| Index::parse(format!("{{{members}}}").as_bytes(), kind);
    assert!(parse(r#""schemaVersion":2,"manifests":null"#, None).is_ok_and(|index| index.manifests().count() == 0));
    for members in [
        r#""schemaVersion":2"#,
        r#""manifests":[]"#,
        r#""schemaVersion":1,"manifests":[]"#,
        r#""schemaVersion":2,"manifests":[],"layers":[]"#,
        r#""schemaVersion":2,"manifests":[],"config":null"#,
        r#""schemaVersion":2,"manifests":[],"fsLayers":1"#,
        r#""schemaVersion":2,"manifests":[],"Manifests":[]"#,
        r#""schemaVersion":2,"manifests":[{}]"#,
        r#""schemaVersion":2,"manifests":[],"mediaType":"application/vnd.oci.image.manifest.v1+json""#,
    ] {
        assert!(parse(members, None).is_err(), "{members}");
    }
    let docker = format!(r#""schemaVersion":2,"manifests":[],"mediaType":"{}""#, media_type::DOCKER_LIST);
    assert!(parse(&docker, Some(media_type::DOCKER_LIST)).is_ok());
    assert!(parse(&docker, Some(media_type::INDEX)).is_err());
}
