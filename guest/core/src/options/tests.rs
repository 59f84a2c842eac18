//! What an output may say, what it may not, and what people are told then.

use super::*;
use crate::error::{Code, Fault};
use crate::layer::{Codec, DEFAULT_GZIP_LEVEL, DEFAULT_ZSTD_LEVEL};
use crate::platform::Platform;

fn refused(text: &str) -> Error {
    match parse(text) {
        Err(error) => error,
        Ok(output) => panic!("`{text}` was taken: {output:?}"),
    }
}

fn row(key: &str) -> &'static Row {
    table().iter().find(|row| row.key == key).unwrap()
}

#[test]
fn the_table_is_sound() {
    let mut keys: Vec<&str> =
        table().iter().flat_map(|row| row.aliases.iter().chain(row.hints).chain([&row.key])).copied().collect();
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count, "a key stands twice");
    let read = |row: &Row, text: &str| row.set(&mut Output::of(Exporter::Image), ".own", Some(text));
    for row in table() {
        assert!(row.doc.ends_with('.'), "{}", row.key);
        assert!(!row.exporters.is_empty(), "{}", row.key);
        assert_eq!(matches!(row.kind(), Kind::Choice | Kind::Number), !row.choices.is_empty(), "{}", row.key);
        for alias in [row.key].iter().chain(row.aliases) {
            let key = alias.to_uppercase().replace("<KEY>", "Own");
            let own = if row.head().is_some() { ".Own" } else { "" };
            assert_eq!(table().iter().find_map(|row| row.own_words(&key)), Some(own), "{alias}");
        }
        if !row.default.is_empty() {
            assert!(read(row, row.default).is_ok(), "the default of {}", row.key);
        }
        for choice in row.choices.iter().filter(|_| row.kind() == Kind::Choice) {
            assert!(read(row, choice).is_ok(), "{}={choice}", row.key);
        }
    }
    for conflict in conflicts::conflicts() {
        assert_eq!(table().iter().filter(|row| conflict.concerns(row.key)).count(), 2, "{conflict}");
    }
}

/// A number's range is what is taken: of the codec with the most levels.
#[test]
fn ranges_are_those_of_the_table() {
    for (before, key) in [("type=oci,compression=zstd", "compression-level"), ("type=oci", "source-date-epoch")] {
        let [range] = row(key).choices else { panic!("{key}") };
        let (least, most) = range.split_once("..").unwrap();
        let (least, most): (i64, i64) = (least.parse().unwrap(), most.parse().unwrap());
        for (number, taken) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
            let output = parse(&format!("{before},{key}={number}"));
            assert_eq!(output.is_ok(), taken, "{key}={number}");
            assert!(taken || output.unwrap_err().code == Code::InvalidOption(key.into()), "{key}={number}");
        }
    }
}

/// What a row says of its default and its exporters holds for each exporter; what differs is said in its words.
#[test]
fn the_table_tells_the_truth() {
    for exporter in Exporter::ALL {
        let kind = exporter.as_str();
        let base = match exporter {
            Exporter::Local => "type=local,dest=a".into(),
            Exporter::Registry => "type=registry,name=a".into(),
            _ => format!("type={kind}"),
        };
        let plain = parse(&base).unwrap();
        assert_eq!(plain.exporter.as_str(), kind);
        for row in table() {
            let own = if row.head().is_some() { ".own" } else { "" };
            let given = format!("{base},{}={}", row.written(own), row.default);
            let known = row.exporters.contains(&exporter);
            match parse(&given) {
                Err(error) if !known => {
                    assert!(
                        error.message.contains(&format!("not for type={kind}; it is for type=")),
                        "{}",
                        error.message
                    );
                }
                Ok(output) if known && output == plain => {}
                // `given twice`, and what has no default.
                _ if known && (base.contains(&format!("{}=", row.key)) || row.default.is_empty()) => {}
                Ok(output) if known => {
                    assert!(row.doc.contains(&format!("type={kind}")), "{given}");
                    assert_ne!(output, plain);
                }
                other => panic!("{given}: {other:?}"),
            }
        }
    }
    let doc = row("compression-level").doc;
    assert!(
        doc.contains(&format!("{DEFAULT_GZIP_LEVEL} is used"))
            && doc.contains(&format!("{DEFAULT_ZSTD_LEVEL} is used"))
    );
}

#[test]
fn defaults_are_the_tables() {
    let output = parse("type=image").unwrap();
    assert_eq!((output.push, output.store, output.codec), (false, true, Codec::Gzip { level: DEFAULT_GZIP_LEVEL }));
    assert!(output.names.is_empty() && output.annotations.is_empty() && !output.level_given);
    assert_eq!((output.epoch, output.compatibility, output.dest), (Epoch::OfJob, 30, None));
    assert!(parse("type=registry,name=a").unwrap().push);
    assert!(!parse("type=registry,name=a,push=false").unwrap().push);
    assert_eq!(parse("type=oci").unwrap().dest.as_deref(), Some("-"));
    assert!(!parse("type=oci").unwrap().store && !parse("type=docker").unwrap().attestation_inline);
}

#[test]
fn values_are_read_as_go_reads_them() {
    for (values, expected) in [
        (["", "=", "=1", "=t", "=T", "=TRUE", "=true", "=True"].as_slice(), true),
        (&["=0", "=f", "=F", "=FALSE", "=false", "=False"], false),
    ] {
        for value in values {
            assert_eq!(parse(&format!("type=image,name=a,push{value}")).unwrap().push, expected, "push{value}");
            assert_eq!(parse(&format!("type=image,name=a,store{value}")).unwrap().store, expected, "store{value}");
        }
    }
    for value in ["yes", "tRUE", "2", " true", "on"] {
        assert_eq!(refused(&format!("type=image,name=a,push={value}")).code, Code::InvalidOption("push".into()));
    }
    // Keys as buildx takes them; an annotation's own words keep their case, and may hold an equals sign behind the first.
    let output = parse("TYPE=image,Annotation.Foo=a=b,annotation.foo=c").unwrap();
    assert_eq!(written(&output), [("annotation.Foo".into(), "a=b"), ("annotation.foo".into(), "c")]);
}

/// Flags that BuildKit takes without a value are those that it takes so.
#[test]
fn nothing_is_true_for_some_flags() {
    for row in table().iter().filter(|row| matches!(row.kind(), Kind::Flag | Kind::Bool)) {
        let base = if row.exporters.contains(&Exporter::Image) { "type=image,name=a" } else { "type=oci,dest=a" };
        let truth = parse(&format!("{base},{}=true", row.key)).unwrap();
        let alone = parse(&format!("{base},{}", row.key));
        let empty = parse(&format!("{base},{}=", row.key));
        if EMPTY_IS_TRUE.contains(&row.key) {
            assert_eq!((alone, empty), (Ok(truth.clone()), Ok(truth)), "{}", row.key);
        } else {
            assert_eq!(alone.unwrap_err().code, Code::InvalidOption(row.key.into()));
            assert_eq!(empty.unwrap_err().code, Code::InvalidOption(row.key.into()));
        }
    }
}

const EMPTY_IS_TRUE: &[&str] = &[
    "push",
    "push-by-digest",
    "registry.insecure",
    "dangling-name-empty-only",
    "name-canonical",
    "unpack",
    "store",
    "force-compression",
];

#[test]
fn levels_are_the_codecs() {
    let codec = |text: &str| parse(&format!("type=image,{text}")).map(|output| (output.codec, output.level_given));
    for level in 0..=9 {
        assert_eq!(codec(&format!("compression-level={level}")), Ok((Codec::Gzip { level }, true)));
        // In any order.
        assert_eq!(
            codec(&format!("compression-level={level},compression=estargz")),
            Ok((Codec::Estargz { level }, true))
        );
    }
    for level in 1..=22 {
        assert_eq!(codec(&format!("compression=zstd,compression-level={level}")), Ok((Codec::Zstd { level }, true)));
    }
    let zstd = Codec::Zstd { level: DEFAULT_ZSTD_LEVEL };
    assert_eq!(codec("compression=zstd,compression-level=0"), Ok((zstd, true)));
    assert_eq!(codec("compression=zstd"), Ok((zstd, false)));
    assert_eq!(codec("compression=estargz"), Ok((Codec::Estargz { level: DEFAULT_GZIP_LEVEL }, false)));
    assert_eq!(codec("compression=uncompressed"), Ok((Codec::Uncompressed, false)));
    for (text, range) in [
        ("compression=estargz,compression-level=10", "for estargz it is a whole number from 0 to 9"),
        ("compression=zstd,compression-level=23", "for zstd it is a whole number from 0 to 22"),
    ] {
        assert!(codec(text).unwrap_err().message.contains(range), "{text}");
    }
}

#[test]
fn annotations_have_levels_and_platforms() {
    let output = parse(
        "type=oci,annotation-index[linux/arm64].p=ip,ANNOTATION[linux/arm64/v8].k=arm,annotation-manifest-descriptor[linux/amd64].a.b=d,\
         annotation-manifest.k=m,annotation-index-descriptor.k=id,annotation.a=",
    );
    let output = output.unwrap();
    assert_eq!(
        written(&output),
        [
            ("annotation.a".into(), ""),
            ("annotation.k".into(), "m"),
            ("annotation[linux/arm64].k".into(), "arm"),
            ("annotation-manifest-descriptor[linux/amd64].a.b".into(), "d"),
            ("annotation-index.p".into(), "ip"),
            ("annotation-index-descriptor.k".into(), "id"),
        ]
    );
    assert_eq!(output.annotations[2].platform, Some(Platform::new("linux", "arm64", None)));
    assert_eq!(output.annotations[4].platform, None, "the index is of all platforms");
}

fn written(output: &Output) -> Vec<(String, &str)> {
    output.annotations.iter().map(|annotation| (annotation.written(), annotation.value.as_str())).collect()
}

#[test]
fn media_types_are_those_of_the_generation() {
    for (text, docker, docker_attested, artifact) in [
        ("", false, false, true),
        (",oci-mediatypes=false", true, true, false),
        (",oci-mediatypes=true", false, false, true),
        (",oci-artifact=false", false, false, false),
        (",compatibility-version=20", true, false, false),
        (",compatibility-version=10", true, false, false),
        (",compatibility-version=20,oci-mediatypes=true", false, false, false),
        (",compatibility-version=20,oci-artifact=true", false, false, true),
        (",compatibility-version=20,compression=estargz", false, false, false),
        (",compatibility-version=20,compression=zstd", true, false, false),
        (",compatibility-version=20,annotation.k=v", true, false, false),
        (",compatibility-version=20,annotation-index.k=v", false, false, false),
    ] {
        let output = parse(&format!("type=image{text}")).unwrap();
        let said = (output.docker_types(false), output.docker_types(true), output.oci_artifact(true));
        assert_eq!(said, (docker, docker_attested, artifact), "{text}");
    }
}

#[test]
fn conflicts_name_both() {
    for (text, one, other) in [
        ("type=image,compression=uncompressed,compression-level=1", "compression", "compression-level"),
        ("type=oci,oci-mediatypes=false,compression=estargz", "compression", "oci-mediatypes"),
        ("type=oci,compatibility-version=10,compression=zstd", "compression", "compatibility-version"),
        ("type=oci,oci-artifact=true,oci-mediatypes=0", "oci-artifact", "oci-mediatypes"),
        ("type=oci,oci-mediatypes=f,annotation-index.k=v", "annotation-index.<key>", "oci-mediatypes"),
        (
            "type=oci,oci-mediatypes=f,annotation-index-descriptor.k=v",
            "annotation-index-descriptor.<key>",
            "oci-mediatypes",
        ),
        (
            "type=oci,oci-mediatypes=f,annotation-manifest-descriptor.k=v",
            "annotation-manifest-descriptor.<key>",
            "oci-mediatypes",
        ),
        ("type=image,name=a,unpack=true,rewrite-timestamp=true", "unpack", "rewrite-timestamp"),
        ("type=image,name=a:b,push=true,push-by-digest=true", "push-by-digest", "name"),
    ] {
        let error = refused(text);
        assert_eq!(error.code, Code::Conflict(one.into(), other.into()), "{text}");
        assert!([one, other].iter().all(|key| error.message.contains(key)), "{}", error.message);
        assert_eq!(error.fault, Fault::Request);
        assert!(row(one).conflicts().iter().any(|text| row(other).conflicts().contains(text)), "{text}");
    }
    for text in [
        "type=oci,oci-mediatypes=false,oci-artifact=false,annotation.k=v,compression=zstd",
        "type=image,name=a,unpack=true,rewrite-timestamp=true,store=false",
        "type=image,name=a:b,push-by-digest=true",
        "type=image,name=a,push=true,push-by-digest=true",
        "type=oci,compatibility-version=20,compression=zstd",
    ] {
        assert!(parse(text).is_ok(), "{text}");
    }
    let error = refused("type=image,compression=uncompressed,compression-level=1");
    assert_eq!(
        error.message,
        "compression=uncompressed conflicts with compression-level: it has no levels; leave one of them out"
    );
}

#[test]
fn names_are_one_quoted_field() {
    let names = |text: &str| -> Vec<String> { parse(text).unwrap().names.iter().map(ToString::to_string).collect() };
    assert_eq!(names(r#"type=image,"name=a,example.com/b:v1""#), ["a", "example.com/b:v1"]);
    assert_eq!(names("type=image,name=a"), ["a"]);
    assert_eq!(names(r#"type=image,"name=a:1,*""#), ["a:1", "*"]);
    // Without quotes the second name is a field of its own, which has no key.
    assert_eq!(refused("type=image,name=a,b").code, Code::InvalidOption("b".into()));
}

/// Outputs that golden cases record, among them some that BuildKit takes or finds out about late; here nothing was done before.
#[test]
fn wrong_outputs_name_the_key() {
    for (text, key, words) in [
        ("", "output", "empty"),
        ("type=image,,name=a", "output", "empty"),
        ("name=a", "type", "type=image"),
        ("type=imgae", "type", "image"),
        ("type=image,nmae=a", "nmae", "`name`"),
        ("type=image,compresion=gzip", "compresion", "`compression`"),
        ("type=image,unheard-of=1", "unheard-of", "known are type, name, push"),
        ("type=image,annotatoin.a=1", "annotatoin.a", "`annotation.KEY`"),
        ("type=image,annotation=1", "annotation", "annotation.KEY=VALUE"),
        ("type=image,annotation-index=1", "annotation-index", "annotation.KEY=VALUE"),
        ("type=image,annotation-manifest.a=1,annotation.a=2", "annotation.a", "twice"),
        ("type=image,annotation[linux/arm64].a=1,annotation[linux/arm64/v8].a=2", "annotation[linux/arm64].a", "twice"),
        ("type=image,annotation-indx.a=1", "annotation-indx.a", "`annotation-index.KEY`"),
        ("type=image,annotation-foo.a=1", "annotation-foo.a", "known are type"),
        ("type=image,annotation[linux/amd64.a=1", "annotation[linux/amd64.a", "bracket"),
        ("type=image,annotation[linux/amd64]a=1", "annotation[linux/amd64]a", "annotation[OS/ARCH].KEY=VALUE"),
        ("type=image,annotation[linux/foo/bar/baz].a=1", "annotation[linux/foo/bar/baz].a", "OS/ARCH"),
        ("type=image,annotation[foo].a=1", "annotation[foo].a", "OS/ARCH"),
        ("type=image,annotation.a b=1", "annotation.a b", "blank"),
        ("type=image,PUSH=bad", "push", "true or false"),
        ("type=image,name=a,NAME=b", "name", "twice"),
        ("type=image,annotation.A=1,Annotation.A=2", "annotation.A", "twice"),
        ("type=image,\"name=a,\"", "name", "no name"),
        ("type=image,\"name=a, b\"", "name", "not a reference"),
        ("type=image,compression=zip", "compression", "gzip"),
        ("type=image,compression=", "compression", "gzip"),
        ("type=image,compression-level=99", "compression-level", "0 to 9"),
        ("type=image,compression-level=-1", "compression-level", "0 to 9"),
        ("type=image,compression-level=", "compression-level", "0 to 9"),
        ("type=image,compression-level=nan", "compression-level", "0 to 9"),
        ("type=image,push=bad,name=a", "push", "true or false"),
        ("type=image,store=bad", "store", "true or false"),
        ("type=image,name=a,push=true,push=false", "push", "twice"),
        ("type=image,annotation.a=1,annotation.a=2", "annotation.a", "twice"),
        ("type=image,annotation.=1", "annotation.", "needs a key"),
        ("type=image,annotation.a", "annotation.a", "no value"),
        ("type=image,annotation-index.a", "annotation-index.a", "no value"),
        ("type=oci,output=foo", "output", "did you mean `dest`?"),
        ("type=image,dest=foo", "dest", "it is for type=oci"),
        ("type=oci,push=true", "push", "it is for type=image and type=registry"),
        ("type=local,dest=a,tar=true", "tar", "it is for type=oci and type=docker"),
        ("type=local,dest=a,compression=zstd", "compression", "not for type=local"),
        ("type=oci,dest=", "dest", "empty"),
        ("type=local", "dest", "dest=out"),
        ("type=local,dest=-", "dest", "dest=out"),
        ("type=docker,tar=false", "dest", "dest=out"),
        ("type=oci,dest=a,tar=x", "tar", "true or false"),
        ("type=oci,dest=a,tar=", "tar", "true or false"),
        ("type=moby,name=a", "type", "image or registry or oci"),
        ("type=image,danging-name-empty-only=true,dangling-name-empty-only=true", "dangling-name-empty-only", "twice"),
        ("type=image,dangling-name-prefix=a:b", "dangling-name-prefix", "without tag"),
        ("type=image,dangling-name-prefix=", "dangling-name-prefix", "no name"),
        ("type=image,compatibility-version=40", "compatibility-version", "10 or 20 or 30"),
        ("type=image,source-date-epoch=now", "source-date-epoch", "whole seconds"),
        ("type=image,push=true", "name", "name"),
        ("type=registry", "name", "name"),
        ("type=image,name=UPPER", "name", "lower case"),
        ("type=image,name=", "name", "no name"),
        ("type=image,\"name=a, b c\"", "name", "not a reference"),
        ("type=image,\"name=a", "output", "quote"),
    ] {
        let error = refused(text);
        assert_eq!(error.code, Code::InvalidOption(key.into()), "{text}");
        assert!(error.message.contains(words), "{text}: {}", error.message);
        assert_eq!(error.fault, Fault::Request, "{text}");
    }
    let digest = format!("type=registry,name=a@sha256:{}", "0".repeat(64));
    assert_eq!(refused(&digest).code, Code::InvalidOption("name".into()));
    assert!(parse(&digest.replace("registry", "image")).is_ok(), "a digest is only in the way of a push");
    let error = refused("type=image,compresion=gzip");
    assert_eq!(error.message, "unknown option `compresion`; did you mean `compression`?");
}

#[test]
fn short_forms_are_buildxs() {
    for (text, long) in [
        ("dir", "type=local,dest=dir"),
        ("./a=b", "type=local,dest=./a=b"),
        ("/srv/a b", "type=local,dest=/srv/a b"),
        ("-", "type=tar,dest=-"),
    ] {
        assert_eq!(parse(text), parse(long), "{text}");
    }
    assert_eq!(parse("type=image,name=a,push=true,dangling-name-prefix=b").unwrap().dangling_prefix, "b".parse().ok());
    assert!(parse("type=image,push=true,dangling-name-prefix=b").is_ok(), "the prefix is a name");
    assert_eq!(parse("type=oci,source-date-epoch=").unwrap().epoch, Epoch::None);
    assert_eq!(parse("type=oci,source-date-epoch=-5").unwrap().epoch, Epoch::At(-5));
}
