//! `SRC:PATH`: an image and a path in it. The path begins with a slash, which no name of an image has behind a colon.

use std::path::Path;

use ocix::{Content, Error};

use crate::cli::source;

/// The image, and the path when there is one: without the slash that it begins with.
///
/// # Errors
/// As [`source::parse_image`].
pub fn parse(text: &str) -> Result<(Content, Option<String>), Error> {
    let (image, path) = split(text);
    let content = source::parse_image(image);
    match text.rsplit_once(':') {
        // No registry is a file; what is no reference can only have been meant so.
        Some((image, inner))
            if path.is_none()
                && !source::is_prefix(image)
                && !Path::new(text).exists()
                && (Path::new(image).is_file() || (content.is_err() && Path::new(image).exists())) =>
        {
            let (image, inner) = (ocix::shown(image), ocix::shown(inner));
            Err(source::wrong(format!("a path in an image begins with a slash: write {image}:/{inner}")))
        }
        _ => Ok((content?, path.map(str::to_owned))),
    }
}

fn split(text: &str) -> (&str, Option<&str>) {
    if Path::new(text).exists() {
        return (text, None);
    }
    match text.rmatch_indices(":/").next() {
        Some((at, _)) if !source::is_prefix(&text[..at]) => (&text[..at], Some(text[at + 1..].trim_start_matches('/'))),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_with_a_slash() {
        for (text, image, path) in [
            ("alpine:3.20:/etc/hosts", "alpine:3.20", Some("etc/hosts")),
            ("alpine:/", "alpine", Some("")),
            ("localhost:5000/a:b", "localhost:5000/a:b", None),
            ("docker://alpine:/etc", "docker://alpine", Some("etc")),
            ("docker://alpine", "docker://alpine", None),
            ("oci:/srv/layout", "oci:/srv/layout", None),
            ("oci:/srv/layout#v1:/a:/b", "oci:/srv/layout#v1:/a", Some("b")),
            ("oci:/srv/layout:/etc", "oci:/srv/layout", Some("etc")),
            ("image.tar://etc", "image.tar", Some("etc")),
            ("/no/such:/etc", "/no/such", Some("etc")),
        ] {
            assert_eq!(split(text), (image, path), "{text}");
        }
    }
}
