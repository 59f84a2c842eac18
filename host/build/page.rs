//! The page that `ocix serve` shows: the files of `web/dist` as constants, with what they are; none when they were not built.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes `page.rs` for `src/serve/page.rs`: from what `cargo xtask web` left, else from what a published crate carries.
pub fn take(manifest: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    let folders = [manifest.join("../web/dist"), manifest.join("page")];
    if let Some(folder) = folders.iter().find(|folder| folder.is_dir()) {
        println!("cargo::rerun-if-changed={}", folder.display());
        collect(folder, "", &mut files)?;
    }
    files.sort();
    let index = files.iter().find(|(name, _)| name == "index.html");
    let policy = match index {
        Some((_, path)) => {
            policy(&fs::read_to_string(path)?).ok_or("web/dist/index.html has no policy of what it may load")?
        }
        None => String::new(),
    };
    let mut text = format!("const POLICY: &str = {policy:?};\nconst FILES: &[(&str, &str, &[u8])] = &[\n");
    for (name, path) in &files {
        writeln!(text, "    ({name:?}, {:?}, include_bytes!({:?})),", media_type(name), path.canonicalize()?)?;
    }
    text.push_str("];\n");
    fs::write(out.join("page.rs"), text)?;
    Ok(())
}

/// All files beneath a folder, by their paths in it.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| "a file of web/dist has no name in UTF-8")?;
        let name = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}

/// `content` of `<meta http-equiv="Content-Security-Policy" content="…">`.
fn policy(html: &str) -> Option<String> {
    let (_, rest) = html.split_once("http-equiv=\"Content-Security-Policy\"")?;
    let (_, rest) = rest.split_once("content=\"")?;
    Some(rest.split_once('"')?.0.replace("&#39;", "'"))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
