//! SOURCE: a directory, a tar, images in a layout, archive, registry or store; told apart by content, or said outright.

use std::fs;
use std::path::{Path, PathBuf};

use ocix::{Content, Error, ErrorCode, Fault, Form, Source, shown};

/// What the user means by several sources.
///
/// # Errors
/// As of one; or when one of several does not say its platform.
pub fn parse_all(texts: &[String]) -> Result<Vec<Content>, Error> {
    let contents = texts.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()?;
    match contents.iter().zip(texts).find(|(content, _)| contents.len() > 1 && content.platform.is_none()) {
        Some((_, text)) => {
            let message =
                format!("one of several sources says what it runs on: write linux/amd64={text}, or export it alone");
            Err(wrong(shown(&message)))
        }
        None => Ok(contents),
    }
}

/// What the user means.
///
/// # Errors
/// When nothing is there, or it is not what the prefix says.
pub fn parse(text: &str) -> Result<Content, Error> {
    if let Some((platform, text)) = text.split_once('=').filter(|(before, _)| is_platform(before)) {
        return Ok(Content { platform: Some(platform.to_owned()), ..unplaced(text)? });
    }
    unplaced(text)
}

/// The same where an image is meant: what is no path, and does not look like one, is a reference.
///
/// # Errors
/// As [`parse`].
pub fn parse_image(text: &str) -> Result<Content, Error> {
    image_or(text, Source::Registry)
}

/// The same where an image is meant that may be at hand: the reference is also a name of the store.
///
/// # Errors
/// As [`parse`].
pub fn parse_named(text: &str) -> Result<Content, Error> {
    image_or(text, Source::Named)
}

fn image_or(text: &str, reference: fn(String) -> Source) -> Result<Content, Error> {
    let prefixed = text.starts_with("docker://")
        || text.split_once(':').is_some_and(|(prefix, _)| PREFIXES.contains(&prefix))
        || text.split_once('=').is_some_and(|(before, _)| is_platform(before));
    if prefixed || text == STDIN || Path::new(text).exists() || looks_like_a_path(text) {
        return parse(text);
    }
    Ok(reference(text.to_owned()).into())
}

/// By how it begins, or by what it ends with: no registry is a file.
fn looks_like_a_path(text: &str) -> bool {
    let file = || ENDS.iter().any(|end| text.ends_with(end)) && !text.contains([':', '@']);
    text.starts_with(['/', '.', '~']) || file()
}

fn unplaced(text: &str) -> Result<Content, Error> {
    if let Some(reference) = text.strip_prefix("docker://") {
        return named("docker://", reference).map(|reference| Source::Registry(reference).into());
    }
    match text.split_once(':') {
        Some(("dir", path)) => folder(path).map(|path| Source::Directory(path).into()),
        Some(("tar", path)) => Ok(Content { form: Form::RootFilesystem, ..archive(path)?.into() }),
        Some(("oci", rest)) => image(rest, |path| match Path::new(path) {
            folder if folder.is_dir() => layout(folder.to_owned()).map(Source::Layout),
            _ => archive(path),
        }),
        Some(("oci-archive" | "docker-archive", rest)) => image(rest, archive),
        Some(("registry", reference)) => named("registry:", reference).map(|it| Source::Registry(it).into()),
        Some(("store", name)) => named("store:", name).map(|name| Source::Stored(name).into()),
        _ if text == STDIN => Ok(Source::Stdin.into()),
        _ => {
            let path = there(text)?;
            Ok(match (path.is_dir(), path.join(LAYOUT).is_file()) {
                (true, true) => Source::Layout(path),
                (true, false) => Source::Directory(path),
                (false, _) => Source::Archive(path),
            }
            .into())
        }
    }
}

/// `PATH`, or `PATH#NAME`.
fn image(text: &str, source: impl Fn(&str) -> Result<Source, Error>) -> Result<Content, Error> {
    let (path, name) = match text.rsplit_once('#') {
        Some((_, "")) => return Err(wrong(format!("`{}` ends without the name that `#` begins", shown(text)))),
        Some((path, name)) => (path, Some(name.to_owned())),
        None => (text, None),
    };
    Ok(Content { source: source(path)?, form: Form::Image, name, platform: None })
}

fn named(prefix: &str, name: &str) -> Result<String, Error> {
    if name.is_empty() { Err(wrong(format!("`{prefix}` is followed by a name"))) } else { Ok(name.to_owned()) }
}

fn archive(path: &str) -> Result<Source, Error> {
    if path == STDIN {
        return Ok(Source::Stdin);
    }
    let path = there(path)?;
    if !path.is_dir() {
        return Ok(Source::Archive(path));
    }
    let message = format!("`{}` is a directory, not a tar: export it as dir: or oci:", shown(&path.to_string_lossy()));
    Err(error(Fault::Source, ErrorCode::Malformed("tar".into()), message))
}

fn layout(path: PathBuf) -> Result<PathBuf, Error> {
    if path.join(LAYOUT).is_file() {
        return Ok(path);
    }
    let message = format!("`{}` is not an OCI layout: it has no file `oci-layout`", shown(&path.to_string_lossy()));
    Err(error(Fault::Source, ErrorCode::Malformed("layout".into()), message))
}

fn folder(path: &str) -> Result<PathBuf, Error> {
    let path = there(path)?;
    if path.is_dir() {
        return Ok(path);
    }
    let message = format!("`{}` is not a directory", shown(&path.to_string_lossy()));
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

/// An operating system that images are for, and what else a platform has. Anything else before `=` is part of a path.
fn is_platform(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let known = parts.first().is_some_and(|os| SYSTEMS.contains(&os.to_ascii_lowercase().as_str()));
    let sound = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    known && (2..=3).contains(&parts.len()) && parts.iter().all(sound)
}

/// Whether this is what stands before the colon of a source that is said outright.
pub fn is_prefix(text: &str) -> bool {
    text == "docker" || PREFIXES.contains(&text)
}

/// A source or destination that is none.
pub fn wrong(message: String) -> Error {
    error(Fault::Request, ErrorCode::InvalidOption("source".into()), message)
}

fn error(fault: Fault, code: ErrorCode, message: String) -> Error {
    Error { code, fault, message, causes: Vec::new() }
}

/// What names of files end with.
const ENDS: [&str; 6] = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".oci", ".json"];
const STDIN: &str = "-";
const PREFIXES: [&str; 7] = ["dir", "docker-archive", "oci", "oci-archive", "registry", "store", "tar"];
/// What every OCI layout has.
pub const LAYOUT: &str = "oci-layout";
const SYSTEMS: [&str; 12] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "illumos",
    "linux",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("ocix-source-{name}-{}", std::process::id()));
        for folder in ["tree", "layout", "build/out=x"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("layout/oci-layout"), "{}").unwrap();
        fs::write(root.join("x.tar"), "").unwrap();
        root
    }

    #[test]
    fn sources_are_what_they_say() {
        let root = scratch("good");
        let at = |text: &str| text.replace('@', root.to_str().unwrap());
        let path = |name: &str| root.join(name);
        let form = |form, source: Source| Content { form, ..source.into() };
        let named = |name: &str, source| Content { name: Some(name.into()), ..form(Form::Image, source) };
        let on = |platform: &str, content| Content { platform: Some(platform.into()), ..content };
        let table = [
            ("-", Source::Stdin.into()),
            ("@/tree", Source::Directory(path("tree")).into()),
            ("@/layout", Source::Layout(path("layout")).into()),
            ("@/x.tar", Source::Archive(path("x.tar")).into()),
            ("@/build/out=x", Source::Directory(path("build/out=x")).into()),
            ("dir:@/layout", Source::Directory(path("layout")).into()),
            ("tar:@/x.tar", form(Form::RootFilesystem, Source::Archive(path("x.tar")))),
            ("tar:-", form(Form::RootFilesystem, Source::Stdin)),
            ("oci:@/layout", form(Form::Image, Source::Layout(path("layout")))),
            ("oci:@/layout#app:v1", named("app:v1", Source::Layout(path("layout")))),
            ("oci:@/x.tar#v1", named("v1", Source::Archive(path("x.tar")))),
            ("oci:-", form(Form::Image, Source::Stdin)),
            ("oci-archive:@/x.tar", form(Form::Image, Source::Archive(path("x.tar")))),
            ("oci-archive:-", form(Form::Image, Source::Stdin)),
            ("docker-archive:@/x.tar#a/b:c", named("a/b:c", Source::Archive(path("x.tar")))),
            ("registry:localhost:5000/a:b", Source::Registry("localhost:5000/a:b".into()).into()),
            ("docker://alpine:3", Source::Registry("alpine:3".into()).into()),
            ("store:app:v1", Source::Stored("app:v1".into()).into()),
            ("linux/amd64=@/tree", on("linux/amd64", Source::Directory(path("tree")).into())),
            (
                "linux/arm/v7=tar:@/x.tar",
                on("linux/arm/v7", form(Form::RootFilesystem, Source::Archive(path("x.tar")))),
            ),
            ("windows/amd64=docker://a=b", on("windows/amd64", Source::Registry("a=b".into()).into())),
        ];
        for (text, content) in table {
            assert_eq!(parse(&at(text)).map_err(|error| error.message), Ok(content), "{text}");
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_is_wrong_is_said() {
        let root = scratch("wrong");
        let at = |text: &str| text.replace('@', root.to_str().unwrap());
        let table = [
            ("@/none", "it does not exist"),
            ("dir:@/x.tar", "is not a directory"),
            ("tar:@/tree", "is a directory, not a tar"),
            ("docker-archive:@/tree", "is a directory, not a tar"),
            ("oci:@/tree", "is not an OCI layout"),
            ("oci:@/none", "it does not exist"),
            ("oci:@/layout#", "ends without the name"),
            // Only a path that a prefix calls an image has a name in it.
            ("@/layout#v1", "it does not exist"),
            ("registry:", "is followed by a name"),
            ("docker://", "is followed by a name"),
            ("store:", "is followed by a name"),
            ("linux=@/tree", "it does not exist"),
            ("linux/amd64=", "it does not exist"),
            ("linux/amd64/v1/x=@/tree", "it does not exist"),
        ];
        for (text, said) in table {
            let error = parse(&at(text)).unwrap_err();
            assert!(error.message.contains(said), "{text}: {}", error.message);
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn images_are_references_unless_they_look_like_paths() {
        for text in ["alpine", "alpine:3", "localhost:5000/a.tar:b", "a/b@sha256:00", "registry:x.tar"] {
            let reference = text.strip_prefix("registry:").unwrap_or(text);
            let parsed = parse_image(text).map_err(|error| error.message);
            assert_eq!(parsed, Ok(Source::Registry(reference.into()).into()), "{text}");
        }
        assert_eq!(parse_named("alpine").unwrap(), Source::Named("alpine".into()).into());
        assert_eq!(parse_named("registry:alpine").unwrap(), Source::Registry("alpine".into()).into());
        for text in ["./none", "/none", "../none", "~/none", "none.tar", "out/none.tar.gz", "none.json"] {
            assert!(parse_image(text).unwrap_err().message.contains("does not exist"), "{text}");
        }
    }

    #[test]
    fn several_sources_say_their_platforms() {
        let root = scratch("several");
        let tree = root.join("tree").to_str().unwrap().to_owned();
        let all = |texts: &[&str]| parse_all(&texts.iter().map(|text| text.replace('@', &tree)).collect::<Vec<_>>());
        assert_eq!(all(&["linux/amd64=@", "linux/arm64=@"]).unwrap().len(), 2);
        assert_eq!(all(&["@"]).unwrap().len(), 1);
        let error = all(&["linux/amd64=@", "@"]).unwrap_err();
        assert!(matches!((&error.code, error.fault), (ErrorCode::InvalidOption(_), Fault::Request)));
        assert!(error.message.contains("linux/amd64="), "{}", error.message);
        fs::remove_dir_all(root).unwrap();
    }
}
