//! Requests: what `-t`, `--annotation`, `--push` and `--load` make of outputs.

use super::*;
use crate::error::Code;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn request(outputs: &[&str], tags: &[&str], annotations: &[&str]) -> Request {
    Request { outputs: texts(outputs), tags: texts(tags), annotations: texts(annotations), push: false, load: false }
}

fn printed(request: &Request) -> Vec<String> {
    let outputs = outputs(request).unwrap_or_else(|error| panic!("{request:?}: {error}"));
    outputs.iter().map(Output::to_string).collect()
}

fn refused(request: &Request) -> (Code, String) {
    let error = outputs(request).expect_err(&format!("{request:?}"));
    (error.code, error.message)
}

#[test]
fn tags_take_the_place_of_names() {
    let all = ["type=image,name=x", "type=registry", "type=oci,dest=a", "type=docker,name=y", "type=tar,dest=b", "dir"];
    let tagged = [
        "type=image,\"name=a,b:v1\"",
        "type=registry,\"name=a,b:v1\"",
        "type=oci,\"name=a,b:v1\",dest=a",
        "type=docker,\"name=a,b:v1\"",
        "type=tar,dest=b",
        "type=local,dest=dir",
    ];
    assert_eq!(printed(&request(&all, &["a", "b:v1"], &[])), tagged);
    assert_eq!(printed(&request(&["type=image,push=true"], &["a"], &[])), ["type=image,name=a,push=true"]);
    let (code, message) = refused(&request(&["type=image"], &["A B"], &[]));
    assert_eq!(code, Code::InvalidOption("--tag".into()));
    assert!(message.starts_with("--tag: `A B` is not a reference"), "{message}");
    let digest = refused(&request(&["type=image,name=a,push-by-digest=true,push=true"], &["a:t"], &[]));
    assert_eq!(digest.0, Code::Conflict("push-by-digest".into(), "name".into()));
}

#[test]
fn annotations_go_to_every_image() {
    let all = ["type=image,annotation.k=own,annotation.o=own", "type=oci,dest=a", "dir"];
    assert_eq!(
        printed(&request(&all, &[], &["K=1", "k=v=w", "index,manifest-descriptor[linux/arm64]:a:b=c"])),
        [
            "type=image,annotation.K=1,annotation.k=v=w,annotation.o=own,annotation-manifest-descriptor[linux/arm64].a:b=c,annotation-index.a:b=c",
            "type=oci,annotation.K=1,annotation.k=v=w,annotation-manifest-descriptor[linux/arm64].a:b=c,annotation-index.a:b=c,dest=a",
            "type=local,dest=dir",
        ]
    );
    for (text, words) in [
        ("kv", "no `=`"),
        ("foo:k=v", "not a level"),
        ("indx:k=v", "did you mean `index`?"),
        ("manifest[linux/amd64:k=v", "bracket"),
        ("manifest[foo]:k=v", "OS/ARCH"),
        ("manifest,:k=v", "not a level"),
        ("=v", "key"),
        ("index:=v", "key"),
        ("a b=v", "blank"),
    ] {
        let (code, message) = refused(&request(&["type=oci"], &[], &[text]));
        assert_eq!(code, Code::InvalidOption("--annotation".into()), "{text}");
        assert!(message.contains("--annotation") && message.contains(words), "{text}: {message}");
    }
    let (code, message) = refused(&request(&["type=oci"], &[], &["k=1", "manifest:k=2"]));
    assert_eq!(code, Code::InvalidOption("--annotation".into()));
    assert!(message.contains("`annotation.k` twice"), "{message}");
    let types = refused(&request(&["type=oci,oci-mediatypes=false"], &[], &["index:k=v"]));
    assert_eq!(types.0, Code::Conflict("annotation-index.<key>".into(), "oci-mediatypes".into()));
}

#[test]
fn push_and_load_find_or_make_their_output() {
    let of = |outputs: &[&str], push, load| Request { push, load, ..request(outputs, &["a"], &[]) };
    for (request, expected) in [
        (of(&[], true, false), &["type=image,name=a,push=true"][..]),
        (
            of(&["type=image", "type=registry,push=false"], true, false),
            &["type=image,name=a,push=true", "type=registry,name=a"],
        ),
        (of(&["type=oci,dest=x"], true, false), &["type=oci,name=a,dest=x", "type=image,name=a,push=true"]),
        (of(&[], false, true), &["type=docker,name=a"]),
        // One to standard output, and one to an engine.
        (of(&["type=docker"], false, true), &["type=docker,name=a", "type=docker,name=a"]),
        (of(&["type=docker,dest=x"], false, true), &["type=docker,name=a,dest=x", "type=docker,name=a"]),
        (of(&[], true, true), &["type=image,name=a,push=true", "type=docker,name=a"]),
    ] {
        assert_eq!(printed(&request), expected, "{request:?}");
    }
    let nameless = Request { push: true, ..Request::default() };
    assert_eq!(refused(&nameless).0, Code::InvalidOption("name".into()));
    assert_eq!(refused(&Request::default()).0, Code::InvalidOption("type".into()));
}

#[test]
fn a_place_is_one_outputs() {
    for (outputs, where_to) in [
        (["type=oci", "type=docker"], "standard output"),
        (["-", "type=oci,dest=-"], "standard output"),
        (["type=oci,dest=out/a", "type=tar,dest=./out//a"], "out//a"),
        (["dir", "type=oci,tar=false,dest=dir/"], "dir/"),
    ] {
        let (code, message) = refused(&request(&outputs, &[], &[]));
        assert_eq!(code, Code::InvalidOption("dest".into()), "{outputs:?}");
        assert!(message.contains(where_to), "{message}");
    }
    assert_eq!(
        printed(&request(&["type=oci,dest=/a", "type=oci,dest=a", "type=image", "type=image"], &[], &[])).len(),
        4
    );
    let load = Request { load: true, ..request(&["type=tar"], &[], &[]) };
    let loaded: Vec<bool> = outputs(&load).unwrap().iter().map(Output::is_loaded).collect();
    assert_eq!(loaded, [false, true]);
}
