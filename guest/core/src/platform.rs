//! Platforms: what an image runs on (OCI image-index.md, `platform`), with Go's words for systems and architectures.

use std::fmt;
use std::str::FromStr;

use crate::error::{Code, Error, Fault};

/// What an image runs on, in its normal form: `arm64` has no variant `v8`, `arm` without one is `v7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// For example `linux`.
    pub os: String,
    /// For example `amd64`.
    pub architecture: String,
    /// Of the architecture.
    pub variant: Option<String>,
}

impl Platform {
    /// In normal form, as containerd's `platforms.Normalize` makes it.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let os = match os.to_ascii_lowercase().as_str() {
            "macos" => "darwin".into(),
            other => other.to_owned(),
        };
        let variant = variant.map(str::to_ascii_lowercase).filter(|v| !v.is_empty());
        let (architecture, variant) = match (architecture.to_ascii_lowercase().as_str(), variant.as_deref()) {
            ("i386", _) => ("386".into(), None),
            ("x86_64" | "x86-64" | "amd64", Some("v1") | None) => ("amd64".into(), None),
            ("x86_64" | "x86-64" | "amd64", _) => ("amd64".into(), variant),
            ("aarch64" | "arm64", Some("8" | "v8") | None) => ("arm64".into(), None),
            ("aarch64" | "arm64", _) => ("arm64".into(), variant),
            ("armhf", _) => ("arm".into(), Some("v7".into())),
            ("armel", _) => ("arm".into(), Some("v6".into())),
            ("arm", None | Some("7")) => ("arm".into(), Some("v7".into())),
            ("arm", Some(short @ ("5" | "6" | "8"))) => ("arm".into(), Some(format!("v{short}"))),
            (other, _) => (other.to_owned(), variant),
        };
        Self { os, architecture, variant }
    }
}

impl FromStr for Platform {
    type Err = Error;

    /// `OS/ARCH` or `OS/ARCH/VARIANT`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = text.split('/').collect();
        let sound = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        match parts.as_slice() {
            [os, architecture, rest @ ..] if rest.len() <= 1 && parts.iter().all(|part| sound(part)) => {
                Ok(Self::new(os, architecture, rest.first().copied()))
            }
            _ => Err(Error::new(
                Fault::Request,
                Code::Malformed("platform".into()),
                format!(
                    "`{}` is not a platform: write OS/ARCH or OS/ARCH/VARIANT, for example linux/arm64",
                    crate::text::shown(text)
                ),
            )),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_one_form() {
        for (text, normal) in [
            ("linux/aarch64/v8", "linux/arm64"),
            ("Linux/x86_64", "linux/amd64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
        ] {
            assert_eq!(text.parse::<Platform>().map(|p| p.to_string()), Ok(normal.into()));
        }
        for text in ["", "linux", "linux/", "a/b/c/d", "linux/amd 64"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
