//! Changing what a file keeps: everything else in it stays as it was, byte for byte, and in its order.
//!
//! The new file is written beside the old one, for its owner only, and takes its place at once and whole.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Credential;
use super::kept;
use super::place::Place;
use crate::error::{Error, ErrorCode, Fault, error, refused, shown};

/// A JSON object in its order, whose values are text that nobody looks at.
#[derive(Default)]
struct Object(Vec<(String, String)>);

/// What stands in the place of a registry's entry.
pub enum Entry<'a> {
    /// A credential.
    Is(&'a Credential),
    /// Nothing: a helper has it.
    Elsewhere,
    /// No entry.
    None,
}

/// Writes the registry's entry. Whether something was there.
pub fn write(file: &Path, place: &Place, entry: &Entry<'_>) -> Result<bool, Error> {
    let bytes = kept::bytes(file)?;
    let malformed = |what: &str| {
        let message = format!("{what} in `{}` is not a JSON object: mend it first", shown(&file.to_string_lossy()));
        error(Fault::Request, ErrorCode::Malformed("credentials".into()), message)
    };
    let mut fields = match bytes.trim_ascii() {
        [] => Object::default(),
        text => serde_json::from_slice(text).map_err(|_| malformed("what stands"))?,
    };
    let auths = fields.0.iter().find(|(name, _)| name == AUTHS).map(|(_, text)| text.as_str());
    let mut auths: Object = match auths {
        None | Some("null") => Object::default(),
        Some(text) => serde_json::from_str(text).map_err(|_| malformed(AUTHS))?,
    };
    let whole = |key: &str| place.fits(key) == Some(0);
    let had = auths.0.iter().any(|(key, _)| whole(key));
    if !had && matches!(entry, Entry::None) {
        return Ok(false);
    }
    // Spelled as it was, in its place.
    let key = auths.0.iter().find(|(key, _)| whole(key)).map_or_else(|| place.server(), |(key, _)| key.clone());
    let at = auths.0.iter().position(|(key, _)| whole(key)).unwrap_or(auths.0.len());
    auths.0.retain(|(key, _)| !whole(key));
    if let Some(value) = entry.object() {
        auths.0.insert(at.min(auths.0.len()), (key, value.text(2)));
    }
    let auths = auths.text(1);
    match fields.0.iter_mut().find(|(name, _)| name == AUTHS) {
        Some((_, text)) => *text = auths,
        None => fields.0.push((AUTHS.to_owned(), auths)),
    }
    let text = fields.text(0) + "\n";
    save(file, text.as_bytes()).map_err(|why| refused(Fault::Request, "write", file, &why))?;
    Ok(had)
}

impl Entry<'_> {
    /// As `docker login` has it.
    fn object(&self) -> Option<Object> {
        let field = |name: &str, value: &str| Some(Object(vec![(name.to_owned(), Value::from(value).to_string())]));
        match self {
            Entry::None => None,
            Entry::Elsewhere => Some(Object::default()),
            Entry::Is(Credential::Basic(user, password)) => {
                field("auth", &STANDARD.encode(format!("{user}:{password}")))
            }
            Entry::Is(Credential::IdentityToken(token)) => field("identitytoken", token),
            Entry::Is(Credential::RegistryToken(token)) => field("registrytoken", token),
        }
    }
}

impl Object {
    /// With tabs, as Docker and containers' programs write it; what was there already stays as it is.
    fn text(&self, depth: usize) -> String {
        if self.0.is_empty() {
            return "{}".to_owned();
        }
        let tabs = "\t".repeat(depth);
        let line = |(name, value): &(String, String)| format!("\n{tabs}\t{}: {value}", Value::from(name.as_str()));
        format!("{{{}\n{tabs}}}", self.0.iter().map(line).collect::<Vec<_>>().join(","))
    }
}

fn save(file: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link is the user's own: the file that it leads to is replaced.
    let place = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Made with 0600.
    let mut draft = tempfile::Builder::new().prefix(".ocix-login-").tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    draft.persist(&place)?;
    Ok(())
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    fields.push((name, value.get().to_owned()));
                }
                Ok(Object(fields))
            }
        }
        from.deserialize_map(Fields)
    }
}

const AUTHS: &str = "auths";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_rest_of_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/config.json");
        let place = Place::parse("r.example");
        let basic = Credential::Basic("u".into(), "p".into());
        assert!(!write(&file, &place, &Entry::None).unwrap());
        assert!(!file.exists());

        assert!(!write(&file, &place, &Entry::Is(&basic)).unwrap());
        let first = "{\n\t\"auths\": {\n\t\t\"r.example\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}\n";
        assert_eq!(fs::read_to_string(&file).unwrap(), first);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

        let before = "{\n\t\"z\": [1,  2],\n\t\"auths\": {\n\t\t\"a\": {},\n\t\t\"https://r.example/v2/\": {\"auth\":\"x\"},\n\t\t\"r.example/team\": {}\n\t},\n\t\"a\": 1.50\n}\n";
        fs::write(&file, before).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(write(&file, &place, &Entry::Elsewhere).unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), before.replace("{\"auth\":\"x\"}", "{}"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

        assert!(write(&file, &place, &Entry::None).unwrap());
        let without = before.replace("\t\t\"https://r.example/v2/\": {\"auth\":\"x\"},\n", "");
        assert_eq!(fs::read_to_string(&file).unwrap(), without);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link_and_what_is_no_object_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.json"), folder.path().join("config.json"));
        fs::write(&real, "{}").unwrap();
        std::os::unix::fs::symlink("real.json", &link).unwrap();
        let token = Credential::IdentityToken("t\"\n".into());
        write(&link, &Place::parse("docker.io"), &Entry::Is(&token)).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let read: Value = serde_json::from_slice(&fs::read(&real).unwrap()).unwrap();
        assert_eq!(read["auths"]["https://index.docker.io/v1/"]["identitytoken"], "t\"\n");

        for text in ["[]", "{\"auths\":[]}", "{"] {
            fs::write(&real, text).unwrap();
            assert!(write(&link, &Place::parse("a"), &Entry::Is(&token)).is_err(), "{text}");
            assert_eq!(fs::read_to_string(&real).unwrap(), text);
        }
    }
}
