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
    /// Of the system, for example `10.0.17763.1397`; Windows only.
    pub os_version: Option<String>,
    /// What the system must have, for example `win32k`; it selects nothing.
    pub os_features: Vec<String>,
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
        Self { os, architecture, variant, os_version: None, os_features: Vec::new() }
    }

    /// With a version of the system; none when it is empty.
    pub fn with_os_version(self, version: Option<&str>) -> Self {
        Self { os_version: version.filter(|version| !version.is_empty()).map(str::to_owned), ..self }
    }

    /// Whether an image for this platform is what was `asked` for: all but the system's features must be equal, and its version when one
    /// was asked for.
    pub fn fits(&self, asked: &Self) -> bool {
        (&self.os, &self.architecture, &self.variant) == (&asked.os, &asked.architecture, &asked.variant)
            && (asked.os_version.is_none() || self.os_version == asked.os_version)
    }
}

impl FromStr for Platform {
    type Err = Error;

    /// `OS/ARCH` or `OS/ARCH/VARIANT`; behind the system its version may stand, `windows(10.0.17763)/amd64`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let mut parts = text.split('/');
            let system = parts.next()?;
            let (os, version) = match system.split_once('(') {
                Some((os, version)) => (os, Some(version.strip_suffix(')')?)),
                None => (system, None),
            };
            let (architecture, variant) = (parts.next()?, parts.next());
            let sound = |part: &str| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
            };
            let all = [Some(os), version, Some(architecture), variant].into_iter().flatten().all(sound);
            let platform = Self::new(os, architecture, variant).with_os_version(version);
            (all && parts.next().is_none()).then_some(platform)
        };
        parse().ok_or_else(|| {
            Error::new(
                Fault::Request,
                Code::Malformed("platform".into()),
                format!(
                    "`{}` is not a platform: write OS/ARCH or OS/ARCH/VARIANT, for example linux/arm64",
                    crate::text::shown(text)
                ),
            )
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        self.os_version.iter().try_for_each(|version| write!(f, "({version})"))?;
        write!(f, "/{}", self.architecture)?;
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
            ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"),
        ] {
            assert_eq!(text.parse::<Platform>().map(|p| p.to_string()), Ok(normal.into()));
        }
        for text in ["", "linux", "linux/", "a/b/c/d", "linux/amd 64", "windows(10/amd64", "windows()/amd64", "/amd64"]
        {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_systems_features_select_nothing() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        let mut own = platform("windows(10.0.17763)/amd64");
        own.os_features.push("win32k".into());
        for (asked, fits) in [
            ("windows/amd64", true),
            ("windows(10.0.17763)/amd64", true),
            ("windows(10.0.20348)/amd64", false),
            ("windows/arm64", false),
        ] {
            assert_eq!(own.fits(&platform(asked)), fits, "{asked}");
        }
        assert!(!platform("windows/amd64").fits(&own));
    }
}
