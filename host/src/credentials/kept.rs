//! What one file keeps: Docker's `config.json` or containers' `auth.json`, for reading.
//!
//! Within a file a helper of the registry's own (`credHelpers`) is asked, else the one for all (`credsStore`), and then `auths` is looked
//! into. A key with a path is of repositories beneath it; the longest one that fits wins. Errors name the file and the field, never its value.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::place::Place;
use super::program::Program;
use super::{Credential, Said};
use crate::error::{Error, ErrorCode, Fault, error, refused, shown};

/// A file, read. Not `Debug`: it is full of secrets.
pub struct Kept<'a> {
    file: &'a Path,
    fields: Map<String, Value>,
}

impl<'a> Kept<'a> {
    /// Empty where there is no file.
    pub fn read(file: &'a Path) -> Result<Self, Error> {
        let bytes = bytes(file)?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Self { file, fields: Map::new() });
        }
        let fields = serde_json::from_slice(&bytes).map_err(|why| {
            let message = format!(
                "`{}` is not a JSON object (line {}): mend it, or log in again",
                shown(&file.to_string_lossy()),
                why.line()
            );
            error(Fault::Request, ErrorCode::Malformed("credentials".into()), message)
        })?;
        Ok(Self { file, fields })
    }

    /// What is kept for the place.
    pub async fn lookup(&self, place: &Place, patience: Duration, said: &Said) -> Result<Option<Credential>, Error> {
        // A helper knows registries only: what is written for a repository goes before what it has.
        if let Some(found) = self.auth(place, true)? {
            return Ok(Some(found));
        }
        if let Some((field, name)) = self.helper(place)? {
            let program = Program { name, field: &field, file: self.file, patience };
            if let Some(found) = said.get(&program, &place.server()).await? {
                return Ok(Some(found));
            }
        }
        self.auth(place, false)
    }

    /// The field that names a helper for the registry, and its name.
    pub fn helper(&self, place: &Place) -> Result<Option<(String, &str)>, Error> {
        if let Some(helpers) = self.object("credHelpers")?
            && let Some((key, value)) = helpers.iter().find(|(key, _)| Place::parse(key).host == place.host)
        {
            let field = format!("credHelpers[\"{}\"]", shown(key));
            let name = value.as_str().ok_or_else(|| self.wrong(&field, "is not a text"))?;
            // An empty one takes the registry out of what `credsStore` is for.
            return Ok(Some((field, name)).filter(|(_, name)| !name.is_empty()));
        }
        match self.fields.get("credsStore") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(name)) => {
                Ok(Some(("credsStore".to_owned(), name.as_str())).filter(|_| !name.is_empty()))
            }
            Some(_) => Err(self.wrong("credsStore", "is not a text")),
        }
    }

    /// Of repositories, or of the registry as a whole.
    fn auth(&self, place: &Place, scoped: bool) -> Result<Option<Credential>, Error> {
        let Some(auths) = self.object("auths")? else { return Ok(None) };
        let mut fitting: Vec<_> = auths.iter().filter_map(|(key, auth)| Some((place.fits(key)?, key, auth))).collect();
        // The longest path first; of the same, what is written as others would write it.
        fitting.sort_by_key(|(length, key, _)| (std::cmp::Reverse(*length), !key.contains("://")));
        for (_, key, auth) in fitting.into_iter().filter(|(length, ..)| (*length > 0) == scoped) {
            if let Some(credential) = self.credential(key, auth)? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    fn credential(&self, key: &str, auth: &Value) -> Result<Option<Credential>, Error> {
        let entry = format!("auths[\"{}\"]", shown(key));
        let auth = auth.as_object().ok_or_else(|| self.wrong(&entry, "is not an object"))?;
        let text = |name: &str| match auth.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong(&format!("{entry}.{name}"), "is not a text")),
        };
        if let Some(token) = text("registrytoken")?.or(text("registryToken")?) {
            return Ok(Some(Credential::RegistryToken(token.to_owned())));
        }
        if let Some(token) = text("identitytoken")?.or(text("identityToken")?) {
            return Ok(Some(Credential::IdentityToken(token.to_owned())));
        }
        if let Some(encoded) = text("auth")? {
            let decoded = BASE64.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = decoded.as_ref().and_then(|text| text.trim_end_matches('\0').split_once(':'));
            let (user, password) = pair
                .ok_or_else(|| self.wrong(&format!("{entry}.auth"), "is not USER:PASSWORD in base64: log in again"))?;
            return Ok(Some(Credential::Basic(user.to_owned(), password.to_owned())));
        }
        let password = text("password")?.unwrap_or_default();
        Ok(text("username")?.map(|user| Credential::Basic(user.to_owned(), password.to_owned())))
    }

    fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, Error> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.wrong(name, "is not an object")),
        }
    }

    fn wrong(&self, field: &str, how: &str) -> Error {
        let message = format!("{field} in `{}` {how}", shown(&self.file.to_string_lossy()));
        error(Fault::Request, ErrorCode::Malformed("credentials".into()), message)
    }
}

/// Nothing where there is no file.
pub fn bytes(file: &Path) -> Result<Vec<u8>, Error> {
    let why = |why: &io::Error| refused(Fault::Request, "read", file, why);
    match fs::metadata(file) {
        Err(missing) if matches!(missing.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(why(&error)),
        Ok(there) if there.len() > MOST => {
            let message = format!("`{}` has more than {MOST} bytes", shown(&file.to_string_lossy()));
            return Err(error(Fault::Request, ErrorCode::LimitExceeded("credentials".into()), message));
        }
        Ok(_) => {}
    }
    fs::read(file).map_err(|error| why(&error))
}

/// RFC 4648, 4; padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Of a file, in bytes.
const MOST: u64 = 4 << 20;
