//! Indexes (OCI image-index.md): the `index.json` of a layout, where each name is an entry, and the index of an image for several platforms.
//!
//! Rewriting keeps every entry and member that is not ours as it was read, known or not; only white space and the escapes of `<`, `>` and
//! `&` change. A name is one entry: put again, its old entry goes and the new one comes last, as in BuildKit's layouts.

use std::collections::BTreeMap;

use super::attestation;
use super::descriptor::{self, Listed};
use super::json::Value;
use super::manifest::{KNOWN, kind, only};
use super::read::{self, MAX_READ};
use super::{MAX_WRITTEN, within};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::media_type::{self, Family};
use crate::text::shown;

pub use super::select::{images, select};

/// The file `oci-layout` (image-layout.md), as BuildKit writes it.
pub const LAYOUT_FILE: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// An index.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    /// Name and JSON text of the members that are written behind `manifests`.
    others: Vec<(String, String)>,
    /// Read from among those.
    annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// The whole reference, when it has one.
    name: Option<String>,
    /// Whether it has neither name nor tag.
    nameless: bool,
    /// `None` for a digest of an algorithm that ocix does not know.
    listed: Option<Descriptor>,
    /// JSON text.
    raw: String,
}

/// A name in a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The whole reference in normal form: `io.containerd.image.name`.
    pub full: String,
    /// Its tag, if it has one: `org.opencontainers.image.ref.name`.
    pub tag: Option<String>,
}

impl Index {
    /// From its document, OCI's or Docker's. `media_type` is what the descriptor says that led to it; `index.json` has none.
    ///
    /// # Errors
    /// `malformed` for what is not an index, says that it is something else, or could be read as a manifest too.
    pub fn parse(bytes: &[u8], media_type: Option<&str>) -> Result<Self> {
        let object = read::document(bytes, "index")?.known(&KNOWN)?;
        only(&object, &["layers", "config", "fsLayers"])?;
        if let Some(other) = kind(&object, media_type)?.filter(|kind| !media_type::is_index(kind)) {
            return Err(object.malformed(format!("is a `{}`, not an index", shown(&other))));
        }
        if !object.has("manifests") {
            return Err(object.malformed("has no `manifests`"));
        }
        let annotations = object.map("annotations")?;
        object.object("subject")?.map(Listed::read).transpose()?;
        let entries = object.objects("manifests", "entry")?.unwrap_or_default().into_iter();
        let written = ["schemaVersion", "mediaType", "manifests"];
        let others = object.members().filter(|(name, _)| !written.contains(name));
        Ok(Self {
            entries: entries
                .map(|(entry, raw)| Listed::read(entry).map(|listed| Entry::read(listed, raw.get())))
                .collect::<Result<_>>()?,
            others: others.map(|(name, raw)| (name.to_owned(), raw.get().to_owned())).collect(),
            annotations,
        })
    }

    /// What it lists, in order, but artifacts and digests of unknown algorithms.
    pub fn manifests(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries.iter().filter_map(Entry::image)
    }

    /// The manifests of attestations, in order, and the images that they say they are about: artifacts too.
    pub fn attestations(&self) -> impl Iterator<Item = (Digest, &Descriptor)> {
        let listed = self.entries.iter().filter_map(|entry| entry.listed.as_ref());
        listed.filter_map(|listed| attestation::image_of(listed).map(|image| (image, listed)))
    }

    /// Everything that it lists, in order, artifacts too, each with its JSON text.
    ///
    /// # Errors
    /// `unsupported` for a digest of an algorithm that ocix does not know.
    pub fn entries(&self) -> Result<Vec<(Descriptor, &str)>> {
        let entries = self.entries.iter();
        entries.map(|entry| Ok((entry.listed.clone().ok_or_else(unknown_algorithm)?, entry.raw.as_str()))).collect()
    }

    /// Of the index itself.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// The image of this name, which is a whole reference.
    pub fn named(&self, name: &str) -> Option<&Descriptor> {
        self.entries.iter().rev().find(|entry| entry.name.as_deref() == Some(name))?.image()
    }

    /// Points a name at an image: the entry of this name goes, wherever it pointed, and a new one comes last. Without a name the image gets an
    /// entry, unless it has one without a name already; when it says a tag alone ([`tagged`]), in the place of the entry of this tag alone.
    pub fn put(&mut self, name: Option<&Name>, mut image: Descriptor) {
        match name {
            Some(Name { full, tag }) => {
                self.entries.retain(|entry| entry.name.as_ref() != Some(full));
                image.annotations.insert(NAME.into(), full.clone());
                image.annotations.extend(tag.iter().map(|tag| (TAG.into(), tag.clone())));
            }
            None => match tag_of(&image) {
                Some(tag) => self.entries.retain(|entry| entry.name.is_some() || entry.tag() != Some(tag)),
                None if self.entries.iter().any(|entry| entry.nameless && entry.is(&image)) => return,
                None => {}
            },
        }
        let raw = descriptor::value(&image).compact();
        self.entries.push(Entry {
            name: name.map(|name| name.full.clone()),
            nameless: name.is_none() && tag_of(&image).is_none(),
            raw,
            listed: Some(image),
        });
    }

    /// Lists a manifest last, unless it is listed already. Whether it was not.
    pub fn add(&mut self, manifest: Descriptor) -> bool {
        let known = |entry: &Entry| entry.listed.as_ref().is_some_and(|listed| listed.digest == manifest.digest);
        let new = !self.entries.iter().any(known);
        if new {
            let raw = descriptor::value(&manifest).compact();
            self.entries.push(Entry { name: None, nameless: true, listed: Some(manifest), raw });
        }
        new
    }

    /// The document: compact, as BuildKit writes a layout's.
    ///
    /// # Errors
    /// `limit-exceeded` over [`MAX_READ`] bytes: nobody could read it again.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut members = vec![
            ("schemaVersion", Value::Number(2)),
            ("mediaType", media_type::INDEX.into()),
            ("manifests", Value::Array(self.entries.iter().map(|entry| Value::Raw(&entry.raw)).collect())),
        ];
        members.extend(self.others.iter().map(|(name, raw)| (name.as_str(), Value::Raw(raw))));
        within(Value::Object(members).compact(), MAX_READ, "index")
    }
}

impl Entry {
    fn read(listed: Listed, raw: &str) -> Self {
        let name = listed.annotations().get(NAME).cloned();
        let nameless = name.is_none() && !listed.annotations().contains_key(TAG);
        Self { name, nameless, listed: listed.into_descriptor().ok(), raw: raw.to_owned() }
    }

    fn image(&self) -> Option<&Descriptor> {
        self.listed.as_ref().filter(|listed| listed.artifact_type.is_none())
    }

    fn tag(&self) -> Option<&str> {
        tag_of(self.listed.as_ref()?)
    }

    fn is(&self, image: &Descriptor) -> bool {
        self.image().is_some_and(|own| own.digest == image.digest)
    }
}

/// The index of an image for several platforms or with attestations, in these media types: indented, the entries as given;
/// `annotations` only when there are some.
///
/// # Errors
/// `limit-exceeded` over [`MAX_WRITTEN`] bytes.
pub fn image_index(family: Family, entries: &[Descriptor], annotations: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    of_entries(family, entries.iter().map(descriptor::value).collect(), annotations)
}

/// The same of entries some of which come from other indexes: with their JSON text, which is kept.
///
/// # Errors
/// As [`image_index`].
pub fn combined(
    family: Family,
    entries: &[(Descriptor, Option<String>)],
    annotations: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let entries = entries.iter().map(|(entry, raw)| match raw {
        Some(raw) => Value::Raw(raw),
        None => descriptor::value(entry),
    });
    of_entries(family, entries.collect(), annotations)
}

fn of_entries(family: Family, entries: Vec<Value<'_>>, annotations: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut members = vec![
        ("schemaVersion", Value::Number(2)),
        ("mediaType", family.index().into()),
        ("manifests", Value::Array(entries)),
    ];
    if !annotations.is_empty() {
        members.push(("annotations", Value::texts(annotations)));
    }
    within(Value::Object(members).indented(), MAX_WRITTEN, "index")
}

/// The whole reference that a layout lists an image under.
pub fn name_of(listed: &Descriptor) -> Option<&str> {
    listed.annotations.get(NAME).map(String::as_str)
}

/// The tag that a layout lists an image under (OCI image-layout.md).
pub fn tag_of(listed: &Descriptor) -> Option<&str> {
    listed.annotations.get(TAG).map(String::as_str)
}

/// An image as a layout lists it under a tag alone, or under no name at all.
pub fn tagged(mut image: Descriptor, tag: Option<&str>) -> Descriptor {
    image.annotations.retain(|key, _| key != NAME && key != TAG);
    image.annotations.extend(tag.map(|tag| (TAG.to_owned(), tag.to_owned())));
    image
}

fn unknown_algorithm() -> Error {
    let message = "an index lists something under a digest whose algorithm is neither sha256 nor sha512";
    Error::unsupported("digest algorithm", message)
}

const NAME: &str = "io.containerd.image.name";
const TAG: &str = "org.opencontainers.image.ref.name";

#[cfg(test)]
mod tests {
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
            index.put(full.map(name).as_ref(), image.clone());
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
        index.put(Some(&name("a:1")), one.clone());
        index.put(None, tagged(one.clone(), Some("1")));
        index.put(None, tagged(one.clone(), None));
        index.put(None, tagged(two.clone(), Some("1")));
        let listed: Vec<_> = index.manifests().map(|image| (name_of(image), tag_of(image), &image.digest)).collect();
        let expected =
            [(Some("a:1"), Some("1"), &one.digest), (None, None, &one.digest), (None, Some("1"), &two.digest)];
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
        index.put(Some(&Name { full: "gone:1".into(), tag: None }), own.clone());
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
}
