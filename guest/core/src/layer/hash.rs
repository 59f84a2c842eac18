//! The core's own hashes, for hosts without one.

use sha2::{Digest as _, Sha256, Sha512};

use crate::media::HashAlgorithm;

/// A running hash.
pub enum Running {
    /// Of [`HashAlgorithm::Sha256`].
    Sha256(Sha256),
    /// Of [`HashAlgorithm::Sha512`].
    Sha512(Sha512),
}

impl Running {
    /// Of no bytes yet.
    pub fn new(algorithm: HashAlgorithm) -> Self {
        match algorithm {
            HashAlgorithm::Sha256 => Self::Sha256(Sha256::new()),
            HashAlgorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    /// The raw bytes of the hash so far: 32 or 64.
    pub fn sum(&self) -> Vec<u8> {
        match self {
            Self::Sha256(state) => state.clone().finalize().to_vec(),
            Self::Sha512(state) => state.clone().finalize().to_vec(),
        }
    }
}
