//! Certificates, made by OpenSSL: an authority of a test's own, and what it certifies.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Run, program};
use crate::scratch::Scratch;

/// Certifies.
pub struct Authority {
    folder: PathBuf,
    own: Pair,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// Makes one, in a folder of this name.
    pub fn new(scratch: &Scratch, name: &str) -> Self {
        let folder = scratch.folder(name);
        let own = made(&folder, "authority", |openssl| {
            openssl.args(["-addext", "keyUsage=critical,keyCertSign"]);
        });
        Self { folder, own }
    }

    /// Its own certificate, which others are to trust.
    pub fn certificate(&self) -> &Path {
        &self.own.certificate
    }

    /// Certifies a name, for example `IP:127.0.0.1`.
    pub fn certify(&self, file: &str, name: &str) -> Pair {
        made(&self.folder, file, |openssl| {
            openssl.arg("-CA").arg(&self.own.certificate).arg("-CAkey").arg(&self.own.key);
            openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
            openssl.args(["-addext", &format!("subjectAltName={name}")]);
        })
    }
}

fn made(folder: &Path, name: &str, more: impl FnOnce(&mut Command)) -> Pair {
    let (certificate, key) = (folder.join(name).with_extension("crt"), folder.join(name).with_extension("key"));
    let mut openssl = program("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    openssl.args(["-subj", &format!("/CN={name}"), "-keyout"]).arg(&key).arg("-out").arg(&certificate);
    more(&mut openssl);
    Run::of(&mut openssl).ok();
    Pair { certificate, key }
}
