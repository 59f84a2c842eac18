//! Certificates of the user's own: which authorities are trusted besides the system's, and what the user is to a host.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::{Certificate, Identity as Pem};

use crate::error::{Error, ErrorCode, Fault, error, refused, shown};
use crate::transport::{Identity, Transport};

/// Of one host.
#[derive(Default)]
pub struct Certificates {
    /// Trusted besides the system's.
    pub authorities: Vec<Certificate>,
    /// What the user is.
    pub identity: Option<Pem>,
}

impl Certificates {
    /// Reads those for every host, and those of a host that has its own.
    pub fn read(transport: &Transport, own: &Own) -> Result<Self, Error> {
        let mut found = Self::default();
        for file in &transport.authorities {
            found.trust(file)?;
        }
        found.identity = transport.identity.as_ref().filter(|_| own.named).map(identity).transpose()?;
        let Some(folder) = &own.folder else { return Ok(found) };
        for file in files(folder)? {
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => found.trust(&file)?,
                Some("cert") => {
                    let key = file.with_extension("key");
                    found.identity = Some(identity(&Identity { certificate: file, key })?);
                }
                // A key by itself is one that somebody is about to use, or has forgotten.
                Some("key") if !file.with_extension("cert").exists() => {
                    let certificate = shown(&file.with_extension("cert").to_string_lossy());
                    let message = format!(
                        "`{}` is a key whose certificate `{certificate}` is missing",
                        shown(&file.to_string_lossy())
                    );
                    return Err(error(Fault::Request, ErrorCode::NotFound, message));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn trust(&mut self, file: &Path) -> Result<(), Error> {
        let pem = fs::read(file).map_err(|why| refused(Fault::Request, "read", file, &why))?;
        let all = Certificate::from_pem_bundle(&pem).ok().filter(|all| !all.is_empty());
        self.authorities.extend(all.ok_or_else(|| wrong(file, "has no certificate in PEM"))?);
        Ok(())
    }
}

/// What a host has that others have not.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Own {
    /// With its certificates.
    folder: Option<PathBuf>,
    /// It is the user's word that it is the one.
    named: bool,
}

impl Own {
    /// Of a host, with its port unless that is TLS's own.
    pub fn of(transport: &Transport, host: &str, named: bool) -> Self {
        // Docker Hub's registry is kept under the name that users give it.
        let names = if host == "registry-1.docker.io" { &["docker.io", host][..] } else { &[host] };
        let folders = transport.certificate_folders.iter().flat_map(|all| names.iter().map(|name| all.join(name)));
        let folder = folders.into_iter().find(|folder| folder.is_dir());
        Self { folder, named: named && transport.identity.is_some() }
    }
}

fn identity(identity: &Identity) -> Result<Pem, Error> {
    let Identity { certificate, key } = identity;
    let read = |file: &Path| fs::read(file).map_err(|why| refused(Fault::Request, "read", file, &why));
    let pem = [read(certificate)?, read(key)?].join(&b'\n');
    let what =
        format!("and `{}` are not a certificate and its key in PEM, not encrypted", shown(&key.to_string_lossy()));
    Pem::from_pem(&pem).map_err(|_| wrong(certificate, &what))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let entries = entries.map_err(|why| refused(Fault::Request, "read", folder, &why))?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

fn wrong(file: &Path, how: &str) -> Error {
    let message = format!("`{}` {how}", shown(&file.to_string_lossy()));
    error(Fault::Request, ErrorCode::Malformed("certificate".into()), message)
}
