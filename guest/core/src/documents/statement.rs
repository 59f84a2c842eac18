//! In-toto statements (in-toto attestation framework, statement v1): a predicate about images, which are its subjects.
//!
//! A subject is a package URL of the type `docker` and the digest of the image's manifest. An image without a name is no subject: a
//! statement about it has an empty list, as BuildKit writes it. Statements that pass through keep every byte but the digests of subjects.

use super::attestation::PREDICATE_TYPE;
use super::docker_archive::familiar_name;
use super::json::Value;
use super::read::{self, Object};
use super::within;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::media_type;
use crate::platform::Platform;
use crate::reference::Reference;

/// The largest statement, in bytes: BuildKit's own limit.
pub const MAX_STATEMENT: usize = 40 << 20;

/// A statement, ready to become a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it states, for example `https://slsa.dev/provenance/v1`.
    pub predicate_type: String,
    /// The document: compact when it was written here.
    pub bytes: Vec<u8>,
}

/// What a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Mostly a package URL.
    pub name: String,
    /// Of the image's manifest.
    pub digest: Digest,
}

impl Statement {
    /// A new one. `predicate` is a JSON object, which is written as it is but for white space and the escapes of `<`, `>` and `&`.
    ///
    /// # Errors
    /// `malformed` for a predicate that is not one JSON object, `limit-exceeded` over [`MAX_STATEMENT`] bytes.
    pub fn new(predicate_type: &str, predicate: &[u8], subjects: &[Subject]) -> Result<Self> {
        read::document_within(predicate, "predicate", MAX_STATEMENT)?;
        let predicate = std::str::from_utf8(predicate).map_err(|_| Error::malformed("predicate", "it is not UTF-8"))?;
        Self::write(predicate_type, predicate, subjects)
    }

    /// From a whole statement, of any version: its type and predicate, about these subjects instead of its own.
    ///
    /// # Errors
    /// As [`Statement::new`]; `malformed` for what is not a statement.
    pub fn about(statement: &[u8], subjects: &[Subject]) -> Result<Self> {
        let object = parse(statement)?;
        let predicate_type = predicate_type(&object)?;
        object.need("predicate", object.object("predicate")?)?;
        let predicate = object.raw("predicate").map(|raw| raw.get()).unwrap_or_default();
        Self::write(&predicate_type, predicate, subjects)
    }

    /// A source's, whose image has another manifest now: where a subject's digest is the `old` one it becomes the `new` one, and no
    /// other byte changes.
    ///
    /// # Errors
    /// `malformed` for what is not a statement, `limit-exceeded` over [`MAX_STATEMENT`] bytes.
    pub fn passed_on(statement: &[u8], old: &Digest, new: &Digest) -> Result<Self> {
        let object = parse(statement)?;
        let predicate_type = predicate_type(&object)?;
        let (algorithm, _) = old.as_str().split_once(':').unwrap_or_default();
        let mut bytes = Vec::with_capacity(statement.len());
        let mut rest = statement;
        for (subject, _) in object.objects("subject", "subject")?.unwrap_or_default() {
            let Some(digests) = subject.object("digest")? else { continue };
            if old.algorithm() != new.algorithm() || digests.text(algorithm)?.as_deref() != Some(old.hex()) {
                continue;
            }
            let Some(literal) = digests.raw(algorithm).map(|raw| raw.get()) else { continue };
            // The literal is a part of the document, so its address tells where.
            let at = literal.as_ptr().addr().saturating_sub(rest.as_ptr().addr());
            let Some((before, found)) = rest.split_at_checked(at) else { continue };
            bytes.extend_from_slice(before);
            bytes.extend_from_slice(format!("\"{}\"", new.hex()).as_bytes());
            rest = found.get(literal.len()..).unwrap_or_default();
        }
        bytes.extend_from_slice(rest);
        Ok(Self { predicate_type, bytes })
    }

    /// As the layer of an attestation's manifest.
    pub fn descriptor(&self) -> Descriptor {
        let mut descriptor = Descriptor::of(media_type::STATEMENT, &self.bytes);
        descriptor.annotations.insert(PREDICATE_TYPE.into(), self.predicate_type.clone());
        descriptor
    }

    fn write(predicate_type: &str, predicate: &str, subjects: &[Subject]) -> Result<Self> {
        let members = vec![
            ("_type", TYPE.into()),
            ("predicateType", predicate_type.into()),
            ("subject", Value::Array(subjects.iter().map(Subject::value).collect())),
            ("predicate", Value::Raw(predicate)),
        ];
        let bytes = within(Value::Object(members).compact(), MAX_STATEMENT, "statement")?;
        Ok(Self { predicate_type: predicate_type.to_owned(), bytes })
    }
}

impl Subject {
    fn value(&self) -> Value<'_> {
        let (algorithm, hex) = self.digest.as_str().split_once(':').unwrap_or_default();
        let digest = Value::Object(vec![(algorithm, hex.into())]);
        Value::Object(vec![("name", self.name.as_str().into()), ("digest", digest)])
    }
}

/// One subject a name: the image with this manifest's digest, as a package URL that says the platform. Names without a tag have the tag
/// `latest`, unless they have a digest.
pub fn subjects(names: &[Reference], platform: &Platform, digest: &Digest) -> Vec<Subject> {
    let subject = |name: &Reference| Subject { name: package_url(name, platform), digest: digest.clone() };
    names.iter().map(subject).collect()
}

/// That a statement is too large: `what` has so many bytes.
pub(super) fn too_large(what: &str, bytes: u64) -> Error {
    let message = format!("the statement {what} has {bytes} bytes, and at most {MAX_STATEMENT} are taken");
    Error::limit("statement size", message)
}

fn parse(statement: &[u8]) -> Result<Object<'_>> {
    read::document_within(statement, "statement", MAX_STATEMENT)?.known(&[
        "_type",
        "predicateType",
        "subject",
        "predicate",
    ])
}

fn predicate_type(object: &Object<'_>) -> Result<String> {
    let kind = object.need("_type", object.text("_type")?)?;
    if !kind.starts_with("https://in-toto.io/Statement/") {
        return Err(object.malformed(format!("is of the type `{}`", crate::text::shown(&kind))));
    }
    object.need("predicateType", object.text("predicateType")?.filter(|kind| !kind.is_empty()))
}

/// `pkg:docker/NAMESPACE/NAME@TAG?digest=DIGEST&platform=PLATFORM`, escaped as Go's package for such URLs does it.
fn package_url(name: &Reference, platform: &Platform) -> String {
    let name = name.clone().with_default_tag();
    let path = familiar_name(&name);
    let path: Vec<String> = path.split('/').map(|part| escaped(part, "")).collect();
    let tag = name.tag().map(|tag| format!("@{}", escaped(tag, ""))).unwrap_or_default();
    let digest = name.digest().map(|digest| format!("digest={digest}&")).unwrap_or_default();
    format!("pkg:docker/{}{tag}?{digest}platform={}", path.join("/"), escaped(&platform.to_string(), ":"))
}

/// Everything but letters, digits, `-`, `_`, `.`, `~` and what is `plain` as `%` and its number.
fn escaped(text: &str, plain: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || plain.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

const TYPE: &str = "https://in-toto.io/Statement/v1";

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(content: &str) -> Digest {
        Digest::of(content.as_bytes())
    }

    #[test]
    fn a_name_is_a_package_url() {
        let sum = digest("1");
        for (name, platform, url) in [
            ("foo", "linux/amd64", "pkg:docker/foo@latest?platform=linux%2Famd64"),
            ("team/foo:v1", "linux/arm/v7", "pkg:docker/team/foo@v1?platform=linux%2Farm%2Fv7"),
            ("[::1]:5000/a/b:t", "linux/amd64", "pkg:docker/%5B%3A%3A1%5D%3A5000/a/b@t?platform=linux%2Famd64"),
            ("docker.io/library/a:1", "windows(10.0)/amd64", "pkg:docker/a@1?platform=windows%2810.0%29%2Famd64"),
            (&format!("foo@{sum}"), "linux/amd64", &format!("pkg:docker/foo?digest={sum}&platform=linux%2Famd64")),
        ] {
            let (name, platform) = (name.parse().unwrap(), platform.parse().unwrap());
            assert_eq!(subjects(&[name], &platform, &sum)[0].name, url);
        }
    }

    #[test]
    fn a_predicate_is_compacted_and_escaped_only() {
        let subjects = [Subject { name: "a<b".into(), digest: digest("1") }];
        let written = Statement::new("https://example.com/p", b" { \"b\" : [1.0, \"<\"],\n\"a\": null }", &subjects);
        let expected = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://example.com/p","subject":[{{"name":"a\u003cb","digest":{{"sha256":"{}"}}}}],"predicate":{{"b":[1.0,"\u003c"],"a":null}}}}"#,
            digest("1").hex()
        );
        let written = written.unwrap();
        assert_eq!(String::from_utf8_lossy(&written.bytes), expected);
        assert_eq!(Statement::about(&written.bytes, &subjects), Ok(written.clone()));
        let none = Statement::about(&written.bytes, &[]).unwrap();
        assert!(String::from_utf8_lossy(&none.bytes).contains(r#""subject":[],"predicate":{"b""#));
        assert_eq!(none.descriptor().annotations[PREDICATE_TYPE], "https://example.com/p");
    }

    #[test]
    fn only_the_digests_of_subjects_change() {
        let (old, new, other) = (digest("old"), digest("new"), digest("other"));
        let source = |own: &str| {
            format!(
                concat!(
                    " {{ \"_type\":\"https://in-toto.io/Statement/v0.1\", \"predicateType\":\"p\", \"\\u0078\": [1.50],\n",
                    "\"subject\":[ {{\"name\":\"a\", \"digest\":{{ \"sha512\":\"{old}\",\"sha256\": \"{own}\" }} }}, {{\"name\":\"{old}\"}},",
                    "{{\"digest\":{{\"sha256\":\"{other}\"}}}}, {{\"digest\":{{\"sha256\":\"{own}\"}}}}],",
                    "\"predicate\":{{\"digest\":{{\"sha256\":\"{old}\"}}}}}}\n"
                ),
                old = old.hex(),
                own = own,
                other = other.hex()
            )
        };
        let passed = Statement::passed_on(source(old.hex()).as_bytes(), &old, &new).unwrap();
        assert_eq!(String::from_utf8_lossy(&passed.bytes), source(new.hex()));
        assert_eq!(passed.predicate_type, "p");
        // A digest that is written in escapes is the same digest.
        let first = old.hex().chars().next().unwrap();
        let escaped = source(&format!("\\u00{:02x}{}", u32::from(first), &old.hex()[1..]));
        let passed = Statement::passed_on(escaped.as_bytes(), &old, &new).unwrap();
        assert_eq!(String::from_utf8_lossy(&passed.bytes), source(new.hex()));
    }

    #[test]
    fn what_is_not_a_statement_is_refused() {
        let most = r#""_type":"https://in-toto.io/Statement/v1","predicateType":"p""#;
        let about = |members: &str| Statement::about(format!("{{{members}}}").as_bytes(), &[]);
        assert!(about(&format!(r#"{most},"predicate":{{}}"#)).is_ok());
        for members in [
            most.to_owned(),
            format!(r#"{most},"predicate":[]"#),
            format!(r#"{most},"predicate":{{}},"Subject":[]"#),
            r#""_type":"https://in-toto.io/Statement/v1","predicate":{}"#.into(),
            r#""_type":"other","predicateType":"p","predicate":{}"#.into(),
        ] {
            assert!(about(&members).is_err(), "{members}");
        }
        for predicate in ["", "[]", "{}x", r#"{"a":1,"a":2}"#] {
            assert!(Statement::new("p", predicate.as_bytes(), &[]).is_err(), "{predicate}");
        }
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_STATEMENT));
        assert!(Statement::new("p", large.as_bytes(), &[]).is_err());
    }
}
