//! DESTINATION: where a copy goes, a registry unless something else is said or there.

use std::path::Path;

use ocix::{Destination, Error, Place, shown};

use super::source::{LAYOUT, wrong};

/// What the user means. What is no path is a reference.
///
/// # Errors
/// When it is not what the prefix says, or is a path that could be several things.
pub fn parse(text: &str) -> Result<Destination, Error> {
    let named = |prefix: &str, name: &str| match name {
        "" => Err(wrong(format!("`{prefix}` is followed by a name"))),
        name => Ok(name.to_owned()),
    };
    if let Some(reference) = text.strip_prefix("docker://") {
        return named("docker://", reference).map(Destination::Registry);
    }
    match text.split_once(':') {
        Some(("oci", rest)) => place(rest).map(Destination::Layout),
        Some(("oci-archive", rest)) => place(rest).map(Destination::Archive),
        Some(("registry", reference)) => named("registry:", reference).map(Destination::Registry),
        Some(("store", name)) => named("store:", name).map(Destination::Stored),
        Some((prefix @ ("dir" | "tar" | "docker-archive"), _)) => {
            let message = format!("an image is not kept as it is in `{prefix}:`: make that of it with `ocix export`");
            Err(wrong(message))
        }
        _ if Path::new(text).join(LAYOUT).is_file() => {
            Ok(Destination::Layout(Place { dest: text.to_owned(), name: None }))
        }
        _ if Path::new(text).exists() => {
            let text = shown(text);
            Err(wrong(format!(
                "`{text}` is there, and no OCI layout: write registry:{text}, oci:{text} or oci-archive:{text}"
            )))
        }
        _ => Ok(Destination::Registry(text.to_owned())),
    }
}

/// `PATH`, or `PATH#NAME`.
fn place(text: &str) -> Result<Place, Error> {
    let (path, name) = match text.rsplit_once('#') {
        Some((path, name)) => (path, Some(name)),
        None => (text, None),
    };
    if path.is_empty() || name == Some("") {
        return Err(wrong(format!("`{}` is not PATH or PATH#NAME", shown(text))));
    }
    Ok(Place { dest: path.to_owned(), name: name.map(str::to_owned) })
}
