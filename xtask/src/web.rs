//! JavaScript: the browser shell with its glue in `web/pkg`, for pages and for Node, and the page in `web/dist`.
//!
//! Nothing is written that has not changed: who embeds or serves these files looks at their times.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{cargo, guest, paths, tools};

/// Makes `web/pkg`, and `web/dist` where there is Node.
pub fn build() -> Result<()> {
    shell()?;
    if tools::have("node") && tools::have("npm") {
        return page();
    }
    eprintln!("xtask: there is no node and npm here: the page is not built");
    Ok(())
}

/// Makes `web/pkg/ocix.js`, `ocix_bg.wasm` and the types: an ES module that is given the wasm's bytes or address.
fn shell() -> Result<()> {
    // Nothing of it is shared with the components, which can be compiled at the same time.
    let made = paths::target().join("web");
    guest::compile(&["ocix-browser"], &made)?;
    let module = made.join(guest::TARGET).join("guest/ocix_browser.wasm");
    let out = paths::root().join("web/pkg");
    // The module that the files were made of tells whether there is anything to do.
    let source = made.join("ocix.core.wasm");
    let bytes = fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    if out.join("ocix_bg.wasm").is_file() && fs::read(&source).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&module).out_name("ocix").typescript(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.web(true).context("wasm-bindgen does not know the target `web`")?;
    let made = made.join("pkg");
    bindgen.generate(&made).with_context(|| format!("cannot write {}", made.display()))?;
    copy_changed(&made, &out)?;
    fs::write(&source, bytes).with_context(|| format!("cannot write {}", source.display()))
}

/// What `npm run build` makes of `web/page` and the package, unless it was made since anything there changed.
fn page() -> Result<()> {
    let web = paths::root().join("web");
    let lock = modified(&web.join("package-lock.json"))?;
    let installed = modified(&web.join("node_modules/.package-lock.json")).ok();
    if installed.is_none_or(|installed| installed < lock) {
        npm(&["ci", "--no-audit", "--no-fund", "--loglevel=error"])?;
    }
    let mut newest = lock;
    let mut folders = vec![web.clone()];
    while let Some(folder) = folders.pop() {
        let (files, within) = listed(&folder)?;
        for file in files {
            newest = newest.max(modified(&file)?);
        }
        let part = |folder: &PathBuf| folder.parent() != Some(&*web) || PARTS.iter().any(|part| folder.ends_with(part));
        folders.extend(within.into_iter().filter(part));
    }
    if modified(&paths::page().join("index.html")).is_ok_and(|made| made > newest) {
        return Ok(());
    }
    npm(&["run", "--silent", "build"])?;
    // What is copied keeps the time of its source, and is looked at here.
    touch(&paths::page().join("index.html"))
}

fn npm(args: &[&str]) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(args).current_dir(paths::root().join("web"));
    cargo::run(npm)
}

fn copy_changed(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for file in listed(from)?.0 {
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let to = to.join(file.file_name().unwrap_or_default());
        if !fs::read(&to).is_ok_and(|old| old == bytes) {
            fs::write(&to, bytes).with_context(|| format!("cannot write {}", to.display()))?;
        }
    }
    Ok(())
}

/// The files in a folder, and the folders.
fn listed(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    Ok(entries.into_iter().map(|entry| entry.path()).partition(|path| path.is_file()))
}

fn modified(path: &Path) -> Result<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).with_context(|| format!("cannot look at {}", path.display()))
}

fn touch(path: &Path) -> Result<()> {
    let touched = fs::File::options().append(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
    touched.with_context(|| format!("cannot write {}", path.display()))
}

/// Folders of `web` that the page is made of.
const PARTS: [&str; 3] = ["media", "page", "pkg"];
