//! Entries of an `index.json` as ocix and BuildKit write it, read in one look, of which nothing is copied.
//!
//! Only what has no member that is not known here, none twice, no white space, no escape, and no value that anybody could understand differently is
//! taken: it is written again as it stands. All else is left to the strict reader ([`super::read`]), which says the same of what is taken, but looks several times.

use std::ops::Range;

use super::cursor::{Cursor, is_plain};
use super::descriptor::is_media_type;
use super::entry::{CREATED, NAME, TAG};
use super::shape::Shape;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::platform::Platform;

/// An entry, in its own words.
#[derive(Clone, Debug, Default)]
pub struct One<'a> {
    /// Well-formed.
    pub media_type: &'a str,
    /// Well-formed, of a known algorithm.
    pub digest: &'a str,
    /// None when it is empty.
    pub artifact_type: Option<&'a str>,
    /// The whole reference, when it has one.
    pub name: Option<&'a str>,
    /// The tag beside it, or alone.
    pub tag: Option<&'a str>,
    /// When the image was made, in the words of whoever listed it.
    pub created: Option<&'a str>,
    /// Up to 2^63 - 1, in digits.
    pub size: &'a str,
    /// The members of an object of texts, in byte order of the keys, each once; empty when there is none.
    pub annotations: &'a str,
    platform: Option<Runs<'a>>,
}

#[derive(Clone, Debug, Default)]
struct Runs<'a> {
    os: &'a str,
    architecture: &'a str,
    variant: Option<&'a str>,
}

/// What is made of each entry of an index, which is given with where its JSON text stands; `None` when it is one for the strict reader.
pub fn entries<'a, T>(text: &'a str, mut make: impl FnMut(One<'a>, Range<usize>) -> T) -> Option<Vec<T>> {
    let mut scan = Scan::begin(text)?;
    let mut entries = Vec::with_capacity(text.len() / LONG);
    entries.extend(scan.by_ref().map(|(one, range)| make(one, range)));
    (scan.cursor.rest == END).then_some(entries)
}

/// An entry whose JSON text is one of those that [`entries`] takes.
pub fn entry(text: &str) -> Option<One<'_>> {
    let mut scan = Scan::new(text, false);
    scan.read().filter(|_| scan.cursor.rest.is_empty())
}

impl<'a> One<'a> {
    /// In byte order of the keys.
    pub fn annotations(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut cursor = Cursor::new(self.annotations);
        std::iter::from_fn(move || {
            let _ = cursor.eat(",");
            let key = cursor.string()?;
            cursor.eat(":")?;
            Some((key, cursor.string()?))
        })
    }

    /// Everything that it says.
    pub fn descriptor(&self) -> Option<Descriptor> {
        let mut descriptor = Descriptor::new(self.media_type, self.digest.parse().ok()?, self.size.parse().ok()?);
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        descriptor.annotations = self.annotations().map(owned).collect();
        descriptor.artifact_type = self.artifact_type.map(str::to_owned);
        let runs = |Runs { os, architecture, variant }: &Runs<'_>| Platform::new(os, architecture, *variant);
        descriptor.platform = self.platform.as_ref().map(runs);
        Some(descriptor)
    }

    /// The text of the annotations within the braces, and those that are words of their own.
    fn annotate(&mut self, cursor: &mut Cursor<'a>) -> Option<&'a str> {
        let mut last = None;
        cursor.object(|cursor, key| {
            let value = Some(cursor.string()?);
            match key {
                NAME => self.name = value,
                TAG => self.tag = value,
                CREATED => self.created = value,
                _ => {}
            }
            last.replace(key).is_none_or(|last| last < key).then_some(())
        })
    }
}

impl<'a> Runs<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let (mut os, mut architecture, mut variant) = (None, None, None);
        cursor.object(|cursor, key| match key {
            "os" => once(&mut os, cursor.string()?),
            "architecture" => once(&mut architecture, cursor.string()?),
            "variant" => once(&mut variant, cursor.string()?),
            _ => None,
        })?;
        Some(Self { os: os?, architecture: architecture?, variant })
    }
}

/// A look at the entries of an index that stand behind each other in one text, each with where it stands. It ends before the first that is not
/// whole, or none of those that [`entries`] takes.
pub struct Scan<'a> {
    cursor: Cursor<'a>,
    /// Whether an entry stands before, and so a comma before the next one.
    listing: bool,
    /// A well-formed media type, when there was one.
    kind: &'a str,
    /// Of the last entries that were of no shape before.
    shapes: Vec<Shape<'a>>,
    /// Whether no word behind the first of these need be looked at for what would be written with an escape.
    plain: bool,
}

impl<'a> Scan<'a> {
    /// At the first entry of this index; `None` when the text does not start as one.
    pub fn begin(text: &'a str) -> Option<Self> {
        let mut scan = Self::new(text, false);
        STARTS.iter().find_map(|start| scan.cursor.eat(start))?;
        Some(scan)
    }

    /// At the start of a text, which is the first of an index, or stands behind an entry.
    pub fn new(text: &'a str, listing: bool) -> Self {
        Self { cursor: Cursor::new(text), listing, kind: "", shapes: Vec::new(), plain: false }
    }

    /// How many bytes were read.
    pub fn at(&self) -> usize {
        self.cursor.at()
    }

    /// Whether there was an entry, here or before.
    pub fn is_listing(&self) -> bool {
        self.listing
    }

    fn listed(&mut self) -> Option<(One<'a>, Range<usize>)> {
        if self.listing {
            self.cursor.eat(",")?;
        }
        let start = self.at();
        let one = self.one()?;
        Some((one, start..self.at()))
    }

    /// Most are as one before them.
    fn one(&mut self) -> Option<One<'a>> {
        if let Some(one) = self.shapes.iter().rev().find_map(|shape| shape.read(&mut self.cursor, self.plain)) {
            return Some(one);
        }
        let text = self.cursor.rest;
        let one = self.read()?;
        let text = text.get(..text.len().checked_sub(self.cursor.rest.len())?)?;
        match self.shapes.len() {
            0 => self.plain = is_plain(self.cursor.rest),
            SHAPES => drop(self.shapes.remove(0)),
            _ => {}
        }
        self.shapes.extend(Shape::of(text, &one));
        Some(one)
    }

    fn read(&mut self) -> Option<One<'a>> {
        let mut one = One::default();
        let (mut media_type, mut digest, mut size) = (None, None, None);
        let (mut artifact_type, mut annotations) = (None, None);
        self.cursor.object(|cursor, key| match key {
            "mediaType" => once(&mut media_type, cursor.string()?),
            "digest" => once(&mut digest, cursor.string()?),
            "size" => once(&mut size, cursor.number()?),
            "artifactType" => once(&mut artifact_type, cursor.string()?),
            "annotations" => once(&mut annotations, one.annotate(cursor)?),
            "platform" => once(&mut one.platform, Runs::read(cursor)?),
            _ => None,
        })?;
        (one.media_type, one.digest, one.size) = (media_type?, digest?, size?);
        one.annotations = annotations.unwrap_or_default();
        one.artifact_type = artifact_type.filter(|kind| !kind.is_empty());
        // Most are of the kind of the one before.
        let sound = |kind: &&str| (*kind == self.kind && !kind.is_empty()) || is_media_type(kind);
        let kinds = [Some(one.media_type), one.artifact_type];
        let sound = kinds.iter().flatten().all(sound) && Digest::check(one.digest).is_ok();
        self.kind = one.media_type;
        sound.then_some(one)
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = (One<'a>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let before = self.cursor.clone();
        let found = self.listed();
        match found {
            Some(_) => self.listing = true,
            None => self.cursor = before,
        }
        found
    }
}

/// Not twice.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// Before the first entry, as it is written.
pub const START: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#;
const STARTS: [&str; 2] = [START, r#"{"schemaVersion":2,"manifests":["#];
/// Behind the last entry.
pub const END: &str = "]}";
/// Shapes that are remembered.
const SHAPES: usize = 4;
/// Bytes of a longer entry than most.
const LONG: usize = 400;

#[cfg(test)]
mod tests {
    use super::super::index::Index;
    use super::super::pieces::Pieces;
    use super::entry as entry_of;
    use super::*;
    use crate::media_type;

    #[test]
    fn what_is_taken_is_what_the_strict_reader_says() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let entry = |more: &str| format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":7{more}}}"#);
        let index = |entries: &str| {
            format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{entries}]}}"#, media_type::INDEX)
        };
        let name = r#","annotations":{"io.containerd.image.name":"a.example/b:c","k":"v é"}"#;
        let platform = r#","platform":{"architecture":"arm64","os":"linux","variant":"v8"}"#;
        for text in [
            index(""),
            index(&entry("")),
            index(&entry(r#","artifactType":"c/d""#)),
            index(&entry(r#","artifactType":"""#)),
            index(&format!("{},{}", entry(name), entry(platform))),
            // As one before them.
            index(
                &[name, platform, &name.replace("a.example", "b.example"), name, &platform.replace("8", "9")]
                    .map(entry)
                    .join(","),
            ),
            index(&[entry(name).replace(":7", ":70"), entry(name), entry(name).replace("0f", "1e")].join(",")),
            index(&[entry(name), entry(&name.replace("v é", ""))].join(",")),
            index(&entry("").replace(":7", ":0")),
            index(&entry("")).replace(&format!(r#""mediaType":"{}","#, media_type::INDEX), ""),
            index(&entry("").replace(":7", ":9223372036854775807")),
        ] {
            let taken = entries(&text, |one, range| (one.descriptor().unwrap(), text[range].to_owned()));
            let whole = taken
                .clone()
                .map(|all| all.into_iter().unzip())
                .map(|(all, texts): (_, Vec<_>)| (all, texts.join(",")));
            for size in [1, 7, 200, text.len()] {
                assert_eq!(in_pieces(&text, size), whole, "{text}, in pieces of {size} bytes");
            }
            let strict = Index::parse(text.as_bytes(), None).unwrap_or_else(|error| panic!("{text}: {error}"));
            let strict: Vec<_> =
                strict.entries().into_iter().flatten().map(|(entry, raw)| (entry, raw.to_owned())).collect();
            assert_eq!(taken, Some(strict.clone()), "{text}");
            for (listed, raw) in strict {
                assert_eq!(entry_of(&raw).and_then(|one| one.descriptor()), Some(listed));
            }
        }
        // Refused by the strict reader, or more than is known here.
        for text in [
            index(&entry(r#","size":8"#)),
            index(&entry(r#","Size":8"#)),
            index(&entry(r#","annotations":{"a":"1","\u0061":"2"}"#)),
            index(&entry(r#","annotations":{"a":1}"#)),
            index(&entry(r#","artifactType":"b""#)),
            index(&entry(r#","platform":{"architecture":"amd64","os":"windows","os.version":"10"}"#)),
            index(&entry("").replace("a/b", "a")),
            index(&entry("").replace("\"mediaType\":", "\"mediaType\":\"\",\"mediaType\":")),
            index(&entry(r#","platform":null"#)),
            index(&entry(r#","annotations":{}"#)),
            index(&entry(r#","annotations":{"b":"1","a":"2"}"#)),
            index(&entry(r#","annotations":{"a":"\n"}"#)),
            index(&entry(r#","annotations":{"a":"<b>"}"#)),
            index(&entry(r#","annotations":{"a":"seventeen or more plain bytes, then \u2028"}"#)),
            index(&entry(",\"annotations\":{\"a\":\"seventeen or more plain bytes, then \u{2028}\"}")),
            index(&entry(r#","annotations":{"a":"1"},"annotations":{"b":"1"}"#)),
            index(&entry(r#","platform":{"architecture":"arm64"}"#)),
            index(&entry("").replace("\"size\":", "\"size\" :\n")),
            index(&entry("").replace(":7", ":07")),
            index(&entry("").replace(":7", ":")),
            index(&entry("").replace(":7", ":7.0")),
            index(&entry("").replace(r#","size":7"#, "")),
            index(&entry("").replace(":7", ":-7")),
            index(&entry("").replace("0f", "0F")),
            index(&entry("").replace(":7", ":9223372036854775808")),
            index(&entry("").replace("sha256:", "sha384:")),
            index("1"),
            index(&format!("{}, {}", entry(""), entry(""))),
            index(&format!("{} ,{}", entry(""), entry(""))),
            index(&format!("{}{}", entry(""), entry(""))),
            index(&format!("{},", entry(""))),
            index(&format!(",{}", entry(""))),
            index(&format!(r#"["a/b","{digest}",7,null,null,null]"#)),
            format!("{}\n", index("")),
            r#"{"manifests":[],"schemaVersion":2}"#.to_owned(),
            index("").replace("v1+json", "v2+json"),
            index("").replace(":2", ":1"),
            index("").replace("{\"", "{\"annotations\":{},\""),
            index("").replace("{\"", "{\"manifests\":[],\""),
            format!("{}x", index("")),
            "[]".to_owned(),
        ] {
            // Also behind what it is nearly like.
            let first = [entry(""), entry(name), entry(platform), entry(r#","annotations":{"a":"1"}"#)].join(",");
            for text in [text.replacen("[{", &format!("[{first},{{"), 1), text] {
                assert!(entries(&text, |_, _| ()).is_none(), "{text}");
                assert_eq!(in_pieces(&text, 64), None, "{text}");
            }
        }
    }

    /// The same of a text in pieces of so many bytes, with the text of all entries.
    fn in_pieces(text: &str, size: usize) -> Option<(Vec<Descriptor>, String)> {
        let (mut pieces, mut all, mut kept) = (Pieces::default(), Vec::new(), Vec::new());
        for piece in text.as_bytes().chunks(size) {
            kept.push(pieces.next(piece, |entry| {
                all.extend(entry.descriptor());
                true
            })?);
        }
        kept.retain(|kept| !kept.is_empty());
        pieces.is_all().then_some((all, kept.join(",")))
    }
}
