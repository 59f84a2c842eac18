//! The rules of the house, as far as a program can check them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ocix_tests::scratch::repository;
use ocix_tests::{Run, Scratch, cargo, need, program};
use serde_json::Value;
use wasmparser::{CanonicalFunction, Parser, Payload};

/// The core is small and pure because everything that it may use is in this list.
#[test]
fn core_depends_on_nothing_else() {
    let allowed = [
        "crc32fast",
        "futures-channel",
        "futures-util",
        "jiff",
        "memchr",
        "miniz_oxide",
        "rust-zstd",
        "ruzstd",
        "serde",
        "serde_json",
        "sha2",
        "unicode-normalization",
        "zlib-rs",
    ];
    assert_eq!(dependencies()["ocix-core"], allowed);
}

/// Only shells link the core, hosts run a component, and nothing stands on the tests.
#[test]
fn crates_know_only_what_they_may() {
    let dependencies = dependencies();
    assert_eq!(dependencies["ocix-component"], ["ocix-core", "wit-bindgen"]);
    assert_eq!(dependencies["ocix-toolkit"], ["ocix-core", "wit-bindgen"]);
    for (package, names) in &dependencies {
        let ours: Vec<_> = names.iter().filter(|name| name.starts_with("ocix")).collect();
        let allowed: &[&str] = match package.as_str() {
            "ocix-browser" | "ocix-component" | "ocix-toolkit" => &["ocix-core"],
            _ => &[],
        };
        assert_eq!(ours, allowed, "{package}");
    }
}

/// A component can do no more than what it imports; the lists are `imports/WORLD.txt`.
#[test]
fn components_import_what_their_worlds_say() {
    for world in ["images", "toolkit"] {
        let component = repository().join("target/components").join(world).with_extension("wasm");
        let bytes = fs::read(&component).unwrap_or_else(|error| panic!("{}: {error}", component.display()));
        let list = repository().join("tests/imports").join(world).with_extension("txt");
        let expected = fs::read_to_string(&list).unwrap_or_else(|error| panic!("{}: {error}", list.display()));
        let imports: String = imports(&bytes).iter().map(|name| format!("{name}\n")).collect();
        assert_eq!(imports, expected, "{world}");
    }
}

/// The interface that it does import has types alone: no module in it can call anything.
#[test]
fn toolkit_can_call_nothing() {
    let bytes = fs::read(repository().join("target/components/toolkit.wasm")).unwrap();
    assert_eq!(lowered(&bytes), 0);
    assert_ne!(lowered(&fs::read(repository().join("target/components/images.wasm")).unwrap()), 0);
}

/// No crate has unsafe code. What wit-bindgen generates is in one private module of each component shell; the host says why where it must
/// trust a precompiled component.
#[test]
fn no_unsafe_code() {
    for root in ["guest/core/src/lib.rs", "guest/browser/src/lib.rs", "tests/src/lib.rs", "xtask/src/main.rs"] {
        assert!(read(root).contains("#![forbid(unsafe_code)]"), "{root} does not forbid unsafe code");
    }
    for root in ["guest/component/src/lib.rs", "guest/toolkit/src/lib.rs"] {
        assert!(read(root).contains("#![deny(unsafe_code)]"), "{root} does not deny unsafe code");
    }
    for path in sources("rs").iter().filter(|path| !path.starts_with("host")) {
        let exempt = path.ends_with("bindings.rs") || path.ends_with("tests/tests/all/architecture.rs");
        assert!(exempt || !read(path).contains("allow(unsafe_code"), "{} allows unsafe code", path.display());
    }
}

#[test]
fn every_file_opens_with_its_contract() {
    for path in sources("rs") {
        let text = read(&path);
        let first = text.lines().find(|line| !line.starts_with("#!["));
        assert!(first.is_some_and(|line| line.starts_with("//! ")), "{} does not open with `//!`", path.display());
    }
}

#[test]
fn no_file_is_long() {
    for extension in ["rs", "js", "mjs", "ts", "wit"] {
        for path in sources(extension) {
            let lines = read(&path).lines().count();
            assert!(lines <= 400, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn nothing_unfinished() {
    for path in sources("rs").iter().filter(|path| !path.ends_with("tests/tests/all/architecture.rs")) {
        for word in ["TODO", "FIXME", "XXX", "todo!", "unimplemented!", "allow(dead_code"] {
            assert!(!read(path).contains(word), "{} says {word}", path.display());
        }
    }
}

#[test]
fn nothing_generated_is_committed() {
    need!("git");
    if !repository().join(".git").exists() {
        return;
    }
    let mut git = program("git");
    git.args(["-c", "safe.directory=*", "ls-files"]).current_dir(repository());
    for file in Run::of(&mut git).ok().stdout.lines() {
        let generated = file.ends_with(".wasm") || file.ends_with(".cwasm") || file.contains("node_modules/");
        let folder = ["target/", "web/dist/", "web/pkg/"].iter().any(|folder| file.starts_with(folder));
        assert!(!generated && !folder, "{file} is generated");
    }
}

/// A newcomer types what README says.
#[test]
fn commands_of_the_readme_exist() {
    let usage = read("xtask/src/main.rs");
    let scratch = Scratch::new();
    let help = Run::of(scratch.ocix().arg("--help")).ok().stdout;
    let readme = read("README.md");
    let mut found = 0;
    for line in readme.lines().map(|line| line.trim_start_matches(['$', ' '])) {
        if let Some(verb) = line.strip_prefix("cargo xtask ").and_then(|rest| rest.split([' ', '`']).next()) {
            assert!(usage.contains(&format!("\"{verb}\" =>")), "README: {line}");
            found += 1;
        }
        let ours = line.strip_prefix("ocix ").or_else(|| line.strip_prefix("cargo xtask run "));
        if let Some(verb) =
            ours.and_then(|rest| rest.split(' ').next()).filter(|verb| verb.starts_with(char::is_lowercase))
        {
            assert!(help.contains(&format!("  {verb} ")), "README: {line}\n{help}");
        }
    }
    assert!(found >= 2, "README does not say how to build and test");
}

/// What every package of the workspace depends on, build scripts' needs and tests' needs aside.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata = Run::of(cargo("metadata").args(["--no-deps", "--format-version=1"])).ok().stdout;
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let package = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap();
        let mut names: Vec<_> = all.iter().filter(|one| one["kind"].is_null()).map(|one| text(&one["name"])).collect();
        names.sort();
        (text(&package["name"]), names)
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

/// How many functions of the outside a component hands to the modules in it.
fn lowered(component: &[u8]) -> usize {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::ComponentCanonicalSection(section) = payload.unwrap() {
            let functions = section.into_iter().map(|function| function.unwrap());
            count += functions.filter(|function| matches!(function, CanonicalFunction::Lower { .. })).count();
        }
    }
    count
}

/// The names of a component's own imports, not of those of the modules in it.
fn imports(component: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                names.extend(section.into_iter().map(|import| import.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    names.sort();
    names
}

fn read(path: impl AsRef<Path>) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files with an extension that people wrote, relative to the repository.
fn sources(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = ["guest", "host", "tests", "web", "wit", "xtask"].map(PathBuf::from).into();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(repository().join(&folder)) else { continue };
        for entry in entries.map(|entry| entry.unwrap()) {
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().unwrap();
            if kind.is_dir()
                && !["dist", "node_modules", "pkg", "target"].contains(&entry.file_name().to_str().unwrap())
            {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|end| end == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
