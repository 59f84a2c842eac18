//! SOURCE: a directory, a tar, an OCI layout or standard input, told apart by content or said outright.

use std::fs;
use std::path::PathBuf;

use ocix::{Error, ErrorCode, Fault, Source, shown};

/// What the user means.
///
/// # Errors
/// When nothing is there, or it is not what the prefix says.
pub fn parse(text: &str) -> Result<Source, Error> {
    if text == "-" {
        return Ok(Source::Stdin);
    }
    match text.split_once(':') {
        Some(("dir", path)) => folder(path).map(Source::Directory),
        Some(("oci", path)) => layout(folder(path)?).map(Source::Layout),
        Some(("tar", "-")) => Ok(Source::Stdin),
        Some(("tar", path)) => archive(there(path)?).map(Source::Archive),
        _ => {
            let path = there(text)?;
            Ok(match (path.is_dir(), path.join("oci-layout").is_file()) {
                (true, true) => Source::Layout(path),
                (true, false) => Source::Directory(path),
                (false, _) => Source::Archive(path),
            })
        }
    }
}

fn layout(path: PathBuf) -> Result<PathBuf, Error> {
    if path.join("oci-layout").is_file() {
        return Ok(path);
    }
    let message = format!("`{}` is not an OCI layout: it has no file `oci-layout`", shown(&path.display().to_string()));
    Err(error(Fault::Source, ErrorCode::Malformed("layout".into()), message))
}

fn archive(path: PathBuf) -> Result<PathBuf, Error> {
    if !path.is_dir() {
        return Ok(path);
    }
    let message = format!("`{}` is a directory, not a tar: export it as dir:", shown(&path.display().to_string()));
    Err(error(Fault::Source, ErrorCode::Malformed("tar".into()), message))
}

fn folder(path: &str) -> Result<PathBuf, Error> {
    let path = there(path)?;
    if path.is_dir() {
        return Ok(path);
    }
    let message = format!("`{}` is not a directory", shown(&path.display().to_string()));
    Err(error(Fault::Source, ErrorCode::Other("not a directory".into()), message))
}

fn there(path: &str) -> Result<PathBuf, Error> {
    fs::metadata(path).map(|_| path.into()).map_err(|why| {
        let code = if why.kind() == std::io::ErrorKind::NotFound { ErrorCode::NotFound } else { ErrorCode::Denied };
        error(Fault::Source, code, format!("cannot read the source `{}`: {}", shown(path), reason(&why)))
    })
}

fn reason(why: &std::io::Error) -> &'static str {
    match why.kind() {
        std::io::ErrorKind::NotFound => "it does not exist",
        std::io::ErrorKind::PermissionDenied => "permission denied",
        _ => "it cannot be looked at",
    }
}

fn error(fault: Fault, code: ErrorCode, message: String) -> Error {
    Error { code, fault, message, causes: Vec::new() }
}
