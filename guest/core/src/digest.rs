//! Digests: parsed once, at the edge, so that only well-formed ones ever reach a path or a URL.
//!
//! OCI image spec, descriptor.md, "Digests". `sha256` and `sha512` only; the hex is lower-case and exactly as long as the
//! algorithm's output.

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

use crate::error::{Code, Error, Fault};
use crate::media::HashAlgorithm;

/// The digest of stored bytes: of a document, or of a layer as it lies in a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

/// The digest of a layer's uncompressed tar (OCI config.md, `rootfs.diff_ids`). Not interchangeable with [`Digest`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiffId(pub Digest);

impl Digest {
    /// From a finished hash.
    ///
    /// ```
    /// use ocix_core::{digest::Digest, media::HashAlgorithm};
    /// let digest = Digest::from_hash(HashAlgorithm::Sha256, &[0xab; 32]);
    /// assert!(digest.to_string().starts_with("sha256:abab"));
    /// ```
    pub fn from_hash(algorithm: HashAlgorithm, hash: &[u8]) -> Self {
        let mut text = String::from(name(algorithm));
        text.push(':');
        for byte in hash {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        Self(text)
    }

    /// SHA-256 of bytes that are small enough to be in memory: documents.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_hash(HashAlgorithm::Sha256, &sha2::Sha256::digest(bytes))
    }

    /// Of bytes that are in memory, by a given algorithm.
    pub fn by(algorithm: HashAlgorithm, bytes: &[u8]) -> Self {
        match algorithm {
            HashAlgorithm::Sha256 => Self::of(bytes),
            HashAlgorithm::Sha512 => Self::from_hash(algorithm, &sha2::Sha512::digest(bytes)),
        }
    }

    /// Whether this is one; when not, why.
    pub fn check(text: &str) -> Result<(), &'static str> {
        let (length, hex) = match (text.strip_prefix("sha256:"), text.strip_prefix("sha512:")) {
            (Some(hex), _) => (64, hex),
            (_, Some(hex)) => (128, hex),
            _ if text.contains(':') => return Err("its algorithm is neither sha256 nor sha512"),
            _ => return Err("it has no colon"),
        };
        if hex.len() != length {
            return Err("its hex is not as long as its algorithm says");
        }
        // All of them, which is faster than up to the first one.
        if !hex.bytes().fold(true, |sound, b| sound & matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err("its hex is not lower-case hexadecimal");
        }
        Ok(())
    }

    /// The algorithm before the colon.
    pub fn algorithm(&self) -> HashAlgorithm {
        if self.0.starts_with("sha512:") { HashAlgorithm::Sha512 } else { HashAlgorithm::Sha256 }
    }

    /// The hex behind the colon.
    pub fn hex(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, hex)| hex)
    }

    /// As written in documents: `algorithm:hex`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the blob lies in an OCI layout (image-layout.md, "Blobs").
    pub fn blob_path(&self) -> String {
        format!("blobs/{}/{}", name(self.algorithm()), self.hex())
    }
}

impl DiffId {
    /// The chain ID of a layer on those whose chain ID is `parent` (OCI config.md, "Layer ChainID").
    pub fn chain(&self, parent: Option<&Digest>) -> Digest {
        match parent {
            None => self.0.clone(),
            Some(parent) => Digest::of(format!("{parent} {self}").as_bytes()),
        }
    }

    /// The chain ID of the topmost of these layers, the lowest first; `None` without layers.
    pub fn chain_of(layers: &[Self]) -> Option<Digest> {
        layers.iter().fold(None, |parent, diff_id| Some(diff_id.chain(parent.as_ref())))
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |why| {
            let message = format!("`{}` is not a digest: {why}", crate::text::shown(text));
            Error::new(Fault::Source, Code::Malformed("digest".into()), message)
        };
        Self::check(text).map(|()| Self(text.into())).map_err(refused)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn name(algorithm: HashAlgorithm) -> &'static str {
    match algorithm {
        HashAlgorithm::Sha256 => "sha256",
        HashAlgorithm::Sha512 => "sha512",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_digests_parse() {
        let good = format!("sha256:{}", "0f".repeat(32));
        assert_eq!(good.parse::<Digest>().map(|d| d.blob_path()), Ok(format!("blobs/sha256/{}", "0f".repeat(32))));
        let bad = ["", "sha256", "sha256:", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:../../x"].map(String::from);
        let cases = [
            format!("sha256:{}", "0F".repeat(32)),
            format!("sha256:{}", "0".repeat(63)),
            format!("sha512:{}", "0".repeat(64)),
        ];
        for text in bad.into_iter().chain(cases) {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_empty_digest_is_the_known_one() {
        assert_eq!(Digest::of(b"").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
