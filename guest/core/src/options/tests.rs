//! What an output may say, what it may not, and what people are told then.

use super::*;

fn refused(text: &str) -> Error {
    match parse(text) {
        Err(error) => error,
        Ok(output) => panic!("`{text}` was taken: {output:?}"),
    }
}

#[test]
fn the_table_is_sound() {
    let mut keys: Vec<&str> = table().iter().map(|row| row.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), table().len(), "a key stands twice");
    for row in table() {
        assert!(row.doc.ends_with('.'), "{}", row.key);
        assert!(!row.exporters.is_empty(), "{}", row.key);
        assert_eq!(matches!(row.kind, Kind::Choice | Kind::Number), !row.choices.is_empty(), "{}", row.key);
        if !row.default.is_empty() {
            assert!(read(row, row.key, Some(row.default.into())).is_ok(), "the default of {}", row.key);
        }
        for choice in row.choices.iter().filter(|_| row.kind == Kind::Choice) {
            assert!(read(row, row.key, Some((*choice).into())).is_ok(), "{}={choice}", row.key);
            assert!(!row.later().contains(choice), "{}={choice} is here and is for later", row.key);
        }
        if let (Kind::Number, [range]) = (row.kind, row.choices) {
            let (least, most) = range.split_once("..").unwrap();
            let (least, most): (u8, u8) = (least.parse().unwrap(), most.parse().unwrap());
            assert!(least <= most && read(row, row.key, Some(most.to_string())).is_ok(), "{}", row.key);
            assert!(read(row, row.key, Some((u32::from(most) + 1).to_string())).is_err(), "{}", row.key);
        }
    }
    assert!(table().iter().any(|row| row.key == ANNOTATION));
}

/// What the rows say of defaults and exporters is what holds.
#[test]
fn the_table_tells_the_truth() {
    let row = |key: &str| table().iter().find(|row| row.key == key).unwrap();
    for exporter in row("type").choices {
        assert_eq!(parse(&format!("type={exporter},name=a")).unwrap().exporter.as_str(), *exporter);
    }
    let plain = parse("type=image,name=a").unwrap();
    let defaults = table().iter().filter(|row| !row.default.is_empty());
    let defaults: String = defaults.map(|row| format!(",{}={}", row.key, row.default)).collect();
    assert_eq!(parse(&format!("type=image,name=a{defaults}")).unwrap(), plain);
    assert!(row("compression-level").doc.contains(&format!("{DEFAULT_GZIP_LEVEL} is used")));
    let foreign = Row { key: "x", kind: Kind::Text, choices: &[], default: "", exporters: &["registry"], doc: "" };
    assert!(refuse_foreign(&foreign, "", Exporter::Registry).is_ok());
    let error = refuse_foreign(&foreign, "", Exporter::Image).unwrap_err();
    assert_eq!(error.code, Code::InvalidOption("x".into()));
    assert!(error.message.contains("type=image") && error.message.contains("type=registry"), "{}", error.message);
}

#[test]
fn defaults_are_the_tables() {
    let output = parse("type=image").unwrap();
    assert_eq!((output.push, output.store, output.codec), (false, true, Codec::Gzip { level: DEFAULT_GZIP_LEVEL }));
    assert!(output.names.is_empty() && output.annotations.is_empty());
    assert!(parse("type=registry,name=a").unwrap().push);
    assert!(!parse("type=registry,name=a,push=false").unwrap().push);
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
    for level in 0..=9 {
        let output = parse(&format!("type=image,compression-level={level}")).unwrap();
        assert_eq!(output.codec, Codec::Gzip { level });
    }
    assert_eq!(parse("type=image,compression=uncompressed").unwrap().codec, Codec::Uncompressed);
    // Keys as buildx takes them; an annotation's own words keep their case, and may hold an equals sign behind the first.
    let output = parse("TYPE=image,Annotation.Foo=a=b,annotation.foo=c").unwrap();
    assert_eq!(output.annotations, BTreeMap::from([("Foo".into(), "a=b".into()), ("foo".into(), "c".into())]));
}

#[test]
fn names_are_one_quoted_field() {
    let names = |text: &str| -> Vec<String> { parse(text).unwrap().names.iter().map(ToString::to_string).collect() };
    assert_eq!(names(r#"type=image,"name=a,example.com/b:v1""#), ["docker.io/library/a", "example.com/b:v1"]);
    assert_eq!(names("type=image,name=a"), ["docker.io/library/a"]);
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
        ("type=oci,dest=x", "type", "this version"),
        ("type=image,nmae=a", "nmae", "`name`"),
        ("type=image,compresion=gzip", "compresion", "`compression`"),
        ("type=image,unheard-of=1", "unheard-of", "known are type, name, push"),
        ("type=image,annotatoin.a=1", "annotatoin.a", "`annotation.KEY`"),
        ("type=image,annotation=1", "annotation", "annotation.KEY=VALUE"),
        ("type=image,annotation-manifest.a=1", "annotation-manifest.a", "annotation.KEY"),
        ("type=image,PUSH=bad", "push", "true or false"),
        ("type=image,name=a,NAME=b", "name", "twice"),
        ("type=image,annotation.A=1,Annotation.A=2", "annotation.A", "twice"),
        ("type=image,\"name=a,\"", "name", "no name"),
        ("type=image,\"name=a, b\"", "name", "not a reference"),
        ("type=local,dest=x", "type", "not in this version"),
        ("type=image,compression=estargz", "compression", "not in this version"),
        ("type=image,compression=zstd", "compression", "this version"),
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
        ("type=image,annotation.=1", "annotation.", "KEY"),
        ("type=image,annotation.a", "annotation.a", "no value"),
        ("type=image,annotation[linux/amd64].a=1", "annotation[linux/amd64].a", "this version"),
        ("type=image,annotation-index.a=1", "annotation-index.a", "this version"),
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
    let error = refused("type=image,compression=uncompressed,compression-level=1");
    assert_eq!(error.code, Code::Conflict("compression".into(), "compression-level".into()));
    assert!(error.message.contains("compression=uncompressed conflicts with compression-level"), "{}", error.message);
    assert_eq!(error.fault, Fault::Request);
    let digest = format!("type=registry,name=a@sha256:{}", "0".repeat(64));
    assert_eq!(refused(&digest).code, Code::InvalidOption("name".into()));
    assert!(parse(&digest.replace("registry", "image")).is_ok(), "a digest is only in the way of a push");
    let error = refused("type=image,compresion=gzip");
    assert_eq!(error.message, "unknown option `compresion`; did you mean `compression`?");
}

/// Any order of fields is the same output, and any text goes through quotes unharmed.
#[test]
fn order_and_quotes_do_not_matter() {
    let mut state = 1_u64;
    let mut random = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % most
    };
    let letters: Vec<char> = "ab=\",\n \\é<&'".chars().collect();
    for _ in 0..500 {
        let value: String = (0..random(12)).map(|_| letters[random(letters.len())]).collect();
        let quoted = format!("\"annotation.Key={}\"", value.replace('"', "\"\""));
        let mut fields = ["type=image", "name=a", "push=false", "compression-level=3", quoted.as_str()];
        for at in (1..fields.len()).rev() {
            fields.swap(at, random(at + 1));
        }
        let output = parse(&fields.join(",")).unwrap_or_else(|error| panic!("{fields:?}: {error}"));
        fields.sort_unstable();
        assert_eq!(parse(&fields.join(",")).unwrap(), output, "{fields:?}");
        assert_eq!(output.annotations.get("Key"), Some(&value));
        assert_eq!(output.codec, Codec::Gzip { level: 3 });
    }
}
