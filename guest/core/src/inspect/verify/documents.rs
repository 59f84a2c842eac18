//! What is wrong with a document by itself: its JSON, what it is, the descriptors in it. Nothing that it lists is read here.

use super::codes;
use super::finding::Findings;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::documents::config::{self, Config};
use crate::documents::descriptor::{self, Listed};
use crate::documents::flaw::{self, Flaw};
use crate::documents::manifest;
use crate::documents::read::{self, Object};
use crate::documents::time::Time;
use crate::media_type;
use crate::text::shown;

/// What a document lists.
#[derive(Default)]
pub struct Read {
    /// Of a manifest.
    pub config: Option<Descriptor>,
    /// Of a manifest, when it has a list of them; those that cannot be read are `None`.
    pub layers: Option<Vec<Option<Descriptor>>>,
    /// Of an index.
    pub manifests: Vec<Descriptor>,
    /// Whether it is a manifest.
    pub is_manifest: bool,
}

/// What a config says.
pub struct Said {
    pub config: Config,
    pub created: Option<Time>,
}

/// A manifest or index, as far as it can be read.
pub fn document(bytes: &[u8], said: &Descriptor, findings: &mut Findings) -> Read {
    let scope = said.digest.as_str();
    let Some(object) = object(bytes, "document", findings, scope) else { return Read::default() };
    variant(&object, &manifest::KNOWN, None, findings, scope);
    let is_index = object.has("manifests");
    if is_index && ["layers", "config", "fsLayers"].iter().any(|name| object.has(name))
        || object.has("fsLayers") && object.has("layers")
    {
        let message = "it has members of an index and of a manifest: build it again";
        findings.add(codes::DOCUMENT_AMBIGUOUS, scope, None, message);
    }
    match object.size("schemaVersion") {
        Ok(Some(2)) => {}
        Err(_) => number(scope, "schemaVersion", findings),
        Ok(_) => findings.add(codes::SCHEMA_VERSION, scope, None, "the schema version is not 2: build it again"),
    }
    match object.text("mediaType") {
        Ok(Some(own)) if !own.is_empty() && own != said.media_type => {
            let (own, other) = (shown(&own), shown(&said.media_type));
            let message =
                format!("it says that it is a `{own}`, its descriptor says `{other}`: make them say the same");
            findings.add(codes::MEDIA_TYPE, scope, None, message);
        }
        Ok(_) if is_index != media_type::is_index(&said.media_type) => {
            let message =
                format!("its descriptor says `{}`, which it is not: correct one of them", shown(&said.media_type));
            findings.add(codes::MEDIA_TYPE, scope, None, message);
        }
        Ok(_) => {}
        Err(error) => {
            let code = if is_index { codes::INDEX_MALFORMED } else { codes::MANIFEST_MALFORMED };
            findings.add(code, scope, None, format!("{error}: build it again"));
        }
    }
    if is_index { index(&object, findings, scope) } else { image(&object, findings, scope) }
}

/// An image's config, as far as it can be read.
pub fn config(bytes: &[u8], scope: &str, findings: &mut Findings) -> Option<Said> {
    let object = object(bytes, "config", findings, scope)?;
    let inner = [("rootfs", &["type", "diff_ids"][..])];
    let mut varies = variant(&object, &config::KNOWN, None, findings, scope);
    for (name, known) in inner {
        if let Ok(Some(object)) = object.object(name) {
            varies |= variant(&object, known, Some(name), findings, scope);
        }
    }
    match Config::parse(bytes) {
        Ok(config) => {
            let created = object.text("created").ok().flatten().and_then(|text| Time::parse(&text));
            Some(Said { config, created })
        }
        Err(error) if !varies => {
            findings.add(codes::CONFIG_MALFORMED, scope, None, format!("{error}: build the image again"));
            None
        }
        Err(_) => None,
    }
}

fn index(object: &Object<'_>, findings: &mut Findings, scope: &str) -> Read {
    match object.objects("manifests", "entry") {
        Ok(entries) => {
            let mut manifests = Vec::new();
            for (at, (entry, _)) in entries.unwrap_or_default().into_iter().enumerate() {
                manifests.extend(listed(entry, &format!("manifests {at}"), findings, scope));
            }
            Read { manifests, ..Read::default() }
        }
        Err(error) => {
            findings.add(codes::INDEX_MALFORMED, scope, None, format!("{error}: build it again"));
            Read::default()
        }
    }
}

fn image(object: &Object<'_>, findings: &mut Findings, scope: &str) -> Read {
    let mut wrong = |message: String| {
        findings.add(codes::MANIFEST_MALFORMED, scope, None, format!("{message}: build it again"));
    };
    let layers = match object.objects("layers", "layer") {
        Ok(layers) if object.has("layers") => Some(layers),
        Ok(_) => {
            wrong("it has no `layers`".into());
            None
        }
        Err(error) => {
            wrong(error.to_string());
            None
        }
    };
    let config = object.object("config").unwrap_or_else(|error| {
        wrong(error.to_string());
        None
    });
    if config.is_none() && !object.has("config") {
        wrong("it has no `config`".into());
    }
    let config = config.and_then(|config| listed(config, "config", findings, scope));
    let layers = layers.map(|layers| {
        let layers = layers.unwrap_or_default().into_iter().enumerate();
        layers.map(|(at, (layer, _))| listed(layer, &format!("layers {at}"), findings, scope)).collect()
    });
    if let Ok(Some(subject)) = object.object("subject") {
        listed(subject, "subject", findings, scope);
    }
    Read { config, layers, manifests: Vec::new(), is_manifest: true }
}

/// A descriptor in a document.
fn listed(object: Object<'_>, part: &str, findings: &mut Findings, scope: &str) -> Option<Descriptor> {
    if variant(&object, &descriptor::KNOWN, Some(part), findings, scope) {
        return None;
    }
    if object.size("size").is_err() {
        number(scope, &format!("{part} size"), findings);
        return None;
    }
    let digest = object.text("digest").ok().flatten();
    let descriptor = match Listed::read(object).and_then(Listed::into_descriptor) {
        Ok(descriptor) => descriptor,
        Err(error) => {
            let unknown = matches!(error.code, crate::error::Code::Unsupported(_));
            let wrong = digest.is_some_and(|digest| digest.parse::<Digest>().is_err());
            let code = match (unknown, wrong) {
                (true, _) => codes::DIGEST_ALGORITHM,
                (false, true) => codes::DIGEST_MALFORMED,
                (false, false) => codes::DESCRIPTOR_MALFORMED,
            };
            findings.add(code, scope, Some(part), format!("{error}: build the document again"));
            return None;
        }
    };
    if let Some(data) = &descriptor.data {
        let is = Digest::by(descriptor.digest.algorithm(), data);
        if data.len() as u64 != descriptor.size || is != descriptor.digest {
            let message = format!("the `data` of its descriptor has the digest {is}: leave it out");
            findings.add(codes::DATA_MISMATCH, scope, Some(part), message);
        }
    }
    Some(descriptor)
}

/// The document's object, when its JSON means the same to every reader.
fn object<'b>(bytes: &'b [u8], format: &'static str, findings: &mut Findings, scope: &str) -> Option<Object<'b>> {
    if let Some(flaw) = flaw::flaw(bytes) {
        let code = match flaw {
            Flaw::ByteOrderMark => codes::JSON_BOM,
            Flaw::Depth => codes::LIMIT_DOCUMENT,
            Flaw::Encoding(_) => codes::JSON_UTF8,
            Flaw::Name | Flaw::Syntax(_) => codes::JSON_SYNTAX,
            Flaw::Trailing(_) => codes::JSON_TRAILING,
            Flaw::Twice(_) => codes::JSON_TWICE,
        };
        findings.add(code, scope, None, format!("{}: build it again", flaw.told(format)));
        return None;
    }
    match read::document(bytes, format) {
        Ok(object) => Some(object),
        Err(error) => {
            let limit = matches!(error.code, crate::error::Code::LimitExceeded(_));
            let code = if limit { codes::LIMIT_DOCUMENT } else { codes::JSON_SYNTAX };
            findings.add(code, scope, None, format!("{error}: build it again"));
            None
        }
    }
}

/// Whether it has a known name in other letters.
fn variant(object: &Object<'_>, known: &[&str], part: Option<&str>, findings: &mut Findings, scope: &str) -> bool {
    let Some((name, known)) = object.variant(known) else { return false };
    let message = format!("`{}` is `{known}` to some readers: build the document again", shown(name));
    findings.add(codes::JSON_CASE, scope, part, message);
    true
}

fn number(scope: &str, part: &str, findings: &mut Findings) {
    let message = "it is not a plain whole number from 0 to 2^63-1: build the document again";
    findings.add(codes::JSON_NUMBER, scope, Some(part), message);
}
